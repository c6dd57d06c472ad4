//! VALID or INVALID: whether this client measured the server and not itself.

use super::histogram::Samples;
use super::order_statistics::{interval, min_samples};
use super::trend::grows;
use crate::health::{ClientHealth, ThreadHealth};
use crate::summary::Validity;

/// A 99th percentile of lag above this is the client's fault, nanoseconds.
const LAG_MAX: u64 = 1_000_000;
/// Where the lag is not due to other processes it must also be above this share of the median latency to matter.
const LAG_SHARE_MAX: f64 = 0.02;
/// Greatest relative difference between sent and offered rate.
const RATE_ERROR_MAX: f64 = 0.01;
/// So few missed requests are the window's last ones, cut off by its end, and say nothing of the rate.
const MISSED_MIN: u64 = 3;
/// Other processes that use more than this share of the cores are to blame for late timers.
const OTHERS_MAX: f64 = 0.2;
/// Greatest share of the window in which an I/O thread may want its core.
const BUSY_MAX: f64 = 0.8;

/// Greatest relative difference between requests in flight as counted and as the records add up …
const LITTLE_MAX: f64 = 0.05;
/// … and so many requests at least.
const LITTLE_MIN: f64 = 0.1;

/// What the verdict is made from: all of the measured window.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Requests start on a schedule, whatever the server does.
    pub open_loop: bool,
    /// The user's own cap on concurrency was reached.
    pub cap_reached: bool,
    /// Requests due.
    pub offered: u64,
    /// Those that were sent.
    pub sent: u64,
    /// Requests due that the server (or the way to it) refused before they could be sent.
    pub refused: u64,
    /// `send_lag` without the time that connections took to open, nanoseconds.
    pub own_lag: &'a Samples,
    /// Median latency in seconds.
    pub median_latency: Option<f64>,
    /// The client's own health.
    pub health: &'a ClientHealth,
    /// Requests in flight, one mean per second.
    pub in_flight: &'a [f64],
    /// Requests in flight, counted in two ways.
    pub little: Option<Little>,
}

/// Requests in flight on average: Little's `L` and `λW`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Little {
    /// As they were counted while they were in flight.
    pub counted: f64,
    /// As the records add up: the rate times the mean time from `sent` to `done`.
    pub from_records: f64,
    /// Requests sent per second.
    pub rate: f64,
}

/// Judges a measured window. A rule about a 99th percentile needs 100 samples to fire.
pub fn validity(evidence: &Evidence) -> Validity {
    let mut reasons = Vec::new();
    if evidence.open_loop && !evidence.cap_reached {
        reasons.extend(late(evidence));
        reasons.extend(rate_missed(evidence));
    }
    for thread in &evidence.health.threads {
        reasons.extend(busy(thread));
        reasons.extend(timers_late(thread, evidence.median_latency));
    }
    reasons.extend(evidence.little.and_then(inconsistent));
    let lost = evidence.health.records_lost;
    if lost > 0 {
        reasons.push(format!(
            "{lost} records were lost (limit 0): the results lack them; free memory and disk, or lower the rate"
        ));
    }
    Validity {
        valid: reasons.is_empty(),
        reasons,
        overloaded: evidence.open_loop && grows(evidence.in_flight),
    }
}

/// Requests left later than they were due, by this client's own doing.
fn late(evidence: &Evidence) -> Option<String> {
    let (proven, lag) = p99(evidence.own_lag.n(), |rank| evidence.own_lag.at_rank(rank))?;
    let share = evidence.median_latency.unwrap_or(0.0) * LAG_SHARE_MAX;
    (proven > LAG_MAX && proven as f64 / 1e9 > share).then(|| {
        format!(
            "send_lag p99 was {} ms (limits 1 ms and 2 % of the median latency, {:.3} ms): this client sent late; \
             lower the rate, add I/O threads (--threads), or free its cores",
            millis(lag),
            share * 1e3,
        )
    })
}

