//! The view of a run in a terminal: it comes, obeys keys, and gives the terminal back on every way out.

use std::fs::File;

use plimsoll_core::load::HandLoad;
use plimsoll_core::record::Outcome;
use plimsoll_core::summary::Summary;

use crate::program::{Place, count, wait_until};
use crate::pty::Pty;
use crate::servers::Sim;

// A view writes only what changed: words that stand apart, unless the blanks between them have a look of their own.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SIZE: (u16, u16) = (80, 24);

/// Starts a run without an end against a server, in a terminal.
fn run(place: &Place, sim: &Sim, more: &[&str], variable: (&str, &str)) -> Pty {
    start(place, sim, more, variable, SIZE)
}

fn start(place: &Place, sim: &Sim, more: &[&str], variable: (&str, &str), size: (u16, u16)) -> Pty {
    let mut command = place.command(&["run", "-H", &sim.url, "-p", "16", "-o", "4", "--seed", "1"]);
    command.args(more).env("TERM", "xterm-256color").env(variable.0, variable.1);
    Pty::start(command, size, None)
}

const NONE: (&str, &str) = ("LANG", "C.UTF-8");

#[test]
fn a_view_fills_the_terminal_and_gives_it_back_to_the_report() {
    let (place, sim) = (Place::new(), Sim::start("ttft=20ms&itl=2ms"));
    let mut pty = run(&place, &sim, &["--qps", "20", "--slo", "ttft.p95<500ms"], NONE);
    for text in [ENTER, "objectives so far", "ttft.p95<500ms", "req/s", "client", "help"] {
        pty.wait_for(text);
    }
    pty.press("?");
    pty.wait_for("Ctrl+Z");
    pty.press("q");
    let ended = pty.wait();
    let (view, report) = ended.stderr.split_once(LEAVE).unwrap();
    assert!(!view.contains("= Summary =") && report.contains("= Summary ="), "{ended:?}");
    assert!(report.contains("\x1b[?25h") && report.contains("stopping: waiting up to 60s"), "{ended:?}");
    assert!(view.contains("\x1b[36") && !view.contains("38;5;"), "the sixteen colours as such: {ended:?}");
    assert_eq!(place.summary().run.ended, "interrupted");
}

#[test]
fn a_load_that_is_paused_and_raised_by_hand_makes_the_run_invalid() {
    let (place, sim) = (Place::new(), Sim::start("ttft=20ms&itl=2ms"));
    let mut pty = run(&place, &sim, &["--qps", "50"], NONE);
    pty.wait_for("req/s");
    pty.press("p");
    pty.wait_for("PAUSED");
    // Whatever is drawn next is drawn later than the pause began, and so much that something was due meanwhile.
    let seen = pty.seen().len();
    wait_until("the clock to go on", || pty.seen().len() > seen + 200);
    pty.press("p++");
    pty.wait_for("by hand");
    sim.wait_for("requests", sim.stat("requests") + 10);
    pty.press("q");
    let ended = pty.wait();

    let summary: Summary = place.summary();
    let loads: Vec<HandLoad> = summary.interventions.iter().map(|span| span.load).collect();
    assert_eq!(loads.first(), Some(&HandLoad::Paused), "{summary:#?}");
    assert_eq!(loads.last(), Some(&HandLoad::RateFactor(1.2)), "{summary:#?}");
    let reason = summary.validity.reasons.iter().find(|reason| reason.contains("changed by hand"));
    assert!(reason.is_some_and(|reason| reason.contains("paused for")), "{summary:#?}");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let records = place.records();
    let shed = count(&records, Outcome::Shed);
    assert!(shed > 0, "nothing was due while it was paused");
    let pause = summary.interventions[0];
    for record in &records {
        let due = record.scheduled.as_secs_f64();
        let paused = (pause.start..pause.end).contains(&due);
        assert_eq!(record.outcome == Outcome::Shed, paused, "due at {due}, paused {pause:?}");
    }
}

