//! Whether a load can be held: a backlog that grows, or one that would not have shown yet.

use std::time::Duration;

use super::summarise::{Conduct, Window};
use super::tally::Tally;
use super::trend::{WINDOWS_MIN, grows};

/// An overload so small must show: load over what the server can do, less one.
pub const EXCESS: f64 = 0.07;
/// Standard errors by which it must show.
const Z: f64 = 3.0;
/// A queue shows only when the places in the server are full, which takes some residence times.
const RESIDENCES: f64 = 5.0;
/// Requests in a bin, on average, before counts say anything of how arrivals vary.
const PER_BIN: f64 = 10.0;

/// Whether requests in flight grew over the measured window of an open loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backlog {
    /// A closed loop has none.
    None,
    /// They did not, and the window was long enough to see it.
    Steady,
    /// They did: OVERLOADED.
    Grows,
    /// They did not, but an overload of 7 % could have stayed unseen for so many seconds more.
    TooShort(f64),
}

/// The seconds for which an open loop must be measured so that a load `excess` (such as 0.07) above what the server can do
/// shows as a backlog: `z^2 (ca^2 + cs^2) / (excess^2 rate)` with `z = 3`, the time after which the drift of a random walk
/// stands out from its wandering by three standard errors. `rate` is per second; the coefficients of variation are those of
/// the gaps between arrivals and of the work in a request, squared. 100 s at 26/s, 7 % and together 1.4.
pub fn seconds_to_see(excess: f64, rate: f64, arrival_scv: f64, service_scv: f64) -> f64 {
    Z * Z * (arrival_scv + service_scv) / (excess * excess * rate)
}

impl Tally {
    /// Whether the load of a run can be held. How the work of requests varies is taken from their latencies.
    pub fn backlog(&self, conduct: &Conduct) -> Backlog {
        let window = &conduct.window;
        let measured = window.measure_end.since(window.measure_start).as_secs_f64();
        if !conduct.open_loop {
            return Backlog::None;
        }
        if grows(&self.in_flight_by_second(window)) {
            return Backlog::Grows;
        }
        let rate = self.arisen.scheduled.within(window.measure_start, window.measure_end) / measured;
        let latency = self.samples("latency").and_then(|samples| Some((samples.mean()?, samples.stdev()?)));
        let (mean, service_scv) =
            latency.map_or((0.0, 1.0), |(mean, stdev)| (mean / 1e9, (stdev / mean).powi(2)));
        let to_see = if rate > 0.0 {
            seconds_to_see(EXCESS, rate, self.arrival_scv(window), service_scv)
        } else {
            0.0
        };
        let needed = to_see.max(RESIDENCES * mean).max(WINDOWS_MIN as f64);
        if measured >= needed { Backlog::Steady } else { Backlog::TooShort(needed - measured) }
    }

    /// The index of dispersion of the scheduled requests: for gaps that do not depend on each other, their squared
    /// coefficient of variation (Cox and Lewis, The Statistical Analysis of Series of Events, 1966).
    fn arrival_scv(&self, window: &Window) -> f64 {
        let measured = window.measure_end.since(window.measure_start).as_secs_f64();
        let all = self.arisen.scheduled.within(window.measure_start, window.measure_end);
        let bins = (all / PER_BIN).min(measured * 10.0).floor();
        if bins < 2.0 {
            return 1.0;
        }
        let edge = |bin: f64| window.measure_start + Duration::from_secs_f64(measured * bin / bins);
        let counts = (0..bins as u64)
            .map(|bin| self.arisen.scheduled.within(edge(bin as f64), edge(bin as f64 + 1.0)));
        let moments: crate::stats::Moments = counts.collect();
        moments.variance() / moments.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_see_an_overload_is_the_published_one() {
        for (excess, rate, scv, seconds) in
            [(0.07, 26.0, 1.4, 98.9), (0.05, 26.0, 1.4, 193.8), (0.07, 1_000.0, 2.0, 3.7)]
        {
            let found = seconds_to_see(excess, rate, scv, 0.0);
            assert!((found - seconds).abs() < 0.1, "{found} for {excess} at {rate}/s");
        }
    }
}
