//! Each cause of headroom, and all of them together.

use super::*;
use crate::capacity::{BurstCapacity, ColdStart, Measured};
use crate::demand::{Counts, Growth, Traffic};
use crate::testing::certified;

fn replicas(headroom: &Headroom, cause: Cause) -> u32 {
    headroom.conditions.iter().chain(&headroom.events).find(|line| line.cause == cause).unwrap().replicas
}

#[test]
fn the_seeds_example_is_eight_and_should_be_more() {
    let headroom = Headroom::of(&Capacity::typed(65.0), &Demand::peak(500.0), &Settings::default());
    assert_eq!((headroom.bare, headroom.calm, headroom.replicas), (8, 8, 9));
    assert_eq!(headroom.bound_by, Cause::Failure);
    let unknown =
        headroom.conditions.iter().chain(&headroom.events).filter(|line| line.basis == Basis::Unknown);
    assert_eq!(unknown.count(), 8, "growth, measurement, soak, bursts, seconds, forecast, ramp, zones");
}

#[test]
fn each_cause_asks_for_what_its_formula_says() {
    let settings = Settings { zones: Some(3), ..Settings::default() };
    let demand = Demand {
        growth: Some(Growth { per_month: 0.1, months: 1.0 }),
        forecast_error: 0.1,
        ramp_per_minute: Some(0.1),
        cv: Some(1.0),
        ..Demand::peak(500.0)
    };
    let mut capacity = certified(65.0, 68.0);
    capacity.cold_start = Some(ColdStart::given(45.0));
    let headroom = Headroom::of(&capacity, &demand, &settings);
    for (cause, expected) in [
        (Cause::Traffic, 8),     // 500 / 66.48
        (Cause::Growth, 9),      // 550 / 66.48
        (Cause::Measurement, 9), // 550 / 65
        (Cause::Soak, 9),
        (Cause::Burstiness, 9),
        (Cause::Seconds, 9),
        (Cause::Forecast, 10), // 550 * 1.1645 / 65 = 9.85
        (Cause::Ramp, 10),     // 550 * 1.1 / 65 = 9.3: 60 s at 10 % a minute
        (Cause::Failure, 10),
        (Cause::Zone, 14), // 14 - 5 = 9
        (Cause::Rollout, 9),
    ] {
        assert_eq!(replicas(&headroom, cause), expected, "{cause:?}");
    }
    assert_eq!((headroom.replicas, headroom.bound_by), (14, Cause::Zone));
    assert_eq!(headroom.lag.map(|lag| lag.total()), Some(60.0));
    assert!((headroom.free_for_ramp.unwrap() - 0.1 / 1.1).abs() < 1e-9);
}

#[test]
fn what_a_zone_leaves_is_enough_for_any_number() {
    for zones in 2..6 {
        for calm in (1..60_u32).chain([199]) {
            let settings = Settings { zones: Some(zones), failures: 0, ..Settings::default() };
            let headroom = Headroom::of(&Capacity::typed(1.0), &Demand::peak(f64::from(calm)), &settings);
            let n = headroom.replicas;
            let left = |n: u32| n - n.div_ceil(zones);
            assert!(left(n) >= calm && left(n - 1) < calm, "{zones} zones, {calm}: {n}");
        }
    }
}

#[test]
fn bursts_cost_what_was_measured_and_beyond_that_what_theory_says() {
    let at = |cv: f64, burst: Option<BurstCapacity>, split| {
        let mut capacity = certified(20.0, 21.0);
        capacity.measured = capacity.measured.map(|measured| Measured { burst, ..measured });
        let demand = Demand { cv: Some(cv), ..Demand::peak(200.0) };
        let settings = Settings { split, ..Settings::default() };
        Headroom::of(&capacity, &demand, &settings).calm
    };
    let measured = Some(BurstCapacity { cv: 2.0, low: 10.0 });
    assert_eq!(at(1.0, None, Split::Random), 10, "Poisson, as measured");
    assert_eq!(at(0.2, None, Split::Random), 10, "calmer arrivals are not counted on");
    assert!(at(4.0, None, Split::Random) > 10);
    assert!(at(4.0, measured, Split::Random) > at(4.0, None, Split::Random), "what was measured is worse");
    assert!(at(4.0, measured, Split::LeastInFlight) < at(4.0, measured, Split::Random));
    assert!(at(12.0, None, Split::Random) >= at(4.0, None, Split::Random));
}

