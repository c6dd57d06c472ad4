//! Each case names where it is worked out: `spec:` is KEDA's page "ScaledObject specification", `executor:` its
//! `scale_scaledobjects.go`, `fallback:` its `fallback.go`.

use plimsoll_core::time::Offset;

use super::*;
use crate::autoscale::{Metric, Reading, Sight, Signal, Source, Target};

fn trigger(target: Target) -> Trigger {
    let metric = Metric { signal: Signal::InFlight, source: Source::Gateway, target };
    Trigger { metric, activation: 0.0, ignore_null: true }
}

fn spec(min: u32, max: u32) -> KedaSpec {
    KedaSpec::new(min, max, vec![trigger(Target::AverageValue(10.0))])
}

/// Lets it look each second at what `reading` says of that second; returns the replicas at the end of each second.
fn play(spec: KedaSpec, start: u32, seconds: u32, reading: impl Fn(u32) -> Reading) -> Vec<u32> {
    let mut keda = Keda::new(spec);
    let mut wanted = start;
    (0..seconds)
        .map(|second| {
            let at = Offset::from_secs_f64(f64::from(second));
            if keda.is_due(at) {
                let readings = vec![reading(second)];
                wanted = keda.step(&Sight { at, wanted, ready: wanted, pending: 0, readings });
            }
            wanted
        })
        .collect()
}

#[test]
fn from_zero_at_the_next_poll_then_by_the_autoscaler() {
    let got = play(spec(0, 100), 0, 80, |second| Reading::Value(if second < 5 { 0.0 } else { 58.0 }));
    assert_eq!(got[29], 0, "spec: pollingInterval 30 s");
    assert_eq!(got[30], 5, "executor: to 1; its autoscaler, due as well, asks for 6 and may add 4");
    assert_eq!(got[45], 6);
}

#[test]
fn to_zero_only_after_the_cooldown() {
    let got = play(spec(0, 100), 3, 800, |second| Reading::Value(if second < 100 { 25.0 } else { 0.0 }));
    assert_eq!(got[90], 3);
    assert_eq!((got[389], got[390]), (3, 0), "spec: 300 s after the trigger was last active, at 90 s");
    let longer = KedaSpec { cooldown: 600, ..spec(0, 100) };
    let got = play(longer, 3, 800, |second| Reading::Value(if second < 100 { 25.0 } else { 0.0 }));
    assert_eq!((got[389], got[390]), (3, 1), "the cooldown is about zero alone: the autoscaler goes to 1");
    assert_eq!((got[689], got[690]), (1, 0));
    let initial = KedaSpec { initial_cooldown: 120, ..spec(0, 100) };
    let got = play(initial, 1, 150, |_| Reading::Value(0.0));
    assert_eq!((got[119], got[120]), (1, 0), "spec: initialCooldownPeriod");
    assert_eq!(
        play(spec(2, 100), 2, 800, |_| Reading::Value(0.0))[799],
        2,
        "spec: not below minReplicaCount"
    );
}

#[test]
fn idle_replicas_take_the_place_of_the_minimum_while_nothing_is_active() {
    let idle = KedaSpec { idle: Some(0), ..spec(5, 100) };
    let got = play(idle, 5, 700, |second| Reading::Value(if second < 350 { 0.0 } else { 20.0 }));
    assert_eq!((got[0], got[359], got[360]), (0, 0, 5), "spec: idleReplicaCount 0, then minReplicaCount");
}

#[test]
fn below_the_activation_threshold_it_stays_asleep() {
    let mut activated = spec(0, 100);
    activated.triggers[0].activation = 4.0;
    let wakes = |value| play(activated.clone(), 0, 31, move |_| Reading::Value(value))[30];
    assert_eq!((wakes(4.0), wakes(4.1)), (0, 1), "spec: active above the activation threshold");
}

#[test]
fn a_null_is_zero_unless_it_is_told_otherwise() {
    let null_at_100 = |second| if second < 100 { Reading::Value(80.0) } else { Reading::Empty };
    let got = play(spec(0, 100), 8, 500, null_at_100);
    assert_eq!(got[499], 0, "keda#3065: an outage of the metrics scales to zero");
    let mut careful = spec(0, 100);
    careful.triggers[0].ignore_null = false;
    assert_eq!(play(careful, 8, 900, null_at_100)[899], 8, "spec: ignoreNullValues false makes it an error");
}

#[test]
fn after_too_many_failures_the_fallback_counts() {
    let fails = |second| if second < 100 { Reading::Value(80.0) } else { Reading::Failed };
    for (behavior, replicas) in [
        (FallbackBehavior::Static, 6),
        (FallbackBehavior::CurrentReplicas, 8),
        (FallbackBehavior::CurrentReplicasIfHigher, 8),
        (FallbackBehavior::CurrentReplicasIfLower, 6),
    ] {
        let mut with = spec(1, 100);
        with.fallback = Some(Fallback { failures: 3, replicas: 6, behavior });
        with.down.window = 0;
        let got = play(with, 8, 400, fails);
        // The autoscaler fails at 105, 120 and 135 s, the poll at 120 s: the fourth is one too many.
        assert_eq!((got[134], got[135], got[399]), (8, replicas, replicas), "fallback: {behavior:?}");
    }
    let mut whole = spec(1, 100);
    whole.triggers = vec![trigger(Target::Value(10.0))];
    whole.fallback = Some(Fallback { failures: 3, replicas: 10, behavior: FallbackBehavior::Static });
    let got = play(whole, 8, 99, |_| Reading::Failed);
    assert_eq!((got[29], got[98]), (8, 10), "keda#6655: for Value too, by the ready replicas");
    let mut asleep = spec(0, 100);
    asleep.fallback = Some(Fallback { failures: 3, replicas: 6, behavior: FallbackBehavior::Static });
    let got = play(asleep.clone(), 0, 120, |_| Reading::Failed);
    assert_eq!((got[29], got[119]), (0, 6), "keda#7239: from zero too");
    asleep.fallback = None;
    assert_eq!(play(asleep, 0, 120, |_| Reading::Failed)[119], 0, "executor: without one nothing happens");
}
