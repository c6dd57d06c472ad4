//! Each case names the test of Knative (`autoscaler_test.go`) that works it out.

use plimsoll_core::time::Offset;

use super::*;
use crate::autoscale::{Reading, Sight};

fn at(seconds: f64) -> Offset {
    Offset::from_secs_f64(seconds)
}

/// The autoscaler of those tests: up and down tenfold at most.
fn spec(target: f64) -> KnativeSpec {
    let bounds = KnativeSpec::new(0, 10_000, KnativeMetric::Concurrency, target);
    KnativeSpec { max_up: 10.0, max_down: 10.0, grace: 0.0, ..bounds }
}

fn look(knative: &mut Knative, seconds: f64, ready: u32, stable: f64, panic: f64) -> u32 {
    let readings = vec![Reading::Value(stable), Reading::Value(panic)];
    knative.step(&Sight { at: at(seconds), wanted: ready, ready, pending: 0, readings })
}

#[test]
fn single_looks() {
    for (source, target, ready, stable, panic, replicas) in [
        ("NoDataAtZeroNoAutoscale", 10.0, 1, 0.0, 0.0, 0),
        ("StableModeUnlimitedTBC", 181.0, 1, 21.0, 26.0, 1),
        ("0TBC", 10.0, 1, 50.0, 49.0, 5),
        ("StableModeNoChange", 10.0, 1, 50.0, 50.0, 5),
        ("StableModeIncreaseWithConcurrencyDefault", 10.0, 1, 50.0, 10.0, 5),
        ("StableModeIncreaseWithRPS", 10.0, 1, 100.0, 99.0, 10),
        ("StableModeNoTrafficScaleToZero", 10.0, 1, 1.0, 0.0, 1),
        ("PanicModeDoublePodCount", 10.0, 1, 50.0, 100.0, 10),
        ("RateLimitScaleUp", 10.0, 1, 1000.0, 1001.0, 10),
        ("UseOnePodAsMinimumIfEndpointsNotFound", 10.0, 0, 1000.0, 888.0, 10),
    ] {
        let mut knative = Knative::new(spec(target), 1);
        assert_eq!(look(&mut knative, 0.0, ready, stable, panic), replicas, "{source}");
    }
    let mut slow_up = Knative::new(KnativeSpec { max_up: 1.1, ..spec(1.0) }, 1);
    assert_eq!(look(&mut slow_up, 0.0, 2, 3.0, 3.1), 3, "StableModeIncreaseWithSmallScaleUpRate");
    let mut slow_down = Knative::new(KnativeSpec { max_down: 1.1, ..spec(10.0) }, 1);
    assert_eq!(look(&mut slow_down, 0.0, 100, 1.0, 1.0), 90, "StableModeDecreaseWithSmallScaleDownRate");
}

#[test]
fn several_looks() {
    let mut knative = Knative::new(spec(1.0), 1);
    assert_eq!(look(&mut knative, 0.0, 10, 11.0, 25.0), 25, "UnpanicAfterSlowIncrease");
    assert_eq!(look(&mut knative, 30.0, 40, 30.0, 41.0), 41);
    assert_eq!(look(&mut knative, 62.0, 55, 50.0, 56.0), 50, "no longer in panic");

    let mut knative = Knative::new(spec(1.0), 1);
    assert_eq!(look(&mut knative, 0.0, 10, 11.0, 25.0), 25, "ExtendPanicWindow");
    assert_eq!(look(&mut knative, 30.0, 40, 30.0, 80.0), 80);

    let mut knative = Knative::new(spec(10.0), 1);
    assert_eq!(look(&mut knative, 0.0, 8, 100.0, 100.0), 10, "StableModeDecrease");
    assert_eq!(look(&mut knative, 0.0, 8, 50.0, 50.0), 5);

    let mut knative = Knative::new(spec(1.0), 1);
    for (ready, load) in [(1, 6), (6, 36), (36, 216), (216, 1296), (1296, 1296)] {
        let load = f64::from(load);
        assert_eq!(
            look(&mut knative, 0.0, ready, load, load),
            load as u32,
            "PanicModeExponentialTrackAndStabilize"
        );
    }

    let mut knative = Knative::new(spec(10.0), 1);
    assert_eq!(look(&mut knative, 0.0, 1, 100.0, 100.0), 10, "PanicThenUnPanicScaleDown");
    assert_eq!(look(&mut knative, 0.0, 10, 100.0, 1000.0), 100);
    assert_eq!(look(&mut knative, 30.0, 10, 1.0, 1.0), 100, "stays in panic");
    assert_eq!(look(&mut knative, 61.0, 10, 1.0, 1.0), 1);

    let mut knative = Knative::new(spec(10.0), 1);
    assert_eq!(look(&mut knative, 0.0, 100, 1.0, 1.0), 10, "RateLimitScaleDown");
    assert_eq!(look(&mut knative, 0.0, 10, 1.0, 1.0), 1);
}

#[test]
fn panic_keeps_what_there_is() {
    for (source, stable, replicas) in
        [("PanicStableLargerThanPanic", 50.0, 50), ("PanicStableLessThanPanic", 20.0, 30)]
    {
        let mut knative = Knative::new(spec(1.0), 5); // more than one: it begins in panic
        assert_eq!(look(&mut knative, 5.0, 5, stable, 30.0), replicas, "{source}");
    }
    let mut knative = Knative::new(spec(10.0), 2);
    assert_eq!(look(&mut knative, 0.0, 2, 1.0, 1.0), 2, "StartInPanicMode");
}

#[test]
fn scaling_down_waits_for_the_delay() {
    let mut knative =
        Knative::new(KnativeSpec { panic_threshold: 10_000.0, down_delay: 300.0, ..spec(10.0) }, 0);
    for (seconds, load, replicas) in [
        (2.0, 40.0, 4),
        (300.0, 0.0, 4),
        (302.0, 0.0, 0),
        (540.0, 40.0, 4),
        (600.0, 30.0, 4),
        (660.0, 0.0, 4),
        (840.0, 0.0, 3),
        (900.0, 0.0, 0),
    ] {
        assert_eq!(look(&mut knative, seconds, 0, load, load), replicas, "ScaleDownDelay at {seconds} s");
    }
}

#[test]
fn the_last_replica_stays_for_the_grace_period() {
    let mut knative = Knative::new(KnativeSpec { grace: 30.0, ..spec(10.0) }, 1);
    assert_eq!(look(&mut knative, 0.0, 1, 0.0, 0.0), 1);
    assert_eq!(look(&mut knative, 28.0, 1, 0.0, 0.0), 1);
    assert_eq!(look(&mut knative, 30.0, 1, 0.0, 0.0), 0, "docs: scale-to-zero-grace-period 30 s");
    let mut kept = Knative::new(KnativeSpec { min: 2, ..spec(10.0) }, 1);
    assert_eq!(look(&mut kept, 0.0, 1, 0.0, 0.0), 2, "docs: min-scale");
}
