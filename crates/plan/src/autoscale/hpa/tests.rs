//! Each case names where it is worked out. `rc:` is `replica_calculator_test.go`, `docs:` "Horizontal Pod Autoscaling"
//! and `KEP-853:` "Configurable scale velocity for HPA" of the Kubernetes project.

use plimsoll_core::time::Offset;

use super::*;
use crate::autoscale::{Metric, Reading, Sight, Signal, Source, Target};

/// Where it is worked out; current replicas, target, what pods report, unready and missing pods; replicas.
type Case<'a> = (&'a str, u32, f64, &'a [f64], u32, u32, u32);

const BAND: (f64, f64) = (TOLERANCE, TOLERANCE);

#[test]
fn replicas_by_pods_as_the_controller_computes_them() {
    // (source, current, target, reports, unready, missing, replicas); values in percent or in units.
    let cases: [Case<'_>; 24] = [
        ("docs: 200m against 100m doubles", 2, 100.0, &[200.0, 200.0], 0, 0, 4),
        ("docs: 50m against 100m halves", 2, 100.0, &[50.0, 50.0], 0, 0, 1),
        ("docs (1.33, tolerance): 90 % against 75 %", 50, 75.0, &[90.0; 50], 0, 0, 60),
        ("rc: ScaleUp", 3, 30.0, &[30.0, 50.0, 70.0], 0, 0, 5),
        ("rc: ScaleUpUnreadyLessScale", 3, 30.0, &[50.0, 70.0], 1, 0, 4),
        ("rc: ScaleUpHotCpuLessScale", 3, 30.0, &[50.0, 70.0], 1, 0, 4),
        ("rc: ScaleUpUnreadyNoScale", 3, 30.0, &[40.0], 2, 0, 3),
        ("rc: ScaleUpIgnoresFailedPods", 2, 30.0, &[50.0, 70.0], 0, 0, 4),
        ("rc: ScaleUpCM", 3, 15.0, &[20.0, 10.0, 30.0], 0, 0, 4),
        ("rc: ScaleUpCMUnreadyHotCpuNoLessScale", 3, 15.0, &[50.0, 10.0, 30.0], 0, 0, 6),
        ("rc: ScaleUpCMUnreadyHotCpuScaleWouldScaleDown", 3, 15.0, &[50.0, 15.0, 30.0], 0, 0, 7),
        ("rc: ScaleDown", 5, 50.0, &[10.0, 30.0, 50.0, 25.0, 25.0], 0, 0, 3),
        ("rc: ScaleDownCM", 5, 20.0, &[12.0; 5], 0, 0, 3),
        ("rc: ScaleDownIncludeUnreadyPods", 5, 50.0, &[10.0, 30.0, 50.0], 2, 0, 2),
        ("rc: ScaleDownExcludeUnscheduledPods", 5, 50.0, &[10.0], 4, 0, 1),
        ("rc: Tolerance", 3, 100.0, &[101.0, 103.0, 102.0], 0, 0, 3),
        ("rc: ToleranceCM", 3, 20.0, &[20.0, 21.0, 21.0], 0, 0, 3),
        ("rc: MissingMetrics", 4, 100.0, &[40.0, 9.5], 0, 2, 3),
        ("rc: MissingMetricsNoChangeEq", 2, 100.0, &[100.0], 0, 1, 2),
        ("rc: MissingMetricsNoChangeGt", 2, 100.0, &[190.0], 0, 1, 2),
        ("rc: MissingMetricsNoChangeLt", 2, 100.0, &[60.0], 0, 1, 2),
        ("rc: MissingMetricsUnreadyChange", 3, 50.0, &[45.0], 1, 1, 3),
        ("rc: MissingMetricsUnreadyScaleUp", 3, 50.0, &[200.0], 1, 1, 4),
        ("rc: MissingMetricsUnreadyScaleDown", 4, 50.0, &[10.0, 10.0], 1, 1, 3),
    ];
    for (source, current, target, reports, unready, missing, replicas) in cases {
        let pods = PodValues { sum: reports.iter().sum(), measured: reports.len() as u32, unready, missing };
        // A pod without CPU figures counts as using what it requested, 100 %; other pods as being on target.
        let fill = if source.contains("MissingMetrics") { 100.0 } else { target };
        let got = per_pod(current, target, pods, fill, BAND);
        assert_eq!(got, Some(replicas), "{source}");
    }
    let nothing = PodValues { sum: 0.0, measured: 0, unready: 0, missing: 4 };
    assert_eq!(per_pod(4, 100.0, nothing, 100.0, BAND), None, "rc: EmptyMetrics");
}

