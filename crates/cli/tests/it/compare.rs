//! `plimsoll compare` as a user meets it, on runs in simulated time.

use plimsoll_core::certificate::{CERTIFICATE_SCHEMA, Certificate, Method, TierObjectives, Traffic};
use plimsoll_core::knee::Knees;
use plimsoll_core::search::{Bound, Capacity, TierCapacity, Variable};
use plimsoll_core::summary::RunHeader;
use serde_json::Value;

use crate::program::{Ended, Place};
use crate::redactor::Redactor;

/// Runs against a server whose first token takes so many milliseconds; their folders, in order.
fn runs(place: &Place, runs: &[(&str, u32, &str)]) -> Vec<String> {
    let folder = |(name, ttft, more): &(&str, u32, &str)| {
        let before = place.results();
        let ended = place.line(&format!(
            "run sim://?ttft={ttft}ms&itl=5ms&slots=16&jitter=0.3&seed=5&time=virtual --qps 20 --arrival poisson -p 32 -o 16 \
             --name {name} --no-progress --max-fail-ratio 1 {more}"
        ));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let new = place.results().into_iter().find(|folder| !before.contains(folder)).unwrap();
        new.display().to_string()
    };
    runs.iter().map(folder).collect()
}

fn printed(place: &Place, ended: &Ended) -> String {
    let text = format!("{}\n{}\nexit code {}\n", ended.stderr, ended.stdout, ended.code.unwrap());
    Redactor::default().hide(format!("{}/", place.path().display()), "").redact(&text)
}

fn compare(place: &Place, line: &str) -> Ended {
    place.line(&format!("compare {line}"))
}

#[test]
fn a_slower_server_is_worse_and_the_same_is_the_same() {
    let place = Place::new();
    let folders = runs(
        &place,
        &[
            ("a", 100, "--seed 1 -t 90s"),
            ("b", 115, "--seed 2 -t 90s"),
            ("again", 100, "--seed 3 -t 90s"),
            ("short", 100, "--seed 4 -t 10s"),
        ],
    );
    let [a, b, again, short] = &folders[..] else { panic!("{folders:?}") };
    let slower = compare(&place, &format!("{a} {b}"));
    assert_eq!(slower.code, Some(0), "{slower:?}");
    let same =
        compare(&place, &format!("{a} {again} --markdown -m ttft.p50 -m latency.mean -m qps -m concurrency"));
    let brief = compare(&place, &format!("{a} {short}"));
    insta::assert_snapshot!([slower, same, brief].map(|ended| printed(&place, &ended)).join("----\n"));

    let failing = format!("{a} {b} --fail-on worse --fail-on ttft.p50>5% --fail-on qps<-5% --json");
    let failed = compare(&place, &failing);
    assert_eq!(failed.code, Some(99), "{failed:?}");
    assert!(failed.stderr.contains("failed: ttft.p50 rose by 1"), "{failed:?}");
    let json: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!((&json["schema"], &json["verdict"]), (&"plimsoll.compare/1".into(), &"WORSE".into()));
    assert_eq!(json["failed"].as_array().unwrap().len(), 2, "{}", json["failed"]);
    let metric = json["metrics"].as_array().unwrap().iter().find(|one| one["metric"] == "ttft.p50").unwrap();
    assert!((metric["change"]["estimate"].as_f64().unwrap() - 0.15).abs() < 0.03, "{metric}");
    let passed = compare(&place, &format!("{a} {again} --fail-on worse --fail-on ttft.p50>5%"));
    assert_eq!(passed.code, Some(0), "{passed:?}");
}

