//! `plimsoll capacity` as a user meets it, in simulated time: a search of an hour takes seconds.

use std::fs;
use std::path::PathBuf;

use plimsoll_core::certificate::Certificate;
use plimsoll_core::search::{Ceiling, Doom};

use crate::program::{Ended, Place};

/// Six places; an answer takes 80 ms and 31 times 8 ms, so that it can do about 18 requests a second.
const SERVER: &str = "sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual";

fn search(place: &Place, line: &str) -> Ended {
    place.line(&format!("capacity {SERVER} -p 64 -o 32 --seed 3 -t 60s {line}"))
}

/// The folder of the only search.
fn folder(place: &Place) -> PathBuf {
    let mut found = fs::read_dir(place.path().join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let folder = found.next().unwrap();
    assert!(found.next().is_none());
    folder
}

fn certificate(place: &Place) -> Certificate {
    serde_json::from_str(&fs::read_to_string(folder(place).join("certificate.json")).unwrap()).unwrap()
}

#[test]
fn a_capacity_is_certified_and_told() {
    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<600ms --precision 10% --traffic 10 --max-rate 100");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let tier = &found.capacity.tiers[0];
    let (low, high) = (tier.low.unwrap(), tier.high.unwrap());
    assert!(low.confirmed && low.load < high.load && high.load < 1.3 * low.load, "{tier:?}");
    assert!((8.0..19.0).contains(&low.load), "{tier:?}");
    assert_eq!(tier.binding.as_deref(), Some("latency.p90<600ms"));
    assert_eq!(found.traffic.cv, Some(1.0));
    assert!((found.headroom[0].headroom - (low.load / 10.0 - 1.0)).abs() < 1e-12);
    for excerpt in ["CAPACITY: ", "bound by latency.p90<600ms", "p99 latency, ms", "Certificate runs/"] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {}", ended.stdout);
    }
    let lines = ended.stderr.lines().filter(|line| line.contains(" miss); ")).count();
    assert_eq!(lines, found.trials.len(), "a line for each trial: {}", ended.stderr);
    // A trial is a results folder like any other, and asks what no trial before it has asked.
    let trial = folder(&place).join("trials/002");
    let summary: plimsoll_core::summary::Summary =
        serde_json::from_str(&fs::read_to_string(trial.join("summary.json")).unwrap()).unwrap();
    assert!(summary.run.workload.contains("from request "), "{}", summary.run.workload);
    assert!(trial.join("records.parquet").is_file());
}

#[test]
fn a_search_that_was_interrupted_goes_on_and_says_the_same() {
    let place = Place::new();
    let line = "--slo latency.p90<600ms --precision 20%";
    assert_eq!(search(&place, line).code, Some(0));
    let whole = certificate(&place);
    let folder = folder(&place);
    fs::remove_file(folder.join("certificate.json")).unwrap();
    for number in 4..=whole.trials.len() {
        fs::remove_dir_all(folder.join(format!("trials/{number:03}"))).unwrap();
    }
    let resume = format!("{line} --resume {}", folder.display());
    let ended = search(&place, &resume);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("going on after 3 trials"), "{}", ended.stderr);
    let ends = |found: &Certificate| {
        let tier = &found.capacity.tiers[0];
        (tier.low.map(|low| low.load), tier.high.map(|high| high.load), found.trials.len())
    };
    assert_eq!(ends(&certificate(&place)), ends(&whole));
    let other = search(&place, &format!("--slo latency.p99<1s --resume {}", folder.display()));
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("give the same options"), "{}", other.stderr);
}

#[test]
fn bad_endings_are_clear() {
    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<1ms --min-rate 0.5 --max-rate 50");
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert!(ended.stdout.contains("NOT SUSTAINABLE: at any load tried"), "{}", ended.stdout);
    assert!(matches!(certificate(&place).doom, Some(Doom::NotSustainable { .. })));

    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<600ms --max-rate 3 --precision 20%");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("CAPACITY: at least "), "{}", ended.stdout);
    assert_eq!(certificate(&place).capacity.tiers[0].ceiling, Some(Ceiling::GreatestAllowed));

    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<600ms --budget 30s");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("NOT CERTIFIED: there is too little evidence"), "{}", ended.stdout);
}

#[test]
fn users_tiers_and_usual_objectives_are_searched_too() {
    let place = Place::new();
    let ended = search(
        &place,
        "--search concurrency --slo-set a:latency.p90<600ms --slo-set b:latency.p90<1200ms --precision 20% --max-rate 64",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let low = |place: usize| found.capacity.tiers[place].low.unwrap().load;
    assert!(low(0) >= 6.0 && low(1) > low(0), "{:?}", found.capacity);
    assert_eq!(found.traffic.cv, None);

    let place = Place::new();
    let ended = search(&place, "--max-rate 2 --precision 20%");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("no --slo was given: the objectives are ttft.p99<=2s"), "{}", ended.stderr);
    assert!(certificate(&place).method.default_objectives);
}

#[test]
fn what_makes_no_search_is_refused() {
    let place = Place::new();
    for (line, excerpt) in [
        ("--qps 5", "leave --qps out"),
        ("--slo qps>=5", "missed by every load below it"),
        ("--search concurrency --burst-check cv=2", "arrivals of an open loop"),
        ("--min-rate 9 --max-rate 3", "not below"),
        ("--precision 90%", "1% to 50%"),
        ("--slo-set gold", "a colon"),
        ("--slo-set a:latency.p90<1s --slo-set a:latency.p90<2s", "given twice"),
        ("--resume nowhere", "cannot read"),
    ] {
        let ended = search(&place, line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.stderr.contains(excerpt), "{line}: {ended:?}");
    }
    assert_eq!(place.results().len(), 0);
}