#[test]
fn seconds_ask_for_what_minutes_hide() {
    // Ten minutes of 100/s, where one second in twenty brings half of all.
    let counts: Vec<f64> = (0..600).map(|second| if second % 20 == 7 { 1000.0 } else { 52.6 }).collect();
    let trace = Counts { source: "test".to_owned(), bin: 1.0, counts, scale: 1.0 };
    // Arrivals within a second are said to be Poisson, so that only the seconds themselves are bursty.
    let demand = Demand { traffic: Traffic::Trace(trace), cv: Some(1.0), ..Demand::peak(1.0) };
    let headroom = Headroom::of(&certified(20.0, 21.0), &demand, &Settings::default());
    assert_eq!(replicas(&headroom, Cause::Burstiness), 5, "100/s of the minutes");
    let seconds = headroom.seconds.unwrap();
    let steady = headroom.peak * seconds.over_peak;
    assert!(steady > 1000.0 / (1.0 + seconds.bearable) * 0.95 && steady < 1000.0, "{seconds:?}");
    assert_eq!(headroom.calm, (steady / 20.0).ceil() as u32);
    assert_eq!(replicas(&headroom, Cause::Failure), headroom.calm + 1);
    let twice = Demand { growth: Some(Growth { per_month: 1.0, months: 1.0 }), ..demand };
    let twice = Headroom::of(&certified(20.0, 21.0), &twice, &Settings::default());
    assert_eq!(twice.calm, (2.0 * steady / 20.0).ceil() as u32, "what grows, grows in each second");
}

#[test]
fn the_interval_covers_what_capacity_and_forecast_leave_open() {
    let settings = Settings { failures: 0, ..Settings::default() };
    let demand = Demand { forecast_error: 0.1, cv: Some(1.0), ..Demand::peak(1000.0) };
    let sure = Headroom::of(&certified(10.0, 10.0001), &demand, &settings);
    let unsure = Headroom::of(&certified(10.0, 12.0), &demand, &settings);
    let width = |headroom: &Headroom| headroom.confidence.high - headroom.confidence.low;
    // 100 replicas with a tenth of error: 1.96 standard deviations each way.
    assert!((38..=42).contains(&width(&sure)), "{:?}", sure.confidence);
    assert!((sure.confidence.calm - 0.95).abs() < 0.015, "{:?}", sure.confidence);
    assert!(
        unsure.confidence.calm > sure.confidence.calm,
        "the lower end of the capacity is a margin itself"
    );
    let again = Headroom::of(&certified(10.0, 12.0), &demand, &settings);
    assert_eq!(again, unsure, "the same seed draws the same");
}

#[test]
fn drift_takes_capacity_until_the_next_start() {
    let mut capacity = certified(10.0, 10.5);
    capacity.derating = Some(crate::capacity::Derating {
        verdict: plimsoll_core::drift::SoakVerdict::Drifting,
        series: "latency.p99".to_owned(),
        per_minute: 0.001,
        restart_within: None,
        exhausted: String::new(),
    });
    let calm = |hours: f64| {
        let settings = Settings { restart_every: Some(hours * 3600.0), ..Settings::default() };
        Headroom::of(&capacity, &Demand::peak(100.0), &settings).calm
    };
    assert_eq!((calm(1.0), calm(10.0)), (11, 16));
}

#[test]
fn kubernetes_rounds_its_portions_like_this() {
    let quarter = Portion::Share(0.25);
    assert_eq!((quarter.of_down(10), quarter.of_up(10)), (2, 3));
    assert_eq!((Portion::Count(1).of_down(10), Portion::Count(2).of_up(10)), (1, 2));
    let settings = Settings { failures: 0, max_unavailable: quarter, ..Settings::default() };
    let headroom = Headroom::of(&Capacity::typed(65.0), &Demand::peak(500.0), &settings);
    assert_eq!((headroom.replicas, headroom.bound_by), (10, Cause::Rollout));
}
