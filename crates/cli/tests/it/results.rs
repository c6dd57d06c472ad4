//! What a run keeps: its folder, what it prints, the files of Locust, and that no secret is in any of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_core::record::Outcome;
use plimsoll_core::summary::{SUMMARY_SCHEMA, Summary};

use crate::program::{Ended, Place, count, deserved};
use crate::servers::{answering, response};

#[test]
fn a_run_leaves_its_folder() {
    let place = Place::new();
    let ended = place.line(
        "run sim://?ttft=5ms&itl=1ms -u 3 -r 1000 -p 16 -o 8 --max-requests 40 --json --record-chunks --seed 9",
    );
    let summary = place.summary();
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");

    let names: BTreeSet<String> = files(&place.result())
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let expected =
        ["records.parquet", "report.html", "series.parquet", "settings.toml", "spec.toml", "summary.json"];
    assert_eq!(names, BTreeSet::from(expected.map(str::to_owned)));

    let printed: Summary = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, summary);
    assert_eq!(summary.schema, SUMMARY_SCHEMA);
    assert_eq!((summary.run.seed, summary.run.ended.as_str()), (9, "completed"));

    let records = place.records();
    assert_eq!(records.len() as u64, summary.counts.total);
    let ids: BTreeSet<u64> = records.iter().map(|record| record.id.0).collect();
    assert_eq!(ids.len(), records.len(), "a request has two records");
    assert_eq!(count(&records, Outcome::Ok), 40);
    for record in &records {
        assert_eq!((record.usage.output_tokens, record.deltas.len()), (Some(8), 8), "{record:?}");
    }

    let spec: toml::Table = fs::read_to_string(place.result().join("spec.toml")).unwrap().parse().unwrap();
    assert_eq!(spec["seed"].as_integer(), Some(9));
    assert_eq!(spec["target"]["url"].as_str(), Some("sim://?ttft=5ms&itl=1ms"));
}

#[test]
fn an_open_loop_has_one_record_for_each_due_request() {
    let place = Place::new();
    place.line("run sim://?ttft=2ms&error_rate=0.3 --qps 100 --arrival poisson -t 1s -o 2 --threads 2 --max-fail-ratio 1");
    let (summary, records) = (place.summary(), place.records());
    let ids: Vec<u64> = records.iter().map(|record| record.id.0).collect();
    assert_eq!(ids, (0..summary.counts.scheduled).collect::<Vec<_>>());
    for (outcome, &number) in &summary.counts.outcomes {
        assert_eq!(count(&records, *outcome) as u64, number, "{outcome:?}");
    }
    assert_eq!(summary.counts.outcomes.values().sum::<u64>(), summary.counts.scheduled);
}

#[test]
fn tables_go_to_stdout_and_the_rest_to_stderr() {
    let place = Place::new();
    let ended = place.line("run sim://?ttft=5ms&itl=1ms -u 2 -r 1000 -p 16 -o 4 --max-requests 10");
    assert!(ended.stderr.starts_with("closed loop, 2 users"), "{ended:?}");
    assert!(ended.stderr.contains("(defaults; --no-chat --no-stream for the older form)"), "{ended:?}");
    let verdict = if place.summary().validity.valid { "VALID: " } else { "INVALID: " };
    assert!(ended.stdout.starts_with(verdict), "{ended:?}");
    let folder = place.result();
    let shown = format!("Results    runs/{}", folder.file_name().unwrap().to_str().unwrap());
    assert!(ended.stdout.contains(&shown) && !ended.stderr.contains("Results"), "{ended:?}");
}

const LOCUST_STATS: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
    Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,\
    50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%";
const LOCUST_HISTORY: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,\
    50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,\
    Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,\
    Total Min Response Time,Total Max Response Time,Total Average Content Size";

