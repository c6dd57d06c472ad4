//! Triton: text, tensors, HTTP and gRPC, and what it says of its own times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::watch::{Canonical, Source};

use super::server::{Server, assert_alike, free_port, recognised};
use crate::program::{Place, count, records, wait_until};
use crate::seed_commands::text_at_a_rate;
use crate::servers::{apart, get};

/// Triton with gRPC, and the URL of that.
fn with_grpc() -> (Server, String) {
    let ports = [free_port(), free_port(), free_port()];
    (Server::start_on("triton", "/v2/health/ready", &ports), format!("http://127.0.0.1:{}", ports[1]))
}

/// The same for all tests that run meanwhile, of those that count and time nothing: it takes longer to start than they do.
fn shared() -> Arc<(Server, String)> {
    static RUNNING: Mutex<Weak<(Server, String)>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let started = Arc::new(with_grpc());
        *running = Arc::downgrade(&started);
        started
    })
}

#[test]
fn answers_in_both_of_its_forms() {
    let triton = shared();
    let (server, _) = &*triton;
    let (_, whole, _) = server.ask_forty("--provider triton-infer --prompt-text hello -o 8");
    assert!(whole.iter().all(|record| record.deltas.is_empty() && record.chars > 0), "{whole:?}");
    let (_, streamed, _) =
        server.ask_forty("--provider triton-generate -m ensemble_stream --prompt-text hello -o 8");
    assert!(streamed.iter().all(|record| record.deltas.len() > 1), "{streamed:?}");
}

#[test]
fn is_recognised() {
    let triton = shared();
    let (server, _) = &*triton;
    let found =
        "found Triton 2.51.0 serving batched and 4 other models (-m names one); asking infer, not streaming";
    assert_eq!(recognised(&server.url), found);
}

/// The older load test's own command for Triton, bounded in time.
#[test]
fn the_command_for_a_text_at_a_rate_runs_as_written() {
    let triton = shared();
    let (server, _) = &*triton;
    let place = Place::new();
    let tokenizer = super::server::model();
    let ended = place.line(&text_at_a_rate(&server.url, &tokenizer, "3s"));
    let records = place.records();
    assert_eq!((records.len(), count(&records, Outcome::Ok)), (3, 3), "{ended:?}");
    assert!(
        records.iter().all(|record| record.usage.output_tokens.is_some_and(|tokens| tokens > 0)),
        "{records:?}"
    );
    assert!(ended.stdout.contains("QPS 1.0 constant") && ended.stdout.contains("triton-infer"), "{ended:?}");
}

#[test]
fn takes_tensors_in_both_encodings_alike() {
    let server = Server::start("triton", "/v2/health/ready");
    let line =
        |encoding| format!("run {} --provider triton -m batched --tensor-encoding {encoding}", server.url);
    assert_alike("Triton's `batched`", ["JSON", "binary"], [&line("json"), &line("binary")]);

    let place = Place::new();
    let ended = place.line(&format!(
        "run {} --provider triton --batch-size 8 -u 2 -r 100000 --max-requests 20",
        server.url
    ));
    let summary = place.summary();
    assert_eq!(
        (summary.run.model.as_str(), summary.run.items_per_request),
        ("batched", Some(8.0)),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("taking batched") && ended.stdout.contains("8 in a request"), "{ended:?}");
    let (rate, items) = (summary.rates.completed_rate, summary.rates.item_rate.unwrap());
    assert!((items - 8.0 * rate).abs() < 1e-6, "{rate} {items}");

    for (more, part) in [
        ("-m batched --batch-size 17", "more than the 16"),
        ("-m batched --shape INPUT0:1x15", "does not fit the model's INPUT0:-1x16:FP32"),
        ("-m typed", "--shape IN_BOOL:2x8"),
        ("-m nobody", "unknown model"),
    ] {
        let ended =
            Place::new().line(&format!("run {} --provider triton {more} --max-requests 1", server.url));
        assert!(ended.code != Some(0) && ended.stderr.contains(part), "{more}: {ended:?}");
    }
}

