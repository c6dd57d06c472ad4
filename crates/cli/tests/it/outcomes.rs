//! How requests end and when they start: every fault of a server has its outcome, every load its exact number.

use std::time::Duration;

use plimsoll_core::record::{Outcome, Phase, Record};
use plimsoll_core::summary::Summary;

use crate::program::{Ended, Place, count, deserved};
use crate::servers::{answering, response};

/// Ten requests in half a second.
const TEN: &str = "--qps 20 -t 500ms -p 16 -o 4";

fn run(line: &str) -> (Ended, Summary, Vec<Record>) {
    let place = Place::new();
    let ended = place.line(line);
    assert_eq!(place.results().len(), 1, "{ended:?}");
    (ended, place.summary(), place.records())
}

/// Runs ten requests that must all end as `outcome`, with `example` in the table of errors.
fn all_end_as(outcome: Outcome, status: Option<u16>, example: &str, target: &str) {
    let (ended, summary, records) = run(&format!("run {target} {TEN}"));
    let context = || format!("{target}: {ended:?}");
    assert_eq!(count(&records, outcome), 10, "{}", context());
    assert_eq!(records.len(), 10, "{}", context());
    assert_eq!(summary.counts.outcomes, [(outcome, 10)].into(), "{}", context());
    let class = &summary.errors[0];
    let seen = (summary.errors.len(), class.outcome, class.status, class.count);
    assert_eq!(seen, (1, outcome, status, 10), "{}", context());
    assert!(class.example.contains(example), "{}: {}", class.example, context());
    let (_, table) = ended.stdout.split_once("Errors of the whole run").unwrap();
    assert!(table.contains(outcome.name()) && table.contains(example), "{}", context());
    assert_eq!(ended.code, Some(1), "{}", context());
}

#[test]
fn faults_of_a_server_have_their_outcomes() {
    for (outcome, status, example, target) in [
        (Outcome::Http5xx, Some(500), "HTTP 500: ", "'sim://?ttft=1ms&itl=1ms&error_rate=1'"),
        (Outcome::Http429, Some(429), "HTTP 429: ", "'sim://?ttft=1ms&itl=1ms&error_429_rate=1'"),
        (Outcome::StreamError, Some(200), "simulated", "'sim://?ttft=1ms&itl=1ms&stream_error_rate=1'"),
        (
            Outcome::Truncated,
            Some(200),
            "closed the connection, within the answer",
            "'sim://?ttft=1ms&itl=1ms&truncate_rate=1'",
        ),
        (Outcome::Empty, Some(200), "without content", "'sim://?ttft=1ms&itl=1ms&empty_rate=1'"),
        (
            Outcome::WrongLength,
            Some(200),
            "instead of 4",
            "'sim://?ttft=1ms&itl=1ms&wrong_length_rate=1' --strict-length",
        ),
    ] {
        all_end_as(outcome, status, example, target);
    }
}

#[test]
fn limits_of_time_name_their_phase() {
    for (status, example, target) in [
        (None, "--first-byte-timeout", "sim://?ttft=10s --no-stream --first-byte-timeout 50ms"),
        (None, "--request-timeout", "sim://?ttft=10s --no-stream --request-timeout 50ms"),
        (Some(200), "--idle-timeout", "'sim://?ttft=1ms&itl=1ms&stall=10s' --idle-timeout 50ms"),
    ] {
        all_end_as(Outcome::Timeout, status, example, target);
    }
}

#[test]
fn answers_that_are_none_have_their_outcomes() {
    let refusing = answering(|_| response("404 Not Found", "text/plain", "nothing here"));
    all_end_as(Outcome::Http4xx, Some(404), "nothing here", &format!("{refusing} --provider openai -m m"));
    let babbling = answering(|_| response("200 OK", "text/event-stream", "data: {\"choices\": oops\n\n"));
    all_end_as(Outcome::Invalid, Some(200), "oops", &format!("{babbling} --provider openai -m m"));
    let moved = answering(|_| response("302 Found", "text/plain", "elsewhere"));
    all_end_as(Outcome::Invalid, Some(302), "elsewhere", &format!("{moved} --provider openai -m m"));
}

#[test]
fn a_queue_that_is_full_refuses_with_the_code_asked_for() {
    for (query, outcome) in [("full=429", Outcome::Http429), ("full=503", Outcome::Http5xx)] {
        let (ended, summary, records) =
            run(&format!("run 'sim://?ttft=5s&slots=1&queue=1&{query}&time=virtual' {TEN} -s 0"));
        assert_eq!(count(&records, outcome), 8, "{ended:?}");
        assert_eq!(count(&records, Outcome::Unfinished), 2, "{ended:?}");
        assert_eq!(summary.counts.failed, 8);
    }
}

