//! The end of a warm-up, found in what was measured.

use super::{answered, ms};
use crate::record::{Phase, Record};
use crate::slo::WarmUp;
use crate::time::Offset;

/// Where a minute of 50 requests a second becomes steady: ms, and whether at all.
fn steady(latency: impl Fn(u64) -> f64) -> Option<(u64, bool)> {
    let mut warm_up = WarmUp::new(Offset::ZERO);
    for number in 0..3_000 {
        let wobble = (number * 7 % 11) as f64;
        warm_up.add(&answered(ms(number * 20), latency(number * 20) + wobble));
    }
    let found = warm_up.steady(ms(60_000))?;
    Some((found.from.as_nanos() / 1_000_000, found.found))
}

#[test]
fn the_end_of_a_warm_up_is_found_in_the_latencies() {
    let (at, found) = steady(|millis| if millis < 9_000 { 400.0 } else { 100.0 }).unwrap();
    assert!(found && (9_000..=10_000).contains(&at), "{at}");
    let (at, found) = steady(|_| 100.0).unwrap();
    assert!(found && at <= 6_000, "{at}");
    assert_eq!(steady(|millis| 100.0 + millis as f64 / 10.0), Some((30_000, false)), "a backlog that grows");
}

#[test]
fn the_end_of_a_warm_up_is_found_in_the_throughput() {
    let mut warm_up = WarmUp::new(Offset::ZERO);
    for number in 0..3_000 {
        if number >= 400 || number % 4 == 0 {
            warm_up.add(&answered(ms(number * 20), 100.0));
        }
    }
    let found = warm_up.steady(ms(60_000)).unwrap();
    assert!(found.found && (ms(8_000)..=ms(9_000)).contains(&found.from), "{found:?}");
}

#[test]
fn a_few_requests_say_nothing() {
    let mut warm_up = WarmUp::new(Offset::ZERO);
    (0..20).for_each(|second| warm_up.add(&answered(ms(second * 1_000), 100.0)));
    (0..500)
        .for_each(|number| warm_up.add(&Record { phase: Phase::Ramp, ..answered(ms(number * 20), 100.0) }));
    assert_eq!(warm_up.steady(ms(20_000)), None);
}