#[test]
fn takes_every_type_and_files() {
    let triton = shared();
    let (server, _) = &*triton;
    let types = "BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP32 FP64 STRING";
    let shapes: String = types.split(' ').map(|name| format!(" --shape IN_{name}:2x3")).collect();
    let place = Place::new();
    place.write("in.jsonl", "{\"INPUT0\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}\n");
    for more in [
        format!("-m typed --tensor-encoding json{shapes}"),
        format!(
            "-m typed{shapes} --shape IN_FP16:2x3 --string-length 7 --output OUT_FP16 --output OUT_STRING"
        ),
        "-m batched --input-data in.jsonl --batch-size 3 --model-version 1".to_owned(),
        "-m batched --input-data zero --output OUTPUT0".to_owned(),
    ] {
        let ended =
            place.line(&format!("run {} --provider triton -u 2 --max-requests 40 {more}", server.url));
        let folder = place.results().pop().unwrap();
        let ok = count(&records(&folder), Outcome::Ok);
        assert!(ok >= 40 && ended.code != Some(1), "{more}: {ended:?}");
    }
}

#[test]
fn refusing_for_a_full_queue_is_one_readable_class() {
    let triton = shared();
    let (server, _) = &*triton;
    let place = Place::new();
    let ended = place
        .line(&format!("run {} --provider triton -m refusing -u 8 -r 100000 --max-requests 8", server.url));
    let errors = place.summary().errors;
    assert_eq!((ended.code, errors.len()), (Some(1), 1), "{ended:?}");
    assert_eq!((errors[0].outcome, errors[0].status), (Outcome::Http5xx, Some(503)), "{errors:?}");
    assert!(errors[0].example.contains("Exceeds maximum queue size"), "{errors:?}");
}

#[test]
fn answers_alike_by_http_and_by_grpc() {
    let (server, grpc) = with_grpc();
    let line = |provider, url: &str| format!("run {url} --provider {provider} -m batched");
    let lines = [line("triton", &server.url), line("triton-grpc", &grpc)];
    assert_alike("Triton's `batched`", ["HTTP", "gRPC"], [&lines[0], &lines[1]]);

    let place = Place::new();
    place.line(&format!("{} -u 4 -r 100000 --max-requests 100", lines[1]));
    let connections = place.records().iter().filter(|record| record.connect.is_some()).count();
    assert!(connections <= 4, "{connections} connections");
}

/// What Triton counts of a model, summed since it started: times in microseconds.
fn counted(metrics: &str, model: &str) -> BTreeMap<String, f64> {
    let (_, page) = get(metrics, "/metrics").unwrap();
    let label = format!("model=\"{model}\"");
    let of_model = |line: &&str| line.starts_with("nv_inference_") && line.contains(&label);
    let sample = |line: &str| {
        let name = line.split('{').next()?.to_owned();
        Some((name, line.rsplit(' ').next()?.parse().ok()?))
    };
    page.lines().filter(of_model).filter_map(sample).collect()
}

/// The server's own account of queue and computation is a part of what the client measured; the rest is the network, and
/// the reading and writing of both.
#[test]
fn queue_and_computation_are_a_part_of_the_latency() {
    let ports = [free_port(), free_port(), free_port()];
    let server = Server::start_on("triton", "/v2/health/ready", &ports);
    let metrics = format!("http://127.0.0.1:{}", ports[2]);
    wait_until("Triton's metrics", || matches!(get(&metrics, "/metrics"), Ok((200, _))));
    for users in [1, 16] {
        let before = counted(&metrics, "batched");
        let place = Place::new();
        let ended = place.line(&format!(
            "run {} --provider triton -m batched -u {users} -r 100000 --max-requests 400",
            server.url
        ));
        let after = counted(&metrics, "batched");
        let records = place.records();
        let grown = |name: &str| after[name] - before[name];
        let answered = grown("nv_inference_request_success");
        assert_eq!(answered, count(&records, Outcome::Ok) as f64, "{ended:?}");

        let parts = ["queue", "compute_input", "compute_infer", "compute_output"];
        let mean_ms = parts.map(|part| grown(&format!("nv_inference_{part}_duration_us")) / answered / 1e3);
        let server_ms: f64 = mean_ms.iter().sum();
        let client_ms = 1e3 * records.iter().filter_map(Record::latency).sum::<f64>() / answered;
        let rest_ms = client_ms - server_ms;
        println!(
            "Triton's `batched`, {users} users, mean of {answered} requests: client {client_ms:.3} ms, of which the server \
             says {server_ms:.3} ms ({parts:?} {mean_ms:.3?}); network, client and the rest {rest_ms:.3} ms"
        );
        assert!(mean_ms[2] >= 2.1, "the model sleeps for 2.1 ms: {mean_ms:?}");
        assert!(rest_ms > 0.0, "the client measured {client_ms} ms, the server {server_ms} ms");
    }
}

