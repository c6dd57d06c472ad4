//! `plimsoll stress` against simulated servers, one of each kind of failure.

use plimsoll_core::certificate::Certificate;
use plimsoll_core::stress::{Mode, StepKind, StressReport, StressVerdict};

use crate::program::{Ended, Place};
use crate::redactor::Redactor;

/// A server that bears 40/s, and steps for it.
const SERVER: &str = "sim://?ttft=60ms&itl=10ms&slots=4&time=virtual";
const STEPS: &str =
    "--baseline-time 10s --step-time 20s --recovery-time 30s -o 5 -p 16 --seed 1 --no-progress";

fn stress(place: &Place, options: &str, load: &str) -> (StressReport, Ended) {
    let ended = place.line(&format!("stress {SERVER}{options} {STEPS} --json {load}"));
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (report, ended)
}

/// What a stress of a real server finds: 10 s at 40 % of the capacity, 15 s at twice it, 10 s of recovery.
pub(crate) fn stressed(target: &str) -> StressReport {
    let steps = "--baseline 40% --baseline-time 10s --step-time 15s --recovery-time 10s";
    let ended = Place::new().line(&format!("stress {target} {steps} --no-progress --json"));
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn each_kind_of_failure_has_its_verdict() {
    for (options, load, verdict, first) in [
        ("&queue=2", "--capacity 40", StressVerdict::Graceful, Mode::Sheds),
        ("&queue=2&full=429", "--capacity 40 --spike", StressVerdict::Graceful, Mode::Sheds),
        ("", "--capacity 15", StressVerdict::Graceful, Mode::Absorbs),
        ("", "--capacity 40", StressVerdict::Collapsed, Mode::Queues),
        ("&request_timeout=2s", "--capacity 40", StressVerdict::Collapsed, Mode::TimesOut),
        ("&crash_at=20s", "--capacity 40", StressVerdict::Collapsed, Mode::Crashes),
        ("&crash_at=20s&restart_after=2s&queue=2", "--capacity 40", StressVerdict::Collapsed, Mode::Crashes),
        ("&queue=30", "--capacity 40 --useful-within 300ms", StressVerdict::Collapsed, Mode::Late),
    ] {
        let (report, ended) = stress(&Place::new(), options, load);
        let found = (report.verdict, report.modes.first().copied());
        assert_eq!(found, (verdict, Some(first)), "{options} {load}: {report:#?}");
        let code = if verdict == StressVerdict::Graceful { 0 } else { 99 };
        assert_eq!(ended.code, Some(code), "{options} {load}: {ended:?}");
    }
}

#[test]
fn steps_climb_and_the_report_is_exact() {
    let place = Place::new();
    let load = "--capacity 40 --steps 1,1.5,3";
    let ended = place.line(&format!("stress {SERVER}&queue=2 {STEPS} {load}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!(Redactor::default().redact(&format!("{}\n{}", ended.stderr, ended.stdout)));
    let stored = std::fs::read_to_string(place.result().join("stress.json")).unwrap();
    let stored: StressReport = serde_json::from_str(&stored).unwrap();
    let steps: Vec<_> = stored.steps.iter().map(|step| (step.kind, step.multiple)).collect();
    let overload = |multiple| (StepKind::Overload, multiple);
    let expected =
        [(StepKind::Baseline, 0.7), overload(1.0), overload(1.5), overload(3.0), (StepKind::Recovery, 0.7)];
    assert_eq!(steps, expected);
}

#[test]
fn objectives_and_rules_of_the_user_decide_as_well() {
    let place = Place::new();
    let (report, ended) = stress(&place, "&queue=2", "--capacity 40 --slo error_rate<1%");
    assert_eq!((report.verdict, ended.code), (StressVerdict::Graceful, Some(99)), "{ended:?}");

    let place = Place::new();
    let load = "--capacity 40 --abort-on 'latency.p50>1s over 5s'";
    let ended = place.line(&format!("stress {SERVER} {STEPS} {load}"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(99), ""), "{ended:?}");
    assert!(ended.stderr.contains("the test was ended by latency.p50>1s over 5s"), "{ended:?}");
    assert!(!place.result().join("stress.json").exists(), "a part of a test has no verdict");
}

#[test]
fn a_capacity_that_the_server_does_not_have_gives_no_verdict() {
    let (report, ended) = stress(&Place::new(), "&queue=2", "--capacity 100");
    assert_eq!((report.verdict, ended.code), (StressVerdict::Undecided, Some(3)), "{report:#?}");
    assert!(report.reasons[0].contains("it is not below the capacity"), "{report:#?}");
}

#[test]
fn a_certificate_says_what_the_server_bears() {
    let place = Place::new();
    let search = format!(
        "capacity {SERVER} -p 16 -o 5 --seed 1 -t 30s --precision 20% --slo latency.p90<200ms --out certified"
    );
    let ended = place.line(&search);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut found = std::fs::read_dir(place.path().join("certified")).unwrap();
    let path = found.next().unwrap().unwrap().path().join("certificate.json");
    let certificate: Certificate = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let certified = certificate.capacity.tiers[0].low.unwrap().load;
    let (report, ended) =
        stress(&place, "&queue=2", &format!("--certificate {} --multiple 4", path.display()));
    assert_eq!((report.capacity, report.verdict), (certified, StressVerdict::Graceful), "{ended:?}");
    let overload = report.steps.iter().find(|step| step.kind == StepKind::Overload).unwrap();
    assert_eq!(overload.multiple, 4.0, "{report:#?}");
}
