//! `plimsoll soak` against simulated servers that drift, leak, die, or do nothing of the kind.

use std::fs;

use plimsoll_core::drift::{Finding, Shape, SoakReport, SoakVerdict, SoakWindow};

use crate::program::{Ended, Place, wait_until};
use crate::redactor::Redactor;
use crate::servers::Sim;

/// An hour in simulated time, a request a second, 150 windows of 24 s.
const HOUR: &str = "--qps 1 -t 1h -o 4 -p 16 --seed 1 --tolerance 5% --no-progress";

/// Runs a soak whose report is printed as JSON.
fn soak(place: &Place, options: &str, more: &str) -> (SoakReport, Ended) {
    let target = format!("sim://?ttft=50ms&itl=5ms&jitter=0.3&resident=1GiB&time=virtual{options}");
    let ended = place.line(&format!("soak {target} {HOUR} --json {more}"));
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (report, ended)
}

fn finding<'a>(report: &'a SoakReport, series: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.series == series).unwrap()
}

#[test]
fn a_leak_of_a_tenth_of_a_percent_per_minute_is_found_and_nothing_else() {
    let place = Place::new();
    // 60 requests a minute leave a thousandth of a GiB behind.
    let (report, ended) = soak(&place, "&leak=17896", "");
    assert_eq!((ended.code, report.verdict), (Some(99), SoakVerdict::Drifting), "{ended:?}");
    let memory = finding(&report, "resident_bytes");
    assert_eq!((memory.verdict, memory.shape), (SoakVerdict::Drifting, Shape::Lasting));
    assert!((0.000_99..0.001_01).contains(&memory.growth.per_minute), "{memory:?}");
    let others = report.findings.iter().filter(|finding| finding.verdict == SoakVerdict::Drifting);
    assert_eq!(others.count(), 1, "{report:#?}");

    let stored: SoakReport = serde_json::from_str(&read(&place, "soak.json")).unwrap();
    assert_eq!((stored.complete, &stored), (true, &report));
    let windows = read(&place, "windows.jsonl");
    let windows: Vec<SoakWindow> = windows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((windows.len(), report.windows), (150, 150));
    assert_eq!(windows.iter().map(|window| window.ok).sum::<u64>(), 3600);
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.result().join(name)).unwrap()
}

#[test]
fn a_server_that_slows_down_is_reported_exactly() {
    let place = Place::new();
    let target = "sim://?ttft=50ms&itl=5ms&jitter=0.3&drift=0.06&time=virtual";
    let ended = place.line(&format!("soak {target} {HOUR} --slo latency.p95<200ms"));
    assert_eq!(ended.code, Some(99), "{ended:?}");
    insta::assert_snapshot!(Redactor::default().redact(&format!("{}\n{}", ended.stderr, ended.stdout)));
}

#[test]
fn a_server_that_stays_what_it_is_is_steady() {
    let (report, ended) = soak(&Place::new(), "", "");
    assert_eq!((ended.code, report.verdict), (Some(0), SoakVerdict::Steady), "{report:#?}");
    assert_eq!(finding(&report, "resident_bytes").shape, Shape::Flat);
}

#[test]
fn too_short_a_soak_decides_nothing() {
    let place = Place::new();
    let ended =
        place.line("soak sim://?time=virtual --qps 5 -t 20s -o 4 -p 16 --window 1s --json --no-progress");
    let report: SoakReport = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, report.verdict), (Some(3), SoakVerdict::Undecided), "{ended:?}");
    assert!(report.reasons[0].contains("20 windows, and 30 are needed; about 10 s more"), "{report:?}");
}

#[test]
fn a_server_that_dies_on_the_way_has_failed() {
    let place = Place::new();
    let ended = place.line("soak sim://?crash_at=5m&time=virtual --qps 2 -t 10m -o 4 -p 16 --no-progress");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("DRIFTING"), "{ended:?}");
    assert!(ended.stdout.contains("error_rate"), "{ended:?}");
}

#[test]
fn the_process_of_a_server_is_watched() {
    let (server, place) = (Sim::start("ttft=5ms&itl=1ms"), Place::new());
    let id = std::process::id();
    let load = "--qps 50 --window 500ms -o 4 -p 16 --no-progress";
    let line = format!("soak {} {load} --watch-pid {id} --memory-limit 64GiB --json", server.url);
    let started = place.start_line(&line);
    // A machine that stands still leaves windows without a reading, and a series needs one in most of them.
    let told = |line: &&str| {
        let window: Option<SoakWindow> = serde_json::from_str(line).ok();
        window.is_some_and(|window| window.resident_bytes > Some(1e6) && window.open_files >= Some(3.0))
    };
    wait_until("windows in which the process was read", || {
        let folders = place.results();
        let windows =
            folders.first().and_then(|folder| fs::read_to_string(folder.join("windows.jsonl")).ok());
        windows.is_some_and(|windows| windows.lines().filter(told).count() > 2)
    });
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let report: SoakReport =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert!(report.windows > 2, "{report:#?}");
}

#[test]
fn a_soak_that_is_killed_is_reported_from_what_it_left() {
    let (server, place) = (Sim::start("ttft=5ms&itl=1ms"), Place::new());
    let line = format!("soak {} --qps 50 --window 200ms -o 4 -p 16 --no-progress", server.url);
    let started = place.start_line(&line);
    wait_until("three windows", || {
        let folder = place.results().into_iter().next();
        let windows = folder.and_then(|folder| fs::read_to_string(folder.join("windows.jsonl")).ok());
        windows.is_some_and(|windows| windows.lines().count() > 3)
    });
    started.signal(libc::SIGKILL);
    assert_eq!(started.wait().code, None);

    let so_far: SoakReport = serde_json::from_str(&read(&place, "soak.json")).unwrap();
    assert_eq!(
        (so_far.complete, so_far.verdict),
        (false, SoakVerdict::Undecided),
        "no checkpoint was due yet"
    );
    let ended = place.line(&format!("report {}", place.result().display()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("UNDECIDED"), "{ended:?}");
}
