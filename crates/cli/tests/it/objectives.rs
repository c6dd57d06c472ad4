//! Objectives, from `--slo` to the exit code, in simulated time: every figure is exact.

use plimsoll_core::slo::Verdict;
use plimsoll_core::summary::Summary;

use crate::program::{Ended, Place, words};
use crate::redactor::Redactor;

/// A server that answers in 80 ms and 8 ms a token, six requests at a time: 18 requests of 32 tokens in a second.
const SERVER: &str = "sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual";

fn run(place: &Place, line: &str, objectives: &[&str]) -> Ended {
    let line = words(&format!("run {SERVER} --seed 11 -p 64 -o 32 --no-progress {line}"));
    let args: Vec<&str> = line.iter().map(String::as_str).chain(objectives.iter().copied()).collect();
    place.run(&args)
}

/// The verdicts at the head of the report.
fn head(ended: &Ended) -> String {
    let head = ended.stdout.split("\nRun ").next().unwrap_or_default();
    let printed = format!("{}{head}\nexit code {}\n", ended.stderr, ended.code.unwrap());
    Redactor::default().redact(&printed)
}

fn verdicts(place: &Place) -> Vec<Verdict> {
    place.summary().slos.iter().map(|found| found.verdict).collect()
}

#[test]
fn objectives_that_are_met_pass_with_their_evidence() {
    let place = Place::new();
    let objectives = [
        "--slo=ttft.p99<500ms",
        "--slo=tpot.p95<=12ms; error_rate<1%",
        "--slo=latency.mean<1s",
        "--slo=ttft<400ms & tpot<12ms @ 95%",
        "--slo=attainment>=95%",
        "--slo=output_token_rate>100",
    ];
    let ended = run(&place, "--qps 8 --qps-distribution exponential -t 10min", &objectives);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&place), [Verdict::Pass; 7]);
    insta::assert_snapshot!(head(&ended));
    let stored = std::fs::read_to_string(place.result().join("spec.toml")).unwrap();
    assert!(stored.contains("ttft.p99<500ms"), "{stored}");
}

#[test]
fn an_objective_that_is_missed_is_exit_code_99() {
    let place = Place::new();
    let objectives = ["--slo=ttft.p99<90ms", "--slo=tpot.p99<1s", "--slo-confidence", "99%"];
    let ended = run(&place, "-u 8 -r 8 -t 5min --json", &objectives);
    assert_eq!((ended.code, verdicts(&place)), (Some(99), vec![Verdict::Fail, Verdict::Pass]), "{ended:?}");
    let shown: Summary = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(shown, place.summary());
    insta::assert_snapshot!(serde_json::to_string_pretty(&(shown.slos, shown.goodput)).unwrap());
}

#[test]
fn too_little_evidence_is_undecided_and_says_how_much_more() {
    let place = Place::new();
    let ended = run(&place, "-u 4 -r 4 -t 10s", &["--slo=ttft.p99<500ms", "--slo=ttft.p50<500ms"]);
    assert_eq!(
        (ended.code, verdicts(&place)),
        (Some(0), vec![Verdict::Undecided, Verdict::Pass]),
        "{ended:?}"
    );
    insta::assert_snapshot!(head(&ended));
}

#[test]
fn a_server_seven_percent_over_its_saturation_passes_no_trial() {
    // Six places, each taken for 0.328 s: 18.3 requests in a second. The first trials are too short to see the backlog.
    for (seconds, overloaded) in [(12, false), (30, false), (240, true)] {
        let place = Place::new();
        let line = format!("--qps 19.6 --qps-distribution exponential -t {seconds}s");
        let ended = run(&place, &line, &["--slo=response_time.p90<60s", "--slo=error_rate<5%"]);
        let summary = place.summary();
        let found = verdicts(&place);
        assert!(!found.contains(&Verdict::Pass), "{seconds} s: {:?}", summary.slos);
        let code = if summary.validity.overloaded { 99 } else { 0 };
        assert_eq!(ended.code, Some(code), "{seconds} s: {ended:?}");
        assert!(summary.validity.overloaded || !overloaded, "{seconds} s");
        let seconds_more = summary.slos[1].more_seconds;
        assert_eq!(
            seconds_more.is_some_and(|more| more > 30.0),
            !summary.validity.overloaded,
            "{seconds_more:?}"
        );
    }
}

