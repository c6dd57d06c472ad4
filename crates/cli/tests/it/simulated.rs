//! The whole program in simulated time: every figure that it prints or leaves is exact, so all of it is a snapshot.

use plimsoll_core::record::Record;
use plimsoll_core::summary::Summary;

use crate::program::{Ended, Place};
use crate::redactor::Redactor;

/// A server that is soon full, and commands of the seed's load test against it.
const SERVER: &str = "sim://?ttft=80ms&itl=8ms&slots=6&queue=4&jitter=0.2&seed=5&time=virtual";

/// Runs a command; its seed makes it repeat.
fn run(place: &Place, line: &str) -> Ended {
    place.line(&format!("run {SERVER} --seed 11 {line}"))
}

/// What is printed: stderr first, as it is seen.
fn printed(ended: &Ended) -> String {
    let printed = format!("{}\n{}\nexit code {}\n", ended.stderr, ended.stdout, ended.code.unwrap());
    Redactor::default().redact(&printed)
}

/// The summary without what differs from run to run and from version to version.
fn summary(place: &Place) -> Summary {
    let mut summary = place.summary();
    (summary.run.started, summary.run.tool) = ("TIME".to_owned(), "VERSION".to_owned());
    summary
}

#[test]
fn a_closed_loop_is_reported_exactly() {
    let place = Place::new();
    let ended = run(&place, "-u 8 -r 2 -t 1min -p 64 -o 32 --summary-file results.csv --no-progress");
    insta::assert_snapshot!(printed(&ended));
    insta::assert_snapshot!(place.read("results.csv"));
}

/// Requests in flight are counted by tenths of a second from the start of the measured window, and not by the seconds of
/// the run, of which ramp and drain are a part.
#[test]
fn what_is_in_flight_is_counted_within_the_window_alone() {
    for (line, in_flight) in [
        ("-u 4 --ramping-warmup-time 200ms --ramping-time 600ms -t 400ms", 4.0),
        ("-u 10 -r 100000 -t 500ms", 10.0),
        ("-u 10 -r 100000 --warmup 130ms -t 300ms", 10.0),
    ] {
        let place = Place::new();
        let ended = place.line(&format!("run sim://?ttft=40ms&time=virtual -p 16 -o 1 {line}"));
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        let found = place.summary().rates.concurrency_mean;
        assert!((found - in_flight).abs() < 0.01 * in_flight, "{line}: {found}");
    }
}

#[test]
fn an_open_loop_is_summarised_exactly() {
    let place = Place::new();
    let line =
        "--qps 15 --qps-distribution exponential -t 1min -p 64 -o 32 --max-fail-ratio 1 --json --no-progress";
    let ended = run(&place, line);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let shown: Summary = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(shown, place.summary());
    insta::assert_snapshot!(serde_json::to_string_pretty(&summary(&place)).unwrap());
}

#[test]
fn locusts_files_are_exact() {
    let place = Place::new();
    let ended = run(&place, "-u 12 --burst 2 -t 9s -p 64 -o 32 --max-fail-ratio 1 --csv load --no-progress");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let without = |name: &str, columns: &[usize]| {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_path(place.path().join(name)).unwrap();
        let rows = reader.records().map(Result::unwrap).enumerate().map(|(row, record)| {
            let cell = |(column, text): (usize, &str)| {
                if row > 0 && columns.contains(&column) { "TIME".to_owned() } else { text.to_owned() }
            };
            record.iter().enumerate().map(cell).collect::<Vec<_>>().join(",")
        });
        format!("{name}\n{}\n", rows.collect::<Vec<_>>().join("\n"))
    };
    insta::assert_snapshot!(
        [
            without("load_stats.csv", &[]),
            without("load_stats_history.csv", &[0]),
            without("load_failures.csv", &[4, 5])
        ]
        .join("\n")
    );
}

#[test]
fn the_same_seed_leaves_the_same_records_and_another_does_not() {
    let load = "--stages 10s:20,20s:20,10s:0 --start-rate 0 -u 5 --when-full lag --cancel-rate 0.1 -p 64 -o 32 \
                --max-fail-ratio 1 --no-progress";
    let play = |seed: &str| -> (Vec<Record>, Summary) {
        let place = Place::new();
        let ended = place.line(&format!("run {SERVER} --seed {seed} {load}"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        (place.records(), summary(&place))
    };
    let first = play("1");
    assert!(first.0.len() > 500, "{}", first.0.len());
    assert_eq!(first, play("1"));
    assert_ne!(first.0, play("2").0);
}

#[test]
fn a_preset_is_as_exact() {
    let place = Place::new();
    let line = "run sim://llama-3-8b-h100?time=virtual --qps 20 --qps-distribution exponential -t 1min -p 200 -o 100";
    let ended = place.line(&format!("{line} --seed 1 --no-progress"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = summary(&place);
    assert_eq!((found.run.model.as_str(), found.run.provider.as_str()), ("llama-3-8b", "vllm"));
    let median = |name: &str| found.metrics[name].percentile(50.0);
    insta::assert_debug_snapshot!((found.counts.ok, median("ttft"), median("itl"), median("latency")));
}

#[test]
fn what_simulated_time_does_not_have_is_refused() {
    let place = Place::new();
    for (line, excerpt) in [
        ("run sim://?time=virtual -u 2", "needs an end"),
        ("run sim://?time=virtual&usage=none -t 1s", "about bytes"),
        ("run sim://?time=virtual&ttft=0&itl=0 -t 1s", "in no time"),
        ("run sim://?time=soon -t 1s", "time=virtual"),
        ("run sim://resnet50-t4?time=virtual -t 1s", "classic model"),
    ] {
        let ended = place.line(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.stderr.contains(excerpt), "{line}: {ended:?}");
    }
    assert_eq!(place.results().len(), 0);
}