/// Requests that were due and neither sent nor refused.
fn rate_missed(evidence: &Evidence) -> Option<String> {
    let offered = evidence.offered;
    let missed = offered.saturating_sub(evidence.sent + evidence.refused);
    (missed as f64 > offered as f64 * RATE_ERROR_MAX && missed > MISSED_MIN).then(|| {
        format!(
            "{} requests were sent where {offered} were offered ({:.1} % missed, limit 1 %): this client did not \
             keep the schedule; lower the rate, add I/O threads (--threads), or free its cores",
            evidence.sent,
            100.0 * missed as f64 / offered as f64,
        )
    })
}

/// Little's law, `L = λW`, holds for whatever is measured rightly: where it does not, records or clocks are wrong. The counts
/// go on until this client has dealt with an answer, some microseconds after its arrival; that is no fault up to the limit
/// for lags.
fn inconsistent(little: Little) -> Option<String> {
    let Little { counted, from_records, rate } = little;
    let difference = (counted - from_records).abs();
    let dealing = rate * LAG_MAX as f64 / 1e9;
    (counted > 0.0 && difference > LITTLE_MAX * counted.max(from_records) + dealing && difference > LITTLE_MIN).then(|| {
        format!(
            "{counted:.2} requests were in flight on average where the records add up to {from_records:.2} (Little's law, \
             limit {:.0} %): records are missing or a clock is wrong; please report it",
            100.0 * LITTLE_MAX
        )
    })
}

/// A thread that wants its core and does not get it is as late as one that is busy.
fn busy(thread: &ThreadHealth) -> Option<String> {
    let share = thread.busy + thread.waiting;
    (share > BUSY_MAX).then(|| {
        format!(
            "I/O thread {} was busy {:.0} % of the window ({:.0} % running, {:.0} % waiting for a core; limit 80 %): \
             lower the load, add I/O threads (--threads), or free its cores",
            thread.thread,
            100.0 * share,
            100.0 * thread.busy,
            100.0 * thread.waiting,
        )
    })
}

/// Late timers are this client's fault where other processes have its cores: that grows with the load and spares nothing.
/// The host of a virtual machine takes its share from everything alike, so that matters only where it is large against
/// what is measured.
fn timers_late(thread: &ThreadHealth, median_latency: Option<f64>) -> Option<String> {
    let (proven, lag) = timer_lag_p99(thread)?;
    let share = median_latency.unwrap_or(0.0) * LAG_SHARE_MAX;
    let number = thread.thread;
    let lag = millis(lag);
    if proven <= LAG_MAX {
        None
    } else if thread.others > OTHERS_MAX {
        Some(format!(
            "timer lag p99 of I/O thread {number} was {lag} ms (limit 1 ms) while other processes used {:.0} % of its \
             cores: free the cores, or lower the load",
            100.0 * thread.others
        ))
    } else if proven as f64 / 1e9 > share {
        Some(format!(
            "timer lag p99 of I/O thread {number} was {lag} ms (limits 1 ms and 2 % of the median latency, {:.3} ms), \
             and no other process is to blame: {}",
            share * 1e3,
            host(thread)
        ))
    } else {
        None
    }
}

/// The warning of a run whose timers were late, but not so late that it is INVALID.
pub(super) fn slow_host(health: &ClientHealth, median_latency: Option<f64>) -> Option<String> {
    let late = |thread: &&ThreadHealth| timer_lag_p99(thread).is_some_and(|(proven, _)| proven > LAG_MAX);
    let thread = health.threads.iter().find(late)?;
    if timers_late(thread, median_latency).is_some() {
        return None;
    }
    let (_, lag) = timer_lag_p99(thread)?;
    Some(format!(
        "timer lag p99 of I/O thread {} was {} ms, little against the latencies here: {}",
        thread.thread,
        millis(lag),
        host(thread)
    ))
}

fn host(thread: &ThreadHealth) -> String {
    format!(
        "the host of this machine took {:.1} % of its cores (steal); for finer figures use a machine with cores of its own",
        100.0 * thread.stolen
    )
}