#[test]
fn the_share_of_failures_decides_the_exit_code() {
    for (options, code) in [
        ("", Some(1)),
        ("--max-fail-ratio 0.999", None),
        ("--exit-code-on-error 7", Some(7)),
        ("--exit-code-on-error 0", Some(0)),
    ] {
        let line =
            format!("run 'sim://?ttft=1ms&error_rate=0.5&seed=1' --qps 40 -t 500ms -p 16 -o 1 {options}");
        let (ended, summary, records) = run(&line);
        let failed = count(&records, Outcome::Http5xx);
        assert!((1..20).contains(&failed) && failed + count(&records, Outcome::Ok) == 20, "{ended:?}");
        assert_eq!(summary.errors[0].count, failed as u64);
        assert_eq!(ended.code, code.or(deserved(&summary)), "{options}: {ended:?}");
    }
}

#[test]
fn requests_are_cancelled_on_purpose() {
    let (ended, summary, records) = run(&format!("run 'sim://?ttft=1ms&itl=50ms' {TEN} --cancel-rate 1"));
    assert_eq!((count(&records, Outcome::Cancelled), records.len()), (10, 10), "{ended:?}");
    assert!(records.iter().all(|record| !record.deltas.is_empty() && record.deltas.len() < 4), "{records:?}");
    assert_eq!((summary.counts.failed, summary.errors.len()), (0, 0));
    assert_eq!(ended.code, deserved(&summary));

    let (_, _, records) =
        run("run 'sim://?ttft=1ms&itl=1ms' --qps 100 -t 500ms -p 16 -o 4 --cancel-rate 0.5 --seed 1");
    let cancelled = count(&records, Outcome::Cancelled);
    assert_eq!(cancelled + count(&records, Outcome::Ok), 50);
    assert!((10..40).contains(&cancelled), "{cancelled}");
}

/// 25 requests of 100 ms each in half a second, one at a time.
const TOO_MUCH: &str = "run 'sim://?ttft=100ms&itl=1ms' --qps 50 -t 500ms -p 16 -o 1 --max-concurrency 1";

#[test]
fn a_cap_that_binds_shows_as_lag() {
    let (ended, summary, records) = run(&format!("{TOO_MUCH} --when-full lag"));
    assert_eq!((records.len(), count(&records, Outcome::Ok)), (25, 25), "{ended:?}");
    // The last is due at 480 ms, and 24 of at least 100 ms go before it.
    assert!(records[24].send_lag().unwrap() > 1.9, "{:?}", records[24]);
    assert!(records.iter().all(|record| record.response_time() >= record.latency()));
    assert!(summary.metrics["send_lag"].max.unwrap() > 1.9);
    assert!(ended.stdout.contains("the cap on concurrency (-u) was reached"), "{ended:?}");
    assert_eq!(summary.rates.concurrency_max, 1);
}

#[test]
fn a_cap_that_binds_shows_as_shed() {
    let (ended, summary, records) = run(&format!("{TOO_MUCH} --when-full shed"));
    let shed = count(&records, Outcome::Shed);
    assert_eq!((records.len(), shed + count(&records, Outcome::Ok)), (25, 25), "{ended:?}");
    assert!(shed >= 19, "{shed}"); // 500 ms have room for five, and for one that is late
    assert!(records.iter().all(|record| (record.outcome == Outcome::Shed) == record.sent.is_none()));
    assert_eq!(summary.counts.outcomes[&Outcome::Shed], shed as u64);
    assert!(ended.stdout.contains(&format!("shed {shed}")), "{ended:?}");
}

const AZURE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,40,3
2023-11-16 18:17:04.0319600,50,5
2023-11-16 18:17:04.0781490,60,1
2023-11-16 18:17:04.3799600,70,4
";
const MOONCAKE: &str = r#"{"timestamp": 0, "input_length": 40, "output_length": 3, "hash_ids": [0]}
{"timestamp": 52, "input_length": 50, "output_length": 5, "hash_ids": [0, 1]}
{"timestamp": 98, "input_length": 60, "output_length": 1, "hash_ids": []}
{"timestamp": 400, "input_length": 70, "output_length": 4, "hash_ids": [0, 1]}
"#;

#[test]
fn a_trace_is_replayed_request_by_request() {
    for (name, text) in [("trace.csv", AZURE), ("trace.jsonl", MOONCAKE)] {
        for (options, expected) in [
            ("", &[0, 52, 98, 400][..]),
            ("--trace-speed 2", &[0, 26, 49, 200]),
            ("--trace-start 50ms --trace-stop 300ms", &[0, 46]),
        ] {
            let place = Place::new();
            place.write(name, text);
            let ended = place.line(&format!("run 'sim://?ttft=1ms&itl=1ms' --trace {name} {options}"));
            let records = place.records();
            assert_eq!(count(&records, Outcome::Ok), expected.len(), "{options}: {ended:?}");
            let first = records[0].scheduled;
            let due: Vec<u64> =
                records.iter().map(|record| record.scheduled.since(first).as_micros() as u64).collect();
            // The window may begin between two requests; the published trace has microseconds.
            let expected: Vec<u64> = expected.iter().map(|millis| millis * 1000).collect();
            let off = due.iter().zip(&expected).map(|(due, expected)| due.abs_diff(*expected)).max();
            assert!(due.len() == expected.len() && off < Some(1000), "{name} {options}: {due:?}");
            if expected.len() == 4 {
                let tokens: Vec<_> = records.iter().map(|record| record.usage.output_tokens).collect();
                assert_eq!(tokens, [Some(3), Some(5), Some(1), Some(4)]);
            }
        }
    }
}