#[test]
fn streams_by_grpc_and_says_what_it_refuses() {
    let triton = shared();
    let (_, grpc) = &*triton;
    let input = |text: &str| format!(r#"{{"text_input":["{text}"],"max_tokens":[8]}}"#);
    let run = |more: &[&str]| {
        let place = Place::new();
        let fixed = ["run", grpc, "--provider", "triton-grpc", "-u", "8", "-r", "100000"];
        let ended = place.run(&[&fixed[..], more].concat());
        (ended, place)
    };
    let hello = input("hello");
    let (ended, place) =
        run(&["-m", "ensemble_stream", "--stream", "--input-data", &hello, "--max-requests", "20"]);
    let records = place.records();
    assert_eq!(count(&records, Outcome::Ok), 20, "{ended:?}");
    for record in &records {
        assert_eq!(record.events, 9, "eight words and the mark of the end");
        // The file keeps the first and the last word, between which the model sleeps.
        assert!(record.first_token() < record.last_token() && record.last_token() <= record.done);
    }
    let (_, place) =
        run(&["-m", "ensemble_stream", "--stream", "--input-data", &input("fail after one"), "-t", "1s"]);
    let errors = place.summary().errors;
    assert_eq!((errors.len(), errors[0].outcome), (1, Outcome::StreamError), "{errors:?}");
    assert!(errors[0].example.contains("broke on purpose"), "{errors:?}");
    let (_, place) = run(&["-m", "ensemble_stream", "--input-data", &hello, "-t", "1s"]);
    let errors = place.summary().errors;
    assert_eq!((errors.len(), errors[0].outcome), (1, Outcome::Http5xx), "{errors:?}");
    assert!(errors[0].example.contains("UNIMPLEMENTED"), "{errors:?}");
    let (_, place) = run(&["-m", "refusing", "-t", "2s"]);
    let errors = place.summary().errors;
    assert!(errors[0].example.contains("UNAVAILABLE"), "{errors:?}");
    let (ended, _) = run(&["-m", "nobody", "-t", "1s"]);
    assert!(ended.code != Some(0) && ended.stderr.contains("unknown model"), "{ended:?}");
}

#[test]
fn says_of_itself_what_it_does_where_it_is_looked_for() {
    // Its metrics are two ports above its requests, as they are by default.
    let (http, metrics) = apart(2);
    let [http, metrics] = [http, metrics].map(|listener| listener.local_addr().unwrap().port());
    let server = Server::start_on("triton", "/v2/health/ready", &[http, free_port(), metrics]);
    let place = Place::new();
    let ended = place.line(&format!(
        "run {} --provider triton -m batched --batch-size 2 -u 8 -r 100000 -t 2s --watch auto --watch-interval 200ms",
        server.url
    ));
    let summary = place.summary();
    let watched = summary.server.unwrap_or_else(|| panic!("{ended:?}"));
    let level =
        |metric| watched.figure(metric).unwrap_or_else(|| panic!("no {metric:?}: {watched:#?}")).level;
    // What it says of its own rate, batches and times agrees with what was measured.
    let rate = level(Canonical::ServerRequestRate).mean / summary.rates.completed_rate;
    assert!((0.7..1.3).contains(&rate), "{rate}: {watched:#?}");
    assert!(level(Canonical::BatchSize).mean >= 2.0, "{watched:#?}");
    let latency = summary.metrics["latency"].mean.unwrap();
    assert!(level(Canonical::ServerLatency).mean < latency && level(Canonical::QueueTime).mean < latency);
    let page = format!("http://127.0.0.1:{metrics}/metrics");
    let target = watched.targets.iter().find(|target| target.name == page);
    assert_eq!(target.unwrap_or_else(|| panic!("{watched:#?}")).sources, [Source::Triton]);
}