#[test]
fn several_runs_of_a_side_are_one_side() {
    let place = Place::new();
    let all: Vec<(String, u32, String)> = (0..10)
        .map(|run| (format!("run{run}"), if run < 5 { 100 } else { 120 }, format!("--seed {run} -t 20s")))
        .collect();
    let all: Vec<(&str, u32, &str)> = all.iter().map(|(n, t, m)| (n.as_str(), *t, m.as_str())).collect();
    let folders = runs(&place, &all);
    let sides = format!("{} {}", folders[..5].join(","), folders[5..].join(","));
    let ended = compare(&place, &format!("{sides} -m ttft.p50 -m error_rate"));
    insta::assert_snapshot!(printed(&place, &ended));

    // The same runs as a history have one change, where the server became slower.
    let history = compare(&place, "--history runs -m ttft.p50 -m tpot.p50 --fail-on worse");
    assert_eq!(history.code, Some(99), "{history:?}");
    insta::assert_snapshot!(printed(&place, &history));
    let json = compare(&place, "--history runs -m ttft.p50 --json");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let change = &json["metrics"][0]["changes"][0];
    assert_eq!((&json["schema"], &change["run"]), (&"plimsoll.history/1".into(), &5.into()), "{json}");
    let few = compare(&place, &format!("--history {}", folders[..3].join(" ")));
    assert!(few.stdout.contains("Nothing can be found in 3 runs: 10 are the least"), "{few:?}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_one_text() {
    let place = Place::new();
    let folders =
        runs(&place, &[("a", 100, "--seed 1 -t 20s"), ("other", 100, "--seed 2 -t 20s --cancel-rate 0.01")]);
    let [a, other] = &folders[..] else { panic!("{folders:?}") };
    let invalid = place.path().join("invalid");
    std::fs::create_dir(&invalid).unwrap();
    for file in ["spec.toml", "records.parquet", "summary.json"] {
        std::fs::copy(format!("{a}/{file}"), invalid.join(file)).unwrap();
    }
    let summary = std::fs::read_to_string(invalid.join("summary.json")).unwrap();
    let summary = summary
        .replace("\"valid\": true", "\"valid\": false")
        .replace("\"reasons\": []", "\"reasons\": [\"the client was late\"]");
    std::fs::write(invalid.join("summary.json"), summary).unwrap();
    let killed = place.path().join("killed");
    std::fs::create_dir(&killed).unwrap();
    std::fs::copy(format!("{a}/spec.toml"), killed.join("spec.toml")).unwrap();

    let lines = [
        "compare".to_owned(),
        format!("compare {a}"),
        format!("compare {a} nowhere"),
        format!("compare {a} {a}"),
        format!("compare {a}, {other}"),
        format!("compare {a} {other}"),
        format!("compare {a} invalid"),
        format!("compare {a} killed"),
        format!("compare {a} {other} -m tfft.p99"),
        format!("compare {a} {other} -m ttft"),
        format!("compare {a} invalid --allow-invalid -m itl.p99"),
        format!("compare {a} {other} --fail-on ttft.p99"),
        format!("compare {a} {other} --threshold 5"),
        format!("compare --history {a} --fail-on undecided"),
        "compare --history killed-too".to_owned(),
        "compare --history invalid".to_owned(),
    ];
    let mut answers = Vec::new();
    for line in &lines {
        let ended = place.line(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        answers.push(printed(&place, &ended));
    }
    insta::assert_snapshot!(answers.join("----\n"));

    let different = compare(&place, &format!("{a} {other} --allow-different -m tpot.p50"));
    assert_eq!(different.code, Some(0), "{different:?}");
    assert!(different.stdout.contains("has workload.cancel_rate 0.01, and 0.0 on A"), "{different:?}");
    let allowed = compare(&place, &format!("{a} invalid --allow-invalid -m tpot.p50"));
    assert!(allowed.stdout.contains("INVALID: the client was late"), "{allowed:?}");
}

/// A certificate of one tier whose capacity lies between `low` and `high` requests per second.
fn certificate(low: f64, high: f64, model: &str) -> String {
    let bound = |load: f64| Bound { load, seconds: 60.0, confirmed: true };
    let tier = TierCapacity {
        name: String::new(),
        low: Some(bound(low)),
        high: Some(bound(high)),
        ceiling: None,
        binding: None,
        needs_seconds: None,
    };
    let certificate = Certificate {
        schema: CERTIFICATE_SCHEMA.to_owned(),
        run: RunHeader {
            model: model.to_owned(),
            target: "http://host:8000".to_owned(),
            ..RunHeader::default()
        },
        variable: Variable::Rate,
        traffic: Traffic { arrivals: "Poisson".to_owned(), cv: Some(1.0), workload: "prompts".to_owned() },
        method: Method {
            confidence: 0.95,
            precision: 0.05,
            exceed_ratio: 0.2,
            warmup: 0.0,
            service_scv: 1.0,
            visible_overload: None,
            default_objectives: false,
        },
        tiers: vec![TierObjectives { name: String::new(), slos: vec!["ttft.p99<500ms".to_owned()] }],
        capacity: Capacity { tiers: vec![tier], trials: 9, seconds: 300.0, cut_short: false },
        doom: None,
        knees: Knees::default(),
        slowdown: None,
        rate_limit: None,
        warm_up: None,
        headroom: Vec::new(),
        burst: None,
        trials: Vec::new(),
    };
    serde_json::to_string(&certificate).unwrap()
}

#[test]
fn certificates_are_compared_by_their_capacities() {
    let place = Place::new();
    for (name, low, high, model) in
        [("a", 10.0, 10.4, "m"), ("b", 9.0, 9.3, "m"), ("wide", 8.0, 11.0, "m"), ("other", 10.0, 10.4, "n")]
    {
        std::fs::create_dir(place.path().join(name)).unwrap();
        place.write(&format!("{name}/certificate.json"), &certificate(low, high, model));
    }
    place.write("later.json", &certificate(10.0, 10.4, "m").replace("certificate/1", "certificate/9"));
    std::fs::create_dir(place.path().join("none")).unwrap();
    let answers = [
        ("a b --fail-on worse", 99),
        ("a wide --markdown", 0),
        ("a b/certificate.json --json", 0),
        ("a other", 2),
        ("a other --allow-different", 0),
        ("a none", 2),
        ("a later.json", 2),
        ("a b -m qps", 2),
        ("a b --fail-on qps>5%", 2),
    ]
    .map(|(line, code)| {
        let ended = compare(&place, line);
        assert_eq!(ended.code, Some(code), "{line}: {ended:?}");
        printed(&place, &ended)
    });
    insta::assert_snapshot!(answers.join("----\n"));
}
