//! How a search for a capacity ends early, in real time: by the user, and by a server that goes while bursts are tried.

use std::fs;

use plimsoll_core::certificate::Certificate;
use plimsoll_core::search::{Doom, Effort, TrialOutcome};
use plimsoll_core::slo::Verdict;
use serde_json::Value;

use crate::program::{Ended, Place, Started, wait_until};
use crate::servers::Sim;

/// A search that looks at the greatest load it may try first of all.
const LINE: &str =
    "-p 16 -o 4 --warmup 50ms --slo latency.p50<5s --min-rate 5 --max-rate 20 --precision 50% --seed 3";
/// The interval between looks of a watch: some within the shortest trial.
const WATCH: &str = "--watch auto --watch-interval 100ms";

fn start(place: &Place, sim: &Sim, rest: &str) -> Started {
    place.start_line(&format!("capacity -H {} {LINE} {rest}", sim.url))
}

/// Goes on with the search of a place, until a trial asks something.
fn go_on(place: &Place, sim: &Sim, rest: &str) -> Started {
    let before = sim.stat("requests");
    let started = start(place, sim, &format!("{rest} --resume {}", place.result().display()));
    sim.wait_for("requests", before + 1);
    started
}

/// The end of a search whose user has enough.
fn interrupted(started: Started) -> Ended {
    started.signal(libc::SIGINT);
    let ended = started.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    ended
}

fn certificate(place: &Place, ended: &Ended) -> Certificate {
    let text = fs::read_to_string(place.result().join("certificate.json"));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}: {ended:?}"))).unwrap()
}

/// Makes the first trial of a search one that passes: a machine that is busy with other tests may have spoilt it.
fn let_the_first_pass(place: &Place, effort: Effort) {
    let path = place.result().join("trials/001/outcome.json");
    let mut stored: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let found: TrialOutcome = serde_json::from_value(stored["outcome"].clone()).unwrap();
    let mut passes = TrialOutcome { effort, seconds: 600.0, invalid: None, overloaded: false, ..found };
    let verdict = &mut passes.tiers[0][0];
    (verdict.verdict, verdict.n, verdict.misses, verdict.effective_n) = (Verdict::Pass, 1000, 0, 1000.0);
    stored["outcome"] = serde_json::to_value(&passes).unwrap();
    fs::write(&path, stored.to_string()).unwrap();
}

#[test]
fn a_search_that_is_interrupted_certifies_what_is_known() {
    let (sim, place) = (Sim::start("ttft=5ms&itl=1ms&slots=4"), Place::new());
    let started = start(&place, &sim, &format!("-t 2s {WATCH}"));
    wait_until("the first trial", || started.stderr().contains("\n  1 look "));
    let ended = interrupted(started);
    let begun = certificate(&place, &ended);
    assert!(begun.capacity.cut_short && !begun.trials.is_empty(), "{:?}", begun.capacity);
    assert!(begun.trials.iter().all(|trial| trial.server.is_some()), "{:?}", begun.trials);

    // A load passes, and is being confirmed.
    let_the_first_pass(&place, Effort::Decide);
    let ended = interrupted(go_on(&place, &sim, "-t 20s"));
    let found = certificate(&place, &ended);
    let low = found.capacity.tiers[0].low.unwrap_or_else(|| panic!("{ended:?}"));
    assert!(!low.confirmed && low.load > 15.0 && found.capacity.cut_short, "{found:?}");
    assert!(ended.stdout.contains("CAPACITY: at least "), "{ended:?}");
    assert!(ended.stderr.contains("with --resume "), "{ended:?}");

    // It is confirmed, and bursts are being tried.
    let_the_first_pass(&place, Effort::Confirm);
    let ended = interrupted(go_on(&place, &sim, "-t 20s --burst-check cv=2"));
    let found = certificate(&place, &ended);
    assert!(found.capacity.tiers[0].low.unwrap().confirmed && !found.capacity.cut_short, "{found:?}");
    let burst = found.burst.unwrap();
    assert!(burst.capacity.cut_short && burst.cost == [None] && burst.doom.is_none(), "{burst:?}");
    assert!(ended.stdout.contains("is not known; cut short"), "{ended:?}");

    // The same, and it is the server that has enough.
    let started = go_on(&place, &sim, "-t 2s --burst-check cv=2");
    drop(sim);
    let ended = started.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let found = certificate(&place, &ended);
    assert!(found.doom.is_none() && found.capacity.tiers[0].low.unwrap().confirmed, "{found:?}");
    assert!(matches!(found.burst.unwrap().doom, Some(Doom::ServerGone { .. })), "{ended:?}");
    for excerpt in ["CAPACITY: at least ", "the server answered nobody any more at "] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {ended:?}");
    }
}

#[test]
fn whoever_interrupts_before_the_first_trial_gets_the_code_for_that() {
    let (sim, place) = (Sim::start("ttft=5ms&itl=1ms&slots=4"), Place::new());
    let started = start(&place, &sim, "");
    sim.wait_for("requests", 3);
    let ended = interrupted(started);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("before the first trial"), "{ended:?}");
}