#[test]
fn replicas_by_sums_as_the_controller_computes_them() {
    for (source, current, target, sum, replicas) in [
        ("rc: ScaleUpCMPerPodObject", 3, 5.0, 20.0, 4),
        ("rc: ScaleUpPerPodCMExternal", 3, 2.150, 8.6, 4),
        ("rc: ScaleDownPerPodCMObject", 5, 2.0, 6.0, 3),
        ("rc: ScaleDownPerPodCMExternal", 5, 2.867, 8.6, 3),
        ("rc: TolerancePerPodCMObject", 4, 5.0, 20.166, 4),
        ("rc: TolerancePerPodCMExternal", 3, 2.9, 8.6, 3),
        ("from zero", 0, 5.0, 11.0, 3),
        ("to zero", 3, 5.0, 0.0, 0),
        ("zero stays zero", 0, 5.0, 0.0, 0),
    ] {
        assert_eq!(average_value(current, target, sum, BAND), replicas, "{source}");
    }
    for (source, current, ready, target, seen, replicas) in [
        ("rc: ScaleUpCMObject", 3, 3, 15.0, 20.0, 4),
        ("rc: ScaleUpCMObjectIgnoresUnreadyPods", 3, 1, 10.0, 50.0, 5),
        ("rc: ScaleUpCMExternal", 1, 1, 4.4, 8.6, 2),
        ("rc: ScaleUpCMExternalIgnoresUnreadyPods", 3, 1, 4.4, 8.6, 2),
        ("rc: ScaleDownCMObject", 5, 5, 20.0, 12.0, 3),
        ("rc: ScaleDownCMExternal", 5, 5, 14.334, 8.6, 3),
        ("rc: ToleranceCMObject", 3, 3, 20.0, 20.666, 3),
        ("rc: ToleranceCMExternal", 3, 3, 8.888, 8.6, 3),
    ] {
        assert_eq!(value(current, ready, target, seen, BAND), replicas, "{source}");
    }
}

fn in_flight(target: f64) -> Metric {
    Metric { signal: Signal::InFlight, source: Source::Gateway, target: Target::AverageValue(target) }
}

fn policies(select: Select, policies: &[(PolicyKind, u32, u32)]) -> Rules {
    let policies = policies.iter().map(|&(kind, value, period)| Policy::new(kind, value, period)).collect();
    Rules { window: 0, select, policies, tolerance: None }
}

/// Lets an autoscaler look each 15 s at sums of a metric with a target of 1, all replicas ready; returns what it asks
/// for.
fn looks(spec: HpaSpec, start: u32, sums: &[f64]) -> Vec<u32> {
    let mut hpa = Hpa::new(spec);
    let mut wanted = start;
    let look = |(number, &sum): (usize, &f64)| {
        let at = Offset::from_secs_f64(15.0 * number as f64);
        assert!(hpa.is_due(at));
        let readings = vec![Reading::Value(sum)];
        wanted = hpa.step(&Sight { at, wanted, ready: wanted, pending: 0, readings });
        wanted
    };
    sums.iter().enumerate().map(look).collect()
}

/// The replicas after each minute.
fn minutes(replicas: &[u32]) -> Vec<u32> {
    replicas.iter().step_by(4).copied().collect()
}

#[test]
fn policies_limit_the_speed() {
    use PolicyKind::{Percent, Pods};
    let base = HpaSpec::new(1, 5000, vec![in_flight(1.0)]);
    let down = |rules| HpaSpec { down: rules, ..base.clone() };
    let up = |rules| HpaSpec { up: rules, ..base.clone() };

    let got = looks(down(policies(Select::Max, &[(Pods, 4, 60), (Percent, 10, 60)])), 80, &[10.0; 60]);
    assert_eq!(minutes(&got)[..5], [72, 64, 57, 51, 45], "docs: 80 to 10, first 8, then 7.2 rounded up to 8");
    assert_eq!(minutes(&got)[5..9], [40, 36, 32, 28], "docs: at 40 and below, 4 at a time");

    let got = looks(down(policies(Select::Min, &[(Percent, 10, 60), (Pods, 5, 60)])), 80, &[10.0; 9]);
    assert_eq!(minutes(&got), [75, 70, 65], "docs: at most 5 pods a minute with selectPolicy Min");

    let got = looks(down(policies(Select::Disabled, &[(Percent, 100, 15)])), 80, &[10.0; 9]);
    assert_eq!(got, [80; 9], "docs: Disabled never scales down");

    let got = looks(up(policies(Select::Max, &[(Percent, 900, 60)])), 1, &[5000.0; 13]);
    assert_eq!(minutes(&got), [10, 100, 1000, 5000], "KEP-853, story 1: 1, 10, 100, 1000");

    let got = looks(up(policies(Select::Max, &[(Pods, 1, 60)])), 1, &[5000.0; 13]);
    assert_eq!(minutes(&got), [2, 3, 4, 5], "KEP-853, story 3: one pod a minute");

    let got = looks(down(policies(Select::Max, &[(Pods, 5, 600)])), 30, &[10.0; 81]);
    assert_eq!(
        (got[0], got[39], got[40], got[80]),
        (25, 25, 20, 15),
        "KEP-853, story 5: 5 pods in 10 minutes"
    );

    let got = looks(base.clone(), 1, &[100.0; 5]);
    assert_eq!(got, [5, 10, 20, 40, 80], "docs, defaults: the higher of 4 pods and 100 % in 15 s");
}