#[test]
fn users_who_are_paused_ask_nothing_and_more_of_them_come() {
    let (place, sim) = (Place::new(), Sim::start("ttft=5ms&itl=1ms"));
    let mut pty = run(&place, &sim, &["-u", "2", "-r", "1000"], NONE);
    pty.wait_for("req/s");
    pty.press("p");
    pty.wait_for("PAUSED");
    pty.press("p+");
    pty.wait_for("users by hand");
    sim.wait_for("requests", sim.stat("requests") + 50);
    pty.press("q");
    let ended = pty.wait();
    let summary = place.summary();
    assert_eq!(summary.rates.concurrency_max, 3, "{ended:?}");
    assert_eq!(count(&place.records(), Outcome::Ok), place.records().len());
    let pause = summary.interventions[0];
    assert_eq!(pause.load, HandLoad::Paused);
}

#[test]
fn signals_and_keys_end_a_run_and_restore_the_terminal() {
    let sim = Sim::start("ttft=20ms&itl=2ms");
    for end in ["\x03", "SIGTERM", "qq"] {
        let place = Place::new();
        let mut pty = run(&place, &sim, &["--qps", "20"], ("NO_COLOR", "1"));
        pty.wait_for("req/s");
        match end {
            "SIGTERM" => pty.signal(libc::SIGTERM),
            keys => pty.press(keys),
        }
        let ended = pty.wait();
        assert!(ended.stderr.contains(LEAVE) && ended.stderr.contains("= Summary ="), "{end:?}: {ended:?}");
        let coloured = (30..38).chain(90..98).find(|code| ended.stderr.contains(&format!("\x1b[{code}")));
        assert_eq!(coloured, None, "NO_COLOR: {ended:?}");
    }
}

#[test]
fn the_view_comes_back_after_the_shell_had_the_terminal() {
    let (place, sim) = (Place::new(), Sim::start("ttft=20ms&itl=2ms"));
    let mut pty = run(&place, &sim, &["--qps", "20"], NONE);
    pty.wait_for("req/s");
    // A session without a shell has nobody to continue it, so the kernel does not stop it.
    pty.press("\x1a");
    pty.wait_for_times(ENTER, 2);
    pty.wait_for_times("req/s", 2);
    // Stopped and continued from outside, where nobody could give the terminal back.
    pty.signal(libc::SIGSTOP);
    pty.signal(libc::SIGCONT);
    pty.wait_for_times(ENTER, 3);
    pty.wait_for_times("req/s", 3);
    pty.press("q");
    assert!(pty.wait().stderr.contains("= Summary ="));
}

#[test]
fn the_view_is_on_stderr_and_the_results_are_where_stdout_goes() {
    let (place, sim) = (Place::new(), Sim::start("ttft=20ms&itl=2ms"));
    let mut command = place.command(&["run", "-H", &sim.url, "--qps", "20", "-o", "4", "--json"]);
    command.env("TERM", "screen");
    let out = File::create(place.path().join("out.json")).unwrap();
    let mut pty = Pty::start(command, SIZE, Some(out));
    pty.wait_for("req/s");
    pty.press("q");
    let ended = pty.wait();
    let stored: Summary = serde_json::from_str(&place.read("out.json")).unwrap();
    assert_eq!(stored, place.summary());
    assert!(!ended.stderr.contains("plimsoll.summary"), "{ended:?}");
}

#[test]
fn small_and_dumb_terminals_have_lines() {
    let sim = Sim::start("ttft=20ms&itl=2ms");
    for (variable, size) in [(NONE, (50, 24)), (NONE, (80, 10)), (("TERM", "dumb"), SIZE)] {
        let place = Place::new();
        let mut pty = start(&place, &sim, &["--qps", "20"], variable, size);
        pty.wait_for("measuring, sent");
        pty.press("\x03");
        let ended = pty.wait();
        assert!(!ended.stderr.contains(ENTER) && ended.stderr.contains("= Summary ="), "{ended:?}");
        assert!(variable == NONE || !ended.stderr.contains('\x1b'), "{ended:?}");
    }
}
