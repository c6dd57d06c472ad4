//! `plimsoll calibrate` as a user meets it.

use std::path::Path;

use serde_json::Value;

use crate::program::Place;

const SERVER: &str = "sim://?ttft=4ms&itl=2ms&slots=4&time=virtual";

/// Runs against the simulated server in simulated time, each with a name of its own: how it is named, then its load.
fn measured(place: &Place, runs: &[(&str, &str)]) -> Vec<String> {
    for (name, load) in runs {
        let ended = place.line(&format!("run {SERVER} -p 32 -o 8 --seed 1 --name {name} {load}"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let folders = place.results();
    let of = |name: &str| folders.iter().find(|folder| folder.ends_with_name(name)).unwrap();
    runs.iter().map(|(name, _)| of(name).display().to_string()).collect()
}

trait EndsWith {
    fn ends_with_name(&self, name: &str) -> bool;
}

impl EndsWith for std::path::PathBuf {
    fn ends_with_name(&self, name: &str) -> bool {
        self.file_name().is_some_and(|file| file.to_string_lossy().ends_with(&format!("-{name}")))
    }
}

const LOADS: [(&str, &str); 3] = [
    ("low", "-u 1 --max-requests 30"),
    ("saturated", "-u 12 -r 100000 --max-requests 200"),
    ("between", "-u 3 -r 100000 --max-requests 120"),
];

#[test]
fn a_run_that_was_not_seen_is_predicted() {
    let place = Place::new();
    let [low, saturated, between] = measured(&place, &LOADS).try_into().unwrap();
    let ended =
        place.line(&format!("calibrate {low} {saturated} {between} --holdout {between} -o server.toml"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for text in [
        "per_prefill_token",
        "max_num_seqs 4 (read from the runs",
        "Held out   ",
        "ttft p99, ms",
        "tpot p50, ms",
        "p50 and p99 of TTFT and TPOT: ",
        "sim://llama-3-8b-h100?max_num_seqs=4&",
    ] {
        assert!(ended.stdout.contains(text), "no `{text}` in {}", ended.stdout);
    }
    let server: toml::Table = place.read("server.toml").parse().unwrap();
    assert_eq!(server["schema"].as_str(), Some("plimsoll.calibration/1"));
    assert_eq!(server["limits"]["max_num_seqs"].as_integer(), Some(4));
    assert_eq!(server["source"]["runs"].as_array().unwrap().len(), 2, "the held out run is not fitted to");

    // The target that the report prints is one that can be run.
    let target =
        ended.stdout.lines().find_map(|line| Some(line.trim()).filter(|line| line.starts_with("sim://")));
    let again = place.line(&format!(
        "run {}&time=virtual -u 2 -p 32 -o 8 --max-requests 20 --name again",
        target.unwrap()
    ));
    assert_eq!(again.code, Some(0), "{again:?}");

    let median = figure(&place, &[&low, &saturated], &between);
    let [measured, predicted, error] =
        ["measured", "predicted", "error"].map(|key| median[key].as_f64().unwrap());
    assert!(measured >= 0.001 && predicted > 0.0, "{median}");
    assert!((predicted / measured - 1.0 - error).abs() < 1e-9, "{median}");
}

/// The median TPOT of `held` as JSON, with `runs` fitted to.
fn figure(place: &Place, runs: &[&str], held: &str) -> Value {
    let ended = place.line(&format!("calibrate {} --holdout {held} --json", runs.join(" ")));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["schema"], "plimsoll.calibrate/1");
    let figures = json["held_out"][0]["figures"].as_array().unwrap();
    figures.iter().find(|row| row["quantity"] == "tpot" && row["percentile"] == 50.0).unwrap().clone()
}

#[test]
fn three_runs_are_held_out_in_turn_and_two_are_not() {
    let place = Place::new();
    let folders = measured(&place, &LOADS);
    let ended = place.line(&format!("calibrate {}", folders.join(" ")));
    assert_eq!((ended.code, ended.stdout.matches("Held out   ").count()), (Some(0), 3), "{ended:?}");
    assert!(Path::new(&place.path().join("calibration.toml")).exists());
    let ended = place.line(&format!("calibrate {} {} --max-num-seqs 4", folders[0], folders[1]));
    assert!(ended.stdout.contains("Held out   nothing") && ended.stdout.contains("(given)"), "{ended:?}");
    // A single user never shows what a second request adds to a step.
    let ended = place.line(&format!("calibrate {}", folders[0]));
    assert!(ended.stdout.contains("per_sequence: NOT IDENTIFIED: counted in fixed"), "{ended:?}");
    assert!(ended.stdout.contains("max_num_seqs 1 (NOT IDENTIFIED"), "{ended:?}");
}

#[test]
fn what_cannot_be_used_is_refused_with_one_text() {
    let place = Place::new();
    let runs =
        [("short", "-u 2 --max-requests 10"), ("whole", "-u 2 --max-requests 40 --no-stream"), LOADS[0]];
    let [short, whole, good] = measured(&place, &runs).try_into().unwrap();
    std::fs::write(place.path().join("file"), "").unwrap();
    for (line, says) in [
        ("calibrate".to_owned(), "required"),
        ("calibrate nowhere".to_owned(), "`nowhere` is no results folder of a run"),
        (format!("calibrate {short}"), "20 are needed; run it for longer"),
        (format!("calibrate {whole}"), "its answers were not streamed"),
        (format!("calibrate {good} {good}"), "is given twice"),
        (format!("calibrate {good} --holdout {good}"), "no run is left to fit to"),
        (format!("calibrate {good} --max-num-seqs 0"), "--max-num-seqs"),
        (format!("calibrate {good} --kv-tokens 8"), "has no room for a request of"),
    ] {
        let ended = place.line(&line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.stderr.contains(says), "{line}: {}", ended.stderr);
    }
    let ended = place.line(&format!("calibrate {good} -o file/below"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("choose another file with -o"), "{ended:?}");
}