#[test]
fn stages_have_their_exact_total() {
    // A triangle of 10 requests, then 20.
    let (ended, summary, records) =
        run("run sim://?ttft=1ms --stages 500ms:40,500ms:40 -p 16 -o 1 --threads 2");
    assert_eq!((records.len(), summary.counts.scheduled), (30, 30), "{ended:?}");
    assert_eq!(summary.run.ended, "completed");
}

#[test]
fn users_of_a_burst_fire_together() {
    let (ended, _, records) =
        run("run sim://?ttft=1ms&time=virtual -u 4 -r 1000 --burst 400ms -t 1s -p 16 -o 1");
    let mut due: Vec<Duration> =
        records.iter().map(|record| record.scheduled.since(records[0].scheduled)).collect();
    due.sort();
    let bursts = due.chunk_by(|before, after| *after - *before < Duration::from_millis(200));
    let sizes: Vec<usize> = bursts.map(<[Duration]>::len).collect();
    // The first user is active at the first instant, all four from the second on.
    assert_eq!(sizes, [1, 4, 4], "{due:?} {ended:?}");
}

#[test]
fn concurrency_grows_from_one_to_all() {
    let (ended, summary, records) = run(
        "run sim://?ttft=20ms&time=virtual -u 4 --ramping-warmup-time 200ms --ramping-time 600ms -t 400ms -p 16 -o 1",
    );
    assert!((summary.window.ramp - 0.8).abs() < 0.05, "{ended:?}");
    assert_eq!(summary.rates.concurrency_max, 4);
    let ramp: Vec<&Record> = records.iter().filter(|record| record.phase == Phase::Ramp).collect();
    assert!(!ramp.is_empty() && ramp.len() < records.len());
    assert_eq!(summary.counts.scheduled, (records.len() - ramp.len()) as u64);
}

#[test]
fn as_many_requests_succeed_as_were_asked_for() {
    for (target, load) in [
        ("'sim://?ttft=5ms&jitter=0.5'", "-u 4 -r 1000"),
        ("'sim://?ttft=5ms&error_rate=0.3'", "-u 4 -r 1000"),
        ("'sim://?ttft=5ms&error_rate=0.3'", "-u 4 -r 1000 --threads 2"),
        ("'sim://?ttft=5ms'", "--qps 100 --threads 2"),
    ] {
        let (ended, summary, records) =
            run(&format!("run {target} {load} --max-requests 17 -p 16 -o 1 --max-fail-ratio 1"));
        assert_eq!(count(&records, Outcome::Ok), 17, "{target} {load}: {ended:?}");
        assert_eq!(records.len(), 17 + count(&records, Outcome::Http5xx), "{target} {load}: {ended:?}");
        assert_eq!(summary.run.ended, "completed");
    }
}

#[test]
fn a_run_of_which_nothing_succeeds_ends_all_the_same() {
    let (failing, cancelled) =
        ("'sim://?ttft=1ms&error_rate=1'", "'sim://?ttft=1ms&itl=50ms' --cancel-rate 1");
    for (target, load, outcome) in [
        (failing, "-u 4", Outcome::Http5xx),
        (failing, "-u 4 --threads 2", Outcome::Http5xx),
        (failing, "--qps 100 --threads 2", Outcome::Http5xx),
        (cancelled, "-u 4", Outcome::Cancelled),
    ] {
        let (ended, summary, records) = run(&format!("run {target} {load} --max-requests 9 -p 16 -o 4"));
        assert_eq!((records.len(), count(&records, outcome)), (9, 9), "{target} {load}: {ended:?}");
        assert_eq!((summary.counts.total, summary.run.ended.as_str()), (9, "completed"));
        let given_up = "the run was given up: 9 requests had not succeeded before 9 had";
        assert!(ended.stdout.contains(given_up), "{target} {load}: {ended:?}");
    }
}

#[test]
fn a_number_of_requests_is_not_used_up_while_users_are_added() {
    let (ended, summary, records) = run("run sim://?ttft=1ms -u 4 --max-requests 20 -p 16 -o 1");
    assert_eq!((count(&records, Outcome::Ok), summary.counts.ok), (20, 20), "{ended:?}");

    let (ended, summary, records) = run("run sim://?ttft=1ms -u 4 -r 0.1 --max-requests 5 -p 16 -o 1");
    assert_eq!((count(&records, Outcome::Ok), summary.counts.ok), (5, 0), "{ended:?}");
    assert!(ended.stdout.contains("nothing was measured: the run ended before its ramp"), "{ended:?}");
}
