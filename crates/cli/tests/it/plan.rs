//! `plimsoll plan` as a user meets it.

use std::fs;

use plimsoll_plan::Plan;
use serde_json::{Value, json};

use crate::program::{Ended, Place};

/// Two instance types, with all that a price book can say.
const PRICES: &str = include_str!("../../src/report/fleet_plan/testdata/prices.toml");

/// A certificate as the search writes it: 60 passes, 63 fails.
fn certificate() -> Value {
    let trial = |load: f64, latency: f64, overloaded: bool| {
        json!({
            "load": load, "effort": "decide", "seconds": 60.0, "spent": 65.0, "tiers": [[]], "overloaded": overloaded,
            "invalid": null, "gone": false, "rate_limited": 0, "throughput": load.min(70.0), "latency": latency,
            "latency_p99": 3.0 * latency, "concurrency": load * latency
        })
    };
    json!({
        "schema": "plimsoll.certificate/1",
        "run": {
            "name": "capacity", "tool": "0.1.0", "started": "2026-11-22T10:00:00Z", "target": "http://server",
            "provider": "triton", "model": "batched", "api": "infer, not streaming", "load": "", "workload": "tensors",
            "seed": 1, "threads": 1, "ended": "completed"
        },
        "variable": "rate",
        "traffic": {"arrivals": "Poisson", "cv": 1.0, "workload": "tensors"},
        "method": {
            "confidence": 0.95, "precision": 0.05, "exceed_ratio": 0.2, "warmup": 2.0, "service_scv": 0.1,
            "visible_overload": 0.02, "default_objectives": false
        },
        "tiers": [{"name": "", "slos": ["latency.p99<200ms"]}],
        "capacity": {
            "tiers": [{
                "name": "", "low": {"load": 60.0, "seconds": 120.0, "confirmed": true},
                "high": {"load": 63.0, "seconds": 60.0, "confirmed": false}, "ceiling": null,
                "binding": "latency.p99<200ms", "needs_seconds": null
            }],
            "trials": 3, "seconds": 200.0, "cut_short": false
        },
        "doom": null,
        "knees": {"power": null, "saturation": null, "usl": null},
        "headroom": [], "burst": null,
        "trials": [trial(5.0, 0.05, false), trial(60.0, 0.07, false), trial(90.0, 0.9, true)]
    })
}

/// A place with a certificate, prices and a small trace in it.
fn place() -> Place {
    let place = Place::new();
    let file = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    file("certificate.json", &certificate().to_string());
    file("prices.toml", PRICES);
    // Ten minutes at 1/s, and ten at 4/s.
    let times = (0..600).map(f64::from).chain((0..2400).map(|index| 600.0 + f64::from(index) / 4.0));
    let rows: String = times
        .map(|at| format!("{{\"timestamp\": {}, \"input_length\": 300, \"output_length\": 20}}\n", at * 1e3))
        .collect();
    file("trace.jsonl", &rows);
    place
}

fn planned(ended: &Ended) -> Plan {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn the_seeds_example_says_eight_and_why_it_should_be_more() {
    let place = Place::new();
    let ended = place.line("plan --demand 500 --capacity 65 --color never");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for excerpt in [
        "PLAN: 9 replicas, bound by failure of replicas",
        "8 replicas: ceil(500 / 65), if nothing ever happens",
        "8 + 1",
        "how sure the capacity is, nothing says",
        "no prices were given",
    ] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {}", ended.stdout);
    }
    let folder = place.result();
    assert!(folder.join("plan.json").is_file() && folder.join("report.html").is_file());
    assert!(!folder.join("manifests").exists(), "nobody knows what is to be scaled");
}

#[test]
fn a_certificate_becomes_ten_times_its_capacity_with_costs_and_manifests() {
    let place = place();
    let line = "plan --demand 600 --certificate certificate.json --instance small --prices prices.toml --zones 3 \
                --cold-start 20s --json";
    let plan = planned(&place.line(line));
    assert_eq!((plan.headroom.calm, plan.headroom.replicas), (10, 15), "15 - 5 = 10");
    let money = plan.money.unwrap();
    assert_eq!((money.machines, money.per_hour, money.as_of.as_str()), (15, 15.0, "2026-11-22"));
    assert!((money.units[0].inferences - 1e6 / (60.0 * 3600.0)).abs() < 1e-9);
    assert!(plan.models.attainment.unwrap() > 0.99, "{:?}", plan.models);
    let manifests = place.result().join("manifests");
    let text = fs::read_to_string(manifests.join("keda/scaledobject.yaml")).unwrap();
    assert!(text.contains("name: batched") && manifests.join("README.md").is_file(), "{text}");
    assert_eq!(plan.autoscaling.unwrap().thresholds.rate, 60.0);
    let again = place.command(&["report", &place.result().display().to_string()]);
    let again = place.start_command(again).wait();
    assert!(again.code == Some(0) && again.stdout.contains("bound by zone loss"), "{again:?}");
}