#[test]
fn windows_take_the_most_cautious_recommendation() {
    let base = HpaSpec::new(1, 100, vec![in_flight(1.0)]);
    let sums: Vec<f64> = std::iter::once(20.0).chain([5.0; 24]).collect();
    let got = looks(base.clone(), 20, &sums);
    assert_eq!((got[19], got[20]), (20, 5), "docs: the highest of the last 300 s");
    let none = HpaSpec { down: Rules { window: 0, ..Rules::down() }, ..base.clone() };
    assert_eq!(looks(none, 20, &sums)[1], 5, "docs: 0 scales down at once");
    let slow = HpaSpec { up: Rules { window: 60, ..Rules::up() }, ..base };
    let got = looks(slow, 5, &[5.0, 9.0, 9.0, 9.0, 9.0, 9.0]);
    assert_eq!(got, [5, 5, 5, 5, 9, 9], "upwards the lowest of the window");
}

#[test]
fn tolerances_of_a_manifest_hold_in_their_direction() {
    let spec = HpaSpec::new(1, 200, vec![in_flight(1.0)]);
    assert_eq!(looks(spec.clone(), 100, &[107.0]), [100], "KEP-4951: 1.07 is within 10 %");
    let up = HpaSpec { up: Rules { tolerance: Some(0.05), ..Rules::up() }, ..spec.clone() };
    assert_eq!(looks(up, 100, &[107.0]), [107], "KEP-4951: 1.07 is not within 5 %");
    let down = HpaSpec { down: Rules { tolerance: Some(0.01), window: 0, ..Rules::down() }, ..spec };
    assert_eq!(looks(down.clone(), 100, &[107.0]), [100]);
    assert_eq!(looks(down, 100, &[95.0]), [95]);
}

#[test]
fn the_most_demanding_metric_decides_and_a_blind_one_only_holds_back() {
    use Reading::{Empty, Failed, Value};
    for (source, readings, replicas) in [
        ("docs: the maximum", [Value(5.0), Value(35.0)], 7),
        ("docs: scale up in spite of a failed metric", [Value(8.0), Failed], 8),
        ("docs: no scale down with a failed metric", [Value(2.0), Failed], 4),
        ("an empty result is no value either", [Empty, Value(5.0)], 4),
        ("docs: none can be read", [Failed, Failed], 4),
    ] {
        let mut spec = HpaSpec::new(1, 100, vec![in_flight(1.0), in_flight(5.0)]);
        spec.down.window = 0;
        let sight = Sight { at: Offset::ZERO, wanted: 4, ready: 4, pending: 0, readings: readings.to_vec() };
        assert_eq!(Hpa::new(spec).step(&sight), replicas, "{source}");
    }
}

#[test]
fn bounds_hold_and_zero_by_hand_switches_off() {
    let spec = |min, max| HpaSpec::new(min, max, vec![in_flight(1.0)]);
    assert_eq!(looks(spec(2, 5), 9, &[9.0]), [5]);
    assert_eq!(looks(spec(2, 5), 1, &[1.0]), [2]);
    assert_eq!(looks(spec(2, 5), 0, &[9.0]), [0], "docs: 0 replicas and a minimum above 0");
    assert_eq!(looks(spec(0, 5), 0, &[3.0]), [3], "KEP-2021: from zero by an external metric");
    let mut to_zero = spec(0, 5);
    to_zero.down.window = 0;
    assert_eq!(looks(to_zero, 3, &[0.0]), [0], "KEP-2021: to zero");
}
