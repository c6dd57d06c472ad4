//! `plimsoll coldstart` with servers that start, that do not, and that are there already.

use plimsoll_core::cold_start::ColdStartReport;

use crate::program::{Ended, Place, wait_until};
use crate::real_servers::{free_port, scripts};
use crate::servers::Sim;

const SHORT: &str = "--first 4 --warm 8 -o 4 -p 16 --no-progress --json";

fn coldstart(place: &Place, url: &str, start: &str, more: &str) -> (ColdStartReport, Ended) {
    let start = start.to_owned();
    let line = format!("coldstart -H {url} {SHORT} {more} --start-cmd");
    let mut words = crate::program::words(&line);
    words.push(start);
    let mut command = place.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    // What the scripts of real servers need to find their programs and their cache.
    let inherited = ["PATH", "HOME", "XDG_CACHE_HOME", "PLIMSOLL_CACHE"];
    command.envs(inherited.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let ended = place.start_command(command).wait();
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (report, ended)
}

/// A command that serves a simulated server on a port.
fn serve(options: &str, port: u16) -> String {
    format!("exec '{}' sim '{options}' --port {port}", env!("CARGO_BIN_EXE_plimsoll"))
}

#[test]
fn a_server_is_started_measured_and_ended() {
    let (place, port) = (Place::new(), free_port());
    let url = format!("http://127.0.0.1:{port}");
    let options = "starts_cold=true&load=400ms&warm_up_steps=8&warm_up_factor=20&ttft=20ms&itl=1ms";
    let (report, ended) = coldstart(&place, &url, &serve(options, port), "-n 2");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (ready, first) = (report.ready.unwrap(), report.first_success.unwrap());
    assert_eq!((report.attempts.len(), ready.n, first.n), (2, 2, 2));
    // It says that it is ready 0.4 s after its start, and its first answer is the slow one.
    assert!(ready.min >= 0.4 && first.min >= ready.min + 0.4, "{report:#?}");
    for attempt in &report.attempts {
        assert!(attempt.port.unwrap() < attempt.ready.unwrap(), "{attempt:?}");
        assert_eq!((attempt.first.len(), attempt.warm.len()), (4, 8), "{attempt:?}");
    }
    let warm_up = report.warm_up.unwrap();
    assert!(warm_up.slow_requests >= 1 && warm_up.positions[0].ratio > 5.0, "{warm_up:#?}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the server is still there");
    let log = std::fs::read_to_string(place.result().join("hooks.log")).unwrap();
    assert!(log.contains("--- attempt 2: ") && log.contains(&url), "{log}");
}

#[test]
fn a_start_that_fails_or_never_ends_is_told() {
    for (start, limit, excerpt) in [
        ("echo no such model >&2; exit 3", "1h", "failed with exit code 3"),
        ("exec sleep 600", "500ms", "no answer within 500ms"),
        ("sleep 600 & exit 0", "500ms", "no answer within 500ms"),
    ] {
        let place = Place::new();
        let url = format!("http://127.0.0.1:{}", free_port());
        let (report, ended) = coldstart(&place, &url, start, &format!("-n 1 --start-timeout {limit}"));
        assert_eq!(ended.code, Some(1), "{start}: {ended:?}");
        let error = report.attempts[0].error.as_deref().unwrap();
        assert!(error.contains(excerpt), "{start}: {error}");
        assert_eq!(report.findings, ["the only start came to no answer"], "{start}");
    }
}

#[test]
fn what_is_there_already_is_not_started() {
    let (server, place) = (Sim::start(""), Place::new());
    let ended = place.line(&format!("coldstart -H {} --start-cmd true", server.url));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains("answers already"), "{ended:?}");
}

#[test]
fn a_server_that_somebody_else_starts_is_waited_for() {
    let (place, port) = (Place::new(), free_port());
    let started = place.start_line(&format!("coldstart -H http://127.0.0.1:{port} -n 1 {SHORT}"));
    wait_until("the wait for a server", || !place.results().is_empty());
    let server = Sim::start_on("starts_cold=true&load=500ms&ttft=20ms&itl=1ms", &port.to_string());
    let ended = started.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: ColdStartReport = serde_json::from_str(&ended.stdout).unwrap();
    let attempt = &report.attempts[0];
    assert!(attempt.port.is_some() && attempt.first_success > attempt.port, "{attempt:?}");
    assert_eq!((attempt.first.len(), attempt.warm.len()), (4, 8), "{attempt:?}");
    let page = std::fs::read_to_string(place.result().join("report.html")).unwrap();
    assert!(page.contains("data-chart=") && page.contains("first answer"), "{page}");
    assert!(server.stat("completed") >= 12, "it is still there");
}

#[test]
fn a_command_stops_what_another_started() {
    let (place, port) = (Place::new(), free_port());
    let url = format!("http://127.0.0.1:{port}");
    // The server leaves the group of the command that starts it, as one does that a supervisor starts.
    let start = format!(
        "setsid '{}' sim ttft=5ms --port {port} & echo $! > \"$PLIMSOLL_RESULTS/pid-$PLIMSOLL_ATTEMPT\"",
        env!("CARGO_BIN_EXE_plimsoll")
    );
    let stop = "--stop-cmd 'kill $(cat \"$PLIMSOLL_RESULTS/pid-$PLIMSOLL_ATTEMPT\")'";
    let (report, ended) = coldstart(&place, &url, &start, &format!("-n 2 {stop}"));
    assert_eq!((ended.code, report.first_success.unwrap().n), (Some(0), 2), "{ended:?}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the server is still there");
}

#[test]
fn llamacpp_starts_cold() {
    let (place, port) = (Place::new(), free_port());
    let url = format!("http://127.0.0.1:{port}");
    let script = scripts().join("llamacpp/run.sh");
    let start = format!("exec '{}' {port}", script.display());
    let (report, ended) = coldstart(&place, &url, &start, "-n 2 --start-timeout 15m");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (ready, first) = (report.ready.unwrap(), report.first_success.unwrap());
    assert_eq!((ready.n, first.n), (2, 2), "{report:#?}");
    assert!(report.attempts.iter().all(|attempt| attempt.first_success >= attempt.ready), "{report:#?}");
    assert_eq!(report.warm_up.unwrap().warm_requests, 16);
}