/// See [`p99`].
fn timer_lag_p99(thread: &ThreadHealth) -> Option<(u64, u64)> {
    let n = thread.timer_lag.len();
    let at_rank = |rank: u64| {
        // Half a rank below, so that rounding in the quotient cannot step to the next sample.
        thread.timer_lag.lowest_equivalent(thread.timer_lag.value_at_quantile((rank as f64 - 0.5) / n as f64))
    };
    p99(n, at_rank)
}

/// What the 99th percentile is at least, with 95 % confidence, and the percentile itself; nothing with too few samples
/// for one. A verdict rests on the former: the few hundred samples of a short run have a p99 of their two or three
/// worst, which on any shared machine exceeds a millisecond now and then.
fn p99(n: u64, at_rank: impl Fn(u64) -> u64) -> Option<(u64, u64)> {
    if n < min_samples(99.0) {
        return None;
    }
    let low = interval(n, 99.0).0?;
    Some((at_rank(low), at_rank((n * 99).div_ceil(100))))
}

fn millis(nanos: u64) -> String {
    format!("{:.3}", nanos as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;

    fn lags(n: u64, nanos: u64) -> Samples {
        let mut samples = Samples::default();
        (0..n).for_each(|_| samples.record(nanos));
        samples
    }

    fn thread(busy: f64, waiting: f64, n: u64, timer_lag: u64) -> ThreadHealth {
        let mut lag = Histogram::new(3).unwrap();
        lag.record_n(timer_lag, n).unwrap();
        ThreadHealth {
            thread: 3,
            busy,
            waiting,
            others: 0.5,
            stolen: 0.03,
            timer_lag: lag,
            read_lag: Histogram::new(3).unwrap(),
        }
    }

    #[test]
    fn a_p99_of_two_stray_samples_proves_nothing() {
        let mut stray = thread(0.1, 0.0, 197, 50_000);
        stray.timer_lag.record_n(4_000_000, 3).unwrap();
        assert_eq!(timers_late(&stray, None), None);
        stray.timer_lag.record_n(4_000_000, 5).unwrap();
        assert!(timers_late(&stray, None).is_some_and(|reason| reason.contains("4.0")));
    }

    #[test]
    fn a_slow_host_matters_where_its_lag_is_large_against_the_latency() {
        let late = thread(0.1, 0.0, 1_000, 3_000_000);
        let alone = ThreadHealth { others: 0.1, ..late.clone() };
        let has = |thread: &ThreadHealth, latency, excerpt: &str| {
            timers_late(thread, Some(latency)).is_some_and(|reason| reason.contains(excerpt))
        };
        assert!(has(&late, 10.0, "other processes used 50 %"));
        assert!(has(&alone, 0.1, "took 3.0 %"));
        assert_eq!(timers_late(&alone, Some(0.2)), None);
        let warned = |thread: &ThreadHealth, latency| {
            slow_host(
                &ClientHealth { threads: vec![thread.clone()], ..ClientHealth::default() },
                Some(latency),
            )
        };
        assert!(warned(&alone, 0.2).is_some_and(|warning| warning.contains("2.998 ms")));
        assert_eq!(warned(&alone, 0.1), None, "a reason already");
        assert_eq!(warned(&thread(0.1, 0.0, 1_000, 900_000), 0.2), None);
    }

    /// An open loop without fault.
    fn sound<'a>(own_lag: &'a Samples, health: &'a ClientHealth) -> Evidence<'a> {
        Evidence {
            open_loop: true,
            cap_reached: false,
            offered: 1_000,
            sent: 1_000,
            refused: 0,
            own_lag,
            median_latency: Some(0.01),
            health,
            in_flight: &[],
            little: None,
        }
    }

    fn judge(evidence: &Evidence) -> Vec<String> {
        let verdict = validity(evidence);
        assert_eq!(verdict.valid, verdict.reasons.is_empty());
        verdict.reasons
    }

    #[test]
    fn a_client_that_sent_late_measured_itself() {
        let health = ClientHealth::default();
        let fires = |own_lag: &Samples, median_latency, cap_reached, open_loop| {
            !judge(&Evidence { median_latency, cap_reached, open_loop, ..sound(own_lag, &health) }).is_empty()
        };
        let late = lags(1_000, 1_500_000);
        assert!(fires(&late, Some(0.01), false, true));
        assert!(fires(&late, None, false, true));
        assert!(!fires(&late, Some(0.1), false, true), "1.5 ms is less than 2 % of 100 ms");
        assert!(!fires(&late, Some(0.01), true, true), "the user's cap held requests back");
        assert!(!fires(&late, Some(0.01), false, false), "a closed loop has no schedule");
        assert!(!fires(&lags(99, 1_500_000), Some(0.01), false, true), "too few for a p99");
        assert!(!fires(&lags(1_000, 1_000_000), Some(0.001), false, true), "at the limit");
    }

    #[test]
    fn a_missed_rate_needs_a_reason_other_than_the_server_or_the_cap() {
        for (offered, sent, refused, cap_reached, fires) in [
            (1_000, 1_000, 0, false, false),
            (1_000, 990, 0, false, false),
            (1_000, 989, 0, false, true),
            (1_000, 500, 500, false, false),
            (1_000, 500, 0, true, false),
            (60, 57, 0, false, false),
            (60, 56, 0, false, true),
            (0, 0, 0, false, false),
        ] {
            let (own_lag, health) = (lags(1_000, 20_000), ClientHealth::default());
            let reasons =
                judge(&Evidence { offered, sent, refused, cap_reached, ..sound(&own_lag, &health) });
            assert_eq!(!reasons.is_empty(), fires, "{sent} of {offered}, {refused} refused: {reasons:?}");
        }
    }

    #[test]
    fn threads_must_have_time_to_spare_in_either_loop() {
        for (busy, waiting, n, timer_lag, expected) in [
            (0.5, 0.3, 1_000, 1_000_000, 0),
            (0.5, 0.31, 1_000, 0, 1),
            (0.95, 0.0, 1_000, 0, 1),
            (0.1, 0.0, 1_000, 2_000_000, 1),
            (0.1, 0.0, 99, 2_000_000, 0),
            (0.5, 0.5, 1_000, 2_000_000, 2),
        ] {
            let health = ClientHealth {
                threads: vec![thread(busy, waiting, n, timer_lag)],
                ..ClientHealth::default()
            };
            for open_loop in [false, true] {
                let reasons = judge(&Evidence { open_loop, ..sound(&Samples::default(), &health) });
                assert_eq!(reasons.len(), expected, "{busy} {waiting} {n} {timer_lag}: {reasons:?}");
            }
        }
    }

    #[test]
    fn every_reason_says_its_figure_and_its_limit() {
        let own_lag = lags(1_000, 2_500_000);
        let health = ClientHealth {
            threads: vec![thread(0.51, 0.42, 1_000, 3_000_000)],
            records_lost: 12,
            ..ClientHealth::default()
        };
        let reasons = judge(&Evidence { sent: 950, ..sound(&own_lag, &health) });
        for (reason, parts) in reasons.iter().zip([
            ["2.500 ms", "1 ms", "0.200 ms"],
            ["950", "1000", "5.0 %"],
            ["thread 3", "93 %", "80 %"],
            ["2.998 ms", "1 ms", "thread 3"],
            ["12 records", "limit 0", "lower the rate"],
        ]) {
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        }
        assert_eq!(reasons.len(), 5);
    }

    #[test]
    fn only_an_open_loop_can_be_overloaded() {
        let backlog: Vec<f64> = (0..30).map(|second| 10.0 + 5.0 * f64::from(second)).collect();
        let (own_lag, health) = (Samples::default(), ClientHealth::default());
        for open_loop in [true, false] {
            let verdict = validity(&Evidence { open_loop, in_flight: &backlog, ..sound(&own_lag, &health) });
            assert_eq!((verdict.valid, verdict.overloaded), (true, open_loop));
        }
    }
}