#[test]
fn the_files_of_locust() {
    let place = Place::new();
    // Sixty answers of two users take 1.5 s at least.
    place.line("run sim://?ttft=50ms&error_rate=0.5 -u 2 -r 1000 -o 1 --max-requests 60 --csv load --max-fail-ratio 1");
    for (name, header) in [
        ("load_stats.csv", LOCUST_STATS),
        ("load_stats_history.csv", LOCUST_HISTORY),
        ("load_failures.csv", "Method,Name,Error,Occurrences,First Seen,Last Seen"),
        ("load_exceptions.csv", "Count,Message,Traceback,Nodes"),
    ] {
        assert_eq!(place.read(name).lines().next(), Some(header), "{name}");
    }
    let stats = place.read("load_stats.csv");
    let summary = place.summary();
    let counts = format!("{},{},", summary.counts.ok + summary.counts.failed, summary.counts.failed);
    assert!(stats.contains(&format!("\nPOST,/v1/chat/completions,{counts}")), "{stats}");
    assert!(stats.contains(&format!("\n,Aggregated,{counts}")), "{stats}");
    assert!(stats.contains("\nMETRIC,time_to_first_token,"), "{stats}");
    let failures = place.read("load_failures.csv");
    assert!(failures.contains(&format!(",{},", summary.errors[0].count)), "{failures}");
    assert!(place.read("load_stats_history.csv").lines().count() > 2);
}

/// Everything that a run prints or leaves, compressed files as their readers see them.
fn everything(place: &Place, ended: &Ended) -> String {
    let mut all = format!("{}\n{}\n", ended.stdout, ended.stderr);
    for path in files(place.path()) {
        all.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        all.push_str(path.to_str().unwrap());
    }
    for folder in place.results() {
        all.push_str(&format!("{:?}", crate::program::records(&folder)));
    }
    all
}

/// All files below a folder, hidden ones too.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// A server that refuses everybody and repeats their credentials, as a part of a sentence and at the length limit.
fn gossip() -> String {
    answering(|head| {
        let value = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value).to_owned()
        };
        let said = format!("no such key: {} with {}", value("authorization"), value("x-key"));
        let padding = "x".repeat(285_usize.saturating_sub(said.len()));
        let again = format!("{said} {padding} {}", value("authorization"));
        response("401 Unauthorized", "application/json", &format!(r#"{{"error":{{"message":"{again}"}}}}"#))
    })
}

#[test]
fn secrets_stay_secret() {
    let url = gossip();
    let with_login = url.replace("http://", "http://user:third-secret@");
    let encoded = "dXNlcjp0aGlyZC1zZWNyZXQ="; // user:third-secret
    let first = ["-H", &url, "--api-key", "first-secret", "--header", "X-Key: second-secret"];
    let second = ["-H", &with_login, "--header", "X-Key: second-secret"];
    for target in [first.as_slice(), &second] {
        for server in [["--provider", "openai", "-m", "m"].as_slice(), &[]] {
            let place = Place::new();
            let mut args =
                vec!["run", "--qps", "20", "-t", "300ms", "-p", "16", "-L", "trace", "--logfile", "log.txt"];
            args.extend(["--csv", "load", "--summary-file", "rows.csv", "--show-request", "--show-response"]);
            args.extend(target);
            args.extend(server);
            let ended = place.run(&args);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let all = everything(&place, &ended);
            assert!(all.contains("no such key: "), "the server's words are lost");
            for secret in
                ["first-secret", "first-sec", "second-secret", "third-secret", encoded, &encoded[..8]]
            {
                let at = all.find(secret);
                let around = at.map(|at| all[..at].lines().next_back());
                assert_eq!(around, None, "{secret} stands after this, in a run of {args:?}");
            }
        }
    }
}

#[test]
fn a_printed_configuration_has_no_secrets() {
    let place = Place::new();
    let ended = place.run(&[
        "run",
        "--print-config",
        "-H",
        "http://user:third-secret@127.0.0.1:9",
        "--header",
        "X-Key: second-secret",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!everything(&place, &ended).contains("-secret"), "{ended:?}");
}