#[test]
fn a_breach_ends_the_run_and_keeps_what_was_measured() {
    let place = Place::new();
    let objectives = ["--abort-on=ttft.p99>1s over 10s", "--abort-on=error_rate>5% over 10s"];
    let ended = run(&place, "--qps 30 --qps-distribution exponential -t 1h", &objectives);
    assert_eq!(ended.code, Some(99), "{ended:?}");
    let summary = place.summary();
    assert_eq!(summary.run.ended, "stopped");
    assert!(summary.window.measured < 30.0 && summary.counts.ok > 100, "{summary:?}");
    assert_eq!(summary.counts.ok, summary.counts.scheduled, "what was in flight completed");
    insta::assert_snapshot!(head(&ended));
    assert_eq!(run(&place, "-u 2 -r 2 -t 60s", &objectives).code, Some(0));
}

#[test]
fn file_and_environment_take_several_objectives() {
    let place = Place::new();
    place.write(
        "plimsoll.toml",
        "slo = [\"ttft.p99<500ms\", \"error_rate<1%\"]\nabort-on = [\"error_rate>50% over 10s\"]\n",
    );
    let ended = place.line("run sim:// --print-config");
    assert!(ended.stdout.contains("slo = [\"ttft.p99<500ms\", \"error_rate<1%\"]"), "{ended:?}");
    let mut command = place.command(&["run", "sim://", "--print-config"]);
    let output = command.env("PLIMSOLL_SLO", "tpot.p99<1s; qps>5").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("slo = [\"tpot.p99<1s; qps>5\"]") && printed.contains("PLIMSOLL_SLO"),
        "{printed}"
    );
}

#[test]
fn an_objective_in_a_file_or_in_the_environment_is_refused_at_its_character() {
    let place = Place::new();
    place.write("plimsoll.toml", "users = 2\nslo = [\"ttft.p99<500ms\", \"tfft.p99<1s\"]\n");
    let of_file = place.line("run sim://");
    place.write("plimsoll.toml", "");
    let mut command = place.command(&["run", "sim://"]);
    command.env("PLIMSOLL_SLO", "ttft.p99<500ms; latency.p99<1x");
    let of_environment = place.start_command(command).wait();
    assert_eq!((of_file.code, of_environment.code), (Some(2), Some(2)), "{of_file:?} {of_environment:?}");
    insta::assert_snapshot!([of_file.stderr, of_environment.stderr].join("\n"));
    assert!(place.results().is_empty());
}

#[test]
fn objectives_that_cannot_be_asked_are_refused_before_the_run() {
    let place = Place::new();
    let refused = [
        &["--slo", "tfft.p99<500ms"][..],
        &["--slo", "ttft.p99<500ms; tpot<4"],
        &["--slo", "ttft.p99<1s", "--slo", "ttft.p99>2s"],
        &["--slo", "ttft.p99<1s", "--slo", "ttft.p99<2s"],
        &["--slo", "ttft.p99<1s", "--no-stream"],
        &["--abort-on", "ttft.p99>1s over 10s", "--no-stream"],
        &["--slo", "tpot.p99<1s", "--provider", "kserve", "-m", "resnet"],
        &["--slo", "gpu_utilization.mean<90%"],
        &["--slo-confidence", "95"],
        &["--abort-on", "error_rate>5%"],
        &["--abort-on", "tpot.p99>5s over 10s"],
    ]
    .map(|objectives| {
        let args: Vec<&str> = ["run", "sim://", "-t", "1s"].iter().chain(objectives).copied().collect();
        let ended = place.run(&args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{objectives:?}: {ended:?}");
        format!("{}\n{}", objectives.join(" "), ended.stderr)
    });
    assert!(place.results().is_empty());
    insta::assert_snapshot!(refused.join("\n"));
}
