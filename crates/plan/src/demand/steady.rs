//! The steady rate that asks as much of a fleet as a trace does from second to second.

use plimsoll_sim::flow::share_in_time;

/// Halvings of the range in which the rate lies.
const HALVINGS: u32 = 24;
/// What sums of many requests may be off by.
const ROUNDING: f64 = 1e-9;

/// Of one replica: what waits are like in a queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waits {
    /// Seconds that a request may wait.
    pub(crate) bearable: f64,
    /// The share of the requests that must wait no longer.
    pub(crate) share: f64,
    /// The rate at which it saturates, as a multiple of the one at which that share just waits no longer; above 1.
    pub(crate) saturation: f64,
}

/// The least rate, per second, for which replicas must be certified together so that the share of the requests that must be
/// in time is. `counts` came in stretches of `bin` seconds, evenly within each. 0 without requests.
///
/// The wait after each stretch is `W' = max(0, W + a / r - bin)`, with `a` requests in it and the rate `r`: a fluid queue
/// (D. V. Lindley, 1952). So a burst is counted as far as the queue cannot absorb it. Were nobody to be late it would be the
/// greatest of `requests / (seconds + bearable)` over all windows.
///
/// Requests also come unevenly within a stretch and at each replica. The share that such waits make late falls
/// exponentially with the room that is left, and with the distance to saturation (J. F. C. Kingman, 1962, heavy traffic):
/// `(1 - p)^((s - l) / (s - 1) (1 - W / w))` at a load of `l` times the certified one, where by definition it is `1 - p`.
pub(crate) fn steady_rate(counts: &[f64], bin: f64, waits: Waits) -> f64 {
    let all: f64 = counts.iter().sum();
    let kept = |rate: f64| {
        let (mut queue, mut in_time) = (0.0_f64, 0.0);
        for count in counts {
            let growth = count - rate * bin;
            let room = waits.bearable * rate;
            in_time += count
                * share_in_time(queue, growth, room)
                * (1.0 - waits.late(count / (rate * bin), queue, room));
            queue = (queue + growth).max(0.0);
        }
        in_time >= waits.share * all * (1.0 - ROUNDING)
    };
    // At the rate of the busiest stretch nobody waits for others than its own.
    let (mut low, mut high) = (0.0, counts.iter().copied().fold(0.0, f64::max) / bin);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if kept(middle) { high = middle } else { low = middle }
    }
    high
}

impl Waits {
    /// The share that is late because requests come unevenly, at a load as a multiple of the certified one, with so many
    /// before them of those that may be.
    fn late(&self, load: f64, queue: f64, room: f64) -> f64 {
        let left = if queue > 0.0 { (1.0 - queue / room).max(0.0) } else { 1.0 };
        // Above the certified load the queue grows, which is what `share_in_time` counts.
        let slack = (self.saturation - load.min(1.0)) / (self.saturation - 1.0);
        (1.0 - self.share).powf(slack * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_absorbs_what_it_can_work_off_in_time() {
        // Ten seconds of 10/s with one of 40 in them.
        let burst = [10.0, 10.0, 10.0, 40.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0];
        for (what, counts, bearable, share, rate) in [
            ("steady traffic asks for itself", &[10.0; 10], 0.0, 0.99, 10.0),
            ("nobody may wait", &burst, 0.0, 1.0, 40.0),
            ("a second is bearable: 40 in 2 s, and 50 in 3 s is less", &burst, 1.0, 1.0, 20.0),
            ("three seconds: (40 + 10 k) in (1 + k + 3) s", &burst, 3.0, 1.0, 10.0),
            ("a quarter may be late", &burst, 0.5, 0.75, 21.71),
            ("none at all", &[0.0; 10], 1.0, 0.99, 0.0),
        ] {
            let found = steady_rate(counts, 1.0, Waits { bearable, share, saturation: 1.1 });
            assert!((found - rate).abs() < 0.01, "{what}: {found} for {rate}");
        }
    }

    #[test]
    fn ten_times_the_traffic_asks_for_ten_times_the_rate() {
        let counts: Vec<f64> = (0..600).map(|second| f64::from(second * 7919 % 23)).collect();
        let ten: Vec<f64> = counts.iter().map(|count| 10.0 * count).collect();
        let waits = Waits { bearable: 0.4, share: 0.99, saturation: 1.1 };
        let (one, ten) = (steady_rate(&counts, 1.0, waits), steady_rate(&ten, 1.0, waits));
        assert!((ten / one - 10.0).abs() < 1e-3, "{one} {ten}");
    }
}