#[test]
fn a_file_says_the_same_as_flags_and_flags_win() {
    let place = place();
    let text = "trace = 'trace.jsonl'\nscale = 100\ncertificate = ['large=certificate.json']\nprices = 'prices.toml'\nzones = 3\n";
    fs::write(place.path().join("plan.toml"), text).unwrap();
    let plan = planned(&place.line("plan plan.toml --zones 2 --json --no-manifests --no-report"));
    assert_eq!(plan.settings.zones, Some(2));
    assert_eq!(plan.headroom.peak, 400.0);
    let timeline = plan.timeline.unwrap();
    let ends = [timeline.replicas.first(), timeline.replicas.last()].map(|count| *count.unwrap());
    assert!(ends[0] < ends[1], "{:?}", timeline.replicas);
    assert_eq!(timeline.attainment.len(), timeline.rate.len());
    assert!((plan.demand.tokens.unwrap().input - 300.0).abs() < 1e-9);
    assert!(plan.money.unwrap().units.iter().all(|unit| unit.output_tokens > unit.input_tokens));
    assert!(!place.result().join("report.html").exists());
}

#[test]
fn what_no_plan_can_rest_on_is_refused_with_one_error() {
    let place = place();
    let changed = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut certificate = certificate();
        change(&mut certificate);
        fs::write(place.path().join(name), certificate.to_string()).unwrap();
    };
    let none = |certificate: &mut Value| certificate["capacity"]["tiers"][0]["low"] = Value::Null;
    changed("invalid.json", &|certificate| {
        none(certificate);
        certificate["doom"] = json!({"client": {"load": 500.0, "reason": "I/O threads were 93 % busy"}});
    });
    changed("doomed.json", &|certificate| {
        none(certificate);
        certificate["doom"] = json!({"not_sustainable": {"load": 0.5}});
    });
    changed("short.json", &none);
    changed("users.json", &|certificate| certificate["variable"] = json!("concurrency"));
    changed("newer.json", &|certificate| certificate["schema"] = json!("plimsoll.certificate/2"));
    changed("cut.json", &|certificate| certificate["method"] = Value::Null);
    changed("upside.json", &|certificate| {
        certificate["capacity"]["tiers"][0]["high"]["load"] = json!(30.0);
    });
    fs::write(place.path().join("short.txt"), &certificate().to_string()[..500]).unwrap();
    changed("tiers.json", &|certificate| {
        let mut tier = certificate["capacity"]["tiers"][0].clone();
        certificate["capacity"]["tiers"][0]["name"] = json!("gold");
        tier["name"] = json!("basic");
        certificate["capacity"]["tiers"].as_array_mut().unwrap().push(tier);
    });
    fs::write(place.path().join("typo.toml"), "demnad = 5\n").unwrap();
    fs::write(
        place.path().join("still.csv"),
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1,1\n",
    )
    .unwrap();
    let texts: Vec<String> = [
        "",
        "--demand 500",
        "--capacity 65",
        "--demand 0 --capacity 65",
        "--demand 500 --certificate missing.json",
        "--demand 500 --certificate invalid.json",
        "--demand 500 --certificate doomed.json",
        "--demand 500 --certificate short.json",
        "--demand 500 --certificate users.json",
        "--demand 500 --certificate newer.json",
        "--demand 500 --certificate cut.json",
        "--demand 500 --certificate short.txt",
        "--demand 500 --certificate prices.toml",
        "--demand 500 --certificate upside.json",
        "--demand 500 --certificate tiers.json",
        "--demand 500 --certificate certificate.json --tier gold",
        "--demand 500 --certificate certificate.json --model other",
        "--demand 500 --certificate certificate.json --prices missing.toml",
        "--demand 500 --certificate certificate.json --prices prices.toml",
        "--demand 500 --certificate certificate.json --prices prices.toml --instance smal",
        "--demand 500 --certificate certificate.json --certificate short.json",
        "--demand 500 --certificate certificate.json --coldstart certificate.json",
        "--trace still.csv --capacity 5",
        "--demand 500 --capacity 65 --zones 1",
        "--demand 500 --capacity 65 -- -p 512",
        "--demand 500 --capacity 65 --slo ttft.p99<1s",
        "--demand 900000000 --capacity 5",
        "--demand 500 --capacity 65 --service Bad_Name",
        "--demand 500 --capacity 65 --prometheus http://user:secret@prometheus:9090",
        "--demnad 500",
        "typo.toml",
    ]
    .map(|line| {
        let ended = place.line(&format!("plan {line}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        format!("$ plimsoll plan {line}\n{}", ended.stderr)
    })
    .into();
    insta::assert_snapshot!(texts.join("\n"));
    assert!(!place.path().join("runs").exists(), "nothing is kept of what was refused");
}

#[test]
fn a_capacity_that_is_hardly_known_is_planned_with_a_label() {
    let place = place();
    let mut wide = certificate();
    wide["capacity"]["tiers"][0]["high"]["load"] = json!(90.0);
    wide["capacity"]["tiers"][0]["low"]["confirmed"] = json!(false);
    fs::write(place.path().join("wide.json"), wide.to_string()).unwrap();
    let plan = planned(&place.line("plan --demand 30 --certificate wide.json --json --no-manifests"));
    for excerpt in ["only known to lie between 60", "was not confirmed", "50 % of what one replica carries"] {
        assert!(plan.doubts.iter().any(|doubt| doubt.contains(excerpt)), "{excerpt}: {:?}", plan.doubts);
    }
}

#[test]
fn from_a_simulated_server_to_a_plan_in_one_command() {
    let place = Place::new();
    let target = "sim://?ttft=40ms&itl=2ms&slots=6&jitter=0.2&seed=5&load=300ms&time=virtual";
    let demanded = "--demand 500 --zones 3 --json --engine vllm";
    let line = format!(
        "plan -H {target} --slo latency.p90<300ms --budget 40m {demanded} --starts 1 --html page.html -- -p 32 -o 16 --seed 3 \
         -t 60s --no-progress"
    );
    let plan = planned(&place.line(&line));
    let cold = plan.capacity.cold_start.unwrap();
    assert!(cold.starts == 1 && cold.worst > 0.3, "{cold:?}");
    assert!(plan.capacity.high.is_some() && plan.capacity.provider == "openai", "{:?}", plan.capacity);
    assert!(plan.headroom.replicas > plan.headroom.calm && plan.headroom.lag.is_some());
    assert!(place.read("page.html").contains("data-chart=\"autoscalers\""));
    let folder = |name: &str| {
        let found = place.results().into_iter().find(|folder| folder.to_string_lossy().ends_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", place.results())).display().to_string()
    };
    let proven = plan.autoscaling.unwrap().proven;
    assert_eq!(proven.len(), 5);
    for law in proven {
        let manifest = format!("{}/manifests/{}", folder("-plan"), law.manifest);
        let linted = place.run(&["plan", "lint", &manifest]);
        assert_eq!(linted.code, Some(0), "{linted:?}");
    }
    // What it measured says the same again.
    let (certificate, cold) = (folder("-capacity"), folder("-coldstart"));
    let again = planned(
        &place.line(&format!("plan {demanded} --certificate {certificate} --coldstart {cold} --name again")),
    );
    assert_eq!(again.headroom, plan.headroom);
}

#[test]
fn what_a_soak_found_is_taken_from_the_capacity() {
    let place = place();
    let soak = "soak sim://?ttft=50ms&itl=5ms&jitter=0.3&drift=0.06&time=virtual --qps 1 -t 1h -o 4 -p 16 --seed 1 \
                --tolerance 5% --no-progress";
    assert_eq!(place.line(soak).code, Some(99), "its answers take ever longer");
    let folder = place.result().display().to_string();
    let plan = |more: &str| {
        planned(&place.line(&format!(
            "plan --demand 600 --certificate certificate.json --json --no-manifests --out plans {more}"
        )))
    };
    let (fresh, worn) = (plan(""), plan(&format!("--soak {folder} --restart-every 12h")));
    let derating = worn.capacity.derating.unwrap();
    assert!(derating.per_minute > 0.0 && !derating.series.is_empty(), "{derating:?}");
    assert!(worn.headroom.calm > fresh.headroom.calm, "{} and {}", worn.headroom.calm, fresh.headroom.calm);
    assert!(worn.headroom.left_by_drift < 1.0 && fresh.headroom.left_by_drift == 1.0);
}

/// What stands in docs as a sample, so that it is one.
#[test]
fn the_sample_of_a_price_book_is_one() {
    let place = Place::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/prices.sample.toml");
    let line = format!(
        "plan --demand 500 --capacity 65 --zones 3 --prices {sample} --instance g6.xlarge --fit llama-3.1-8b@8x2048 \
         --no-manifests --json"
    );
    let plan = planned(&place.line(&line));
    let money = plan.money.unwrap();
    let units: Vec<String> = money.units.iter().map(|unit| format!("{:.2}", unit.inferences)).collect();
    assert_eq!(units, ["3.42", "5.33"], "as docs/PLAN.md has it; a bare peak has no third figure");
    assert!(money.mixes.len() >= 3, "on demand, reserved and spot: {:?}", money.mixes);
    assert_eq!(plan.fit.len(), 2, "every type has an accelerator that is known: {:?}", plan.fit);
}

#[test]
fn the_page_of_a_trace_in_azures_columns_shows_it_over_time() {
    let place = place();
    let row = |second: u32| format!("2023-11-16 18:{:02}:{:02}.5,374,44\n", second / 60, second % 60);
    let rows: String = (0..1800).map(row).collect();
    place.write("azure.csv", &format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}"));
    let line = "plan --trace azure.csv --scale 300 --certificate certificate.json --cold-start 20s --prices prices.toml \
                --instance small --json";
    let plan = planned(&place.line(line));
    assert_eq!(plan.headroom.peak, 300.0);
    let tokens = plan.demand.tokens.unwrap();
    assert_eq!((tokens.input, tokens.output), (374.0, 44.0));
    let page = fs::read_to_string(place.result().join("report.html")).unwrap();
    for part in
        ["data-chart=\"replicas\"", "data-chart=\"cost\"", "data-chart=\"attainment\"", "over the oracle"]
    {
        assert!(page.contains(part), "{part}");
    }
}
