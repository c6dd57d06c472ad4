//! The commands of the seed's load test, with `plimsoll run` for `locust` and a server of our own for its hosts.
//!
//! Those that run until Ctrl+C get it as soon as some requests were answered.

use std::path::Path;

use crate::postgresql::Database;
use crate::program::{Ended, Place, deserved, wait_until};
use crate::servers::Sim;

/// The names of the load test's Summary block, in its order.
const KEYS: [&str; 27] = [
    "Provider",
    "Model",
    "Prompt Tokens",
    "Generation Tokens",
    "Completion Tokens",
    "Stream",
    "Temperature",
    "Logprobs",
    "Concurrency",
    "Time To First Token",
    "Latency Per Token",
    "Overall Latency Per Token",
    "Total Latency",
    "Num Tokens",
    "Cached Tokens",
    "Num Requests",
    "Qps",
    "P50 Time To First Token",
    "P90 Time To First Token",
    "P95 Time To First Token",
    "P99 Time To First Token",
    "P99.9 Time To First Token",
    "P50 Total Latency",
    "P90 Total Latency",
    "P95 Total Latency",
    "P99 Total Latency",
    "P99.9 Total Latency",
];

const SIM: &str = "ttft=5ms&itl=1ms";

/// Names and values of the Summary block, which must be the last thing printed.
fn block(stdout: &str) -> Vec<(String, String)> {
    let (_, block) = stdout.split_once("= Summary =").expect("a Summary block");
    let lines: Vec<&str> = block.lines().skip(1).collect();
    let (end, lines) = lines.split_last().unwrap();
    assert_eq!(*end, "=".repeat(80));
    let pair = |line: &&str| {
        let (key, value) = line.split_once(':').unwrap();
        (key.trim_end().to_owned(), value.trim().to_owned())
    };
    lines.iter().map(pair).collect()
}

/// The value of `key`; the block has all keys in the load test's order.
fn value(ended: &Ended, key: &str) -> String {
    let block = block(&ended.stdout);
    assert_eq!(block.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), KEYS);
    block.into_iter().find(|(name, _)| name == key).unwrap().1
}

/// Runs a command until `enough` requests were answered after `users` had been active, then sends Ctrl+C.
fn until_interrupted(place: &Place, sim: &Sim, args: &[&str], users: u64, enough: u64) -> Ended {
    let started = place.start(args);
    sim.wait_for("in_flight_max", users);
    let done = sim.stat("completed");
    sim.wait_for("completed", done + enough);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    assert_eq!(ended.code, deserved(&place.summary()), "{ended:?}");
    ended
}

#[test]
fn users_and_tokens() {
    let (place, sim) = (Place::new(), Sim::start(SIM));
    // plimsoll run -u 8 -r 2 -p 512 -o 128
    let args = ["run", "-u", "8", "-r", "2", "-p", "512", "-o", "128", "-H", &sim.url];
    let ended = until_interrupted(&place, &sim, &args, 8, 16);
    assert_eq!(value(&ended, "Concurrency"), "8");
    assert_eq!(value(&ended, "Stream"), "True");
    assert_eq!(value(&ended, "Generation Tokens"), "128.0");
    assert!(value(&ended, "Num Requests").parse::<u64>().unwrap() >= 8, "{ended:?}");
    assert!(value(&ended, "P50 Time To First Token").parse::<f64>().unwrap() >= 5.0, "{ended:?}");
}

#[test]
fn a_rate_and_a_summary_file() {
    let (place, sim) = (Place::new(), Sim::start(SIM));
    // plimsoll run -t 1min -u 100 -r 100 -p 512 -o 128 --stream --chat --qps 0.5 --summary-file results.csv
    let line = format!(
        "run -t 2s -u 100 -r 100 -p 512 -o 128 --stream --chat --qps 0.5 --summary-file results.csv -H {}",
        sim.url
    );
    for rows in 1..=2 {
        let ended = place.line(&line);
        assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
        assert_eq!(value(&ended, "Concurrency"), "QPS 0.5 constant");
        assert_eq!(value(&ended, "Num Requests"), "1");
        let mut csv = csv::Reader::from_path(place.path().join("results.csv")).unwrap();
        assert_eq!(csv.headers().unwrap().iter().collect::<Vec<_>>(), KEYS);
        let found: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        assert_eq!(found.len(), rows);
        let last: Vec<&str> = found[rows - 1].iter().collect();
        assert_eq!(last, block(&ended.stdout).iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>());
    }

    let (before, asked) = (place.read("results.csv"), sim.stat("requests"));
    let refused = place.line(&format!("{line} --top-k 5"));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(
        refused.stderr.contains("results.csv has another header than this run (it lacks Top K)"),
        "{refused:?}"
    );
    assert_eq!((place.read("results.csv"), sim.stat("requests")), (before, asked));
}

#[test]
fn a_path_a_key_and_a_model() {
    let (place, sim) = (Place::new(), Sim::start(SIM));
    let host = format!("{}/inference", sim.url);
    // plimsoll run -u 1 -H https://host/inference -p 128 -o 200 --api-key $KEY --model=accounts/x/models/y
    let args = [
        "run",
        "-u",
        "1",
        "-H",
        &host,
        "-p",
        "128",
        "-o",
        "200",
        "--api-key",
        "the-key",
        "--model=accounts/x/models/y",
    ];
    let ended = until_interrupted(&place, &sim, &args, 1, 3);
    assert_eq!(value(&ended, "Model"), "accounts/x/models/y");
    assert_eq!(value(&ended, "Completion Tokens"), "200.0");
    assert!(!ended.stdout.contains("the-key") && !ended.stderr.contains("the-key"), "{ended:?}");
}

#[test]
fn chat_by_name() {
    let (place, sim) = (Place::new(), Sim::start(SIM));
    // plimsoll run -u 1 -H https://host -p 128 -o 200 --api-key $KEY --model=z --chat
    let args =
        ["run", "-u", "1", "-H", &sim.url, "-p", "128", "-o", "200", "--api-key", "k", "--model=z", "--chat"];
    let ended = until_interrupted(&place, &sim, &args, 1, 3);
    assert_eq!((value(&ended, "Model"), value(&ended, "Stream")), ("z".to_owned(), "True".to_owned()));
    assert!(ended.stderr.contains(": chat, streaming, "), "{ended:?}");
}

/// plimsoll run -u 100 -r 100 --prompt-text "$PROMPT" -o 100 --provider triton-infer -H http://localhost:8000
///   --tokenizer DIR --qps 1
/// with a limit of its time.
pub(crate) fn text_at_a_rate(url: &str, tokenizer: &str, time: &str) -> String {
    format!(
        "run -u 100 -r 100 --prompt-text 'tell me a story' -o 100 --provider triton-infer -H {url} \
         --tokenizer {tokenizer} --qps 1 -t {time}"
    )
}

#[test]
fn triton_with_a_text_and_a_tokenizer() {
    let (place, sim) = (Place::new(), Sim::start(SIM));
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drive/src/workload/testdata");
    let ended = place.line(&text_at_a_rate(&sim.url, tokenizer.to_str().unwrap(), "2s"));
    assert_eq!(ended.code, deserved(&place.summary()), "{ended:?}");
    assert_eq!(value(&ended, "Provider"), "triton-infer");
    assert_eq!(value(&ended, "Model"), "ensemble");
    assert_eq!(value(&ended, "Concurrency"), "QPS 1.0 constant");
    assert_eq!(
        (value(&ended, "Stream"), value(&ended, "Time To First Token")),
        ("False".to_owned(), String::new())
    );
    assert_eq!(value(&ended, "Num Requests"), "2");
}

#[test]
fn a_configuration_for_grafana() {
    let (place, sim, database) = (Place::new(), Sim::start(SIM), Database::start());
    place.write(
        "locust-grafana.conf",
        &format!(
            "locustfile = load_test.py\nhost = {}\nheadless = true\ntimescale = true\npghost = 127.0.0.1\n\
             pgport = {}\npguser = postgres\npgpassword = postgres\n",
            sim.url, database.port
        ),
    );
    // plimsoll run --config locust-grafana.conf -u 8 -p 512 -o 128
    let args = ["run", "--config", "locust-grafana.conf", "-u", "8", "-p", "512", "-o", "128"];
    let started = place.start(&args);
    sim.wait_for("completed", 3);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    assert_eq!(value(&ended, "Concurrency"), "8");
    assert!(ended.stderr.contains("follow the run in Grafana: http://localhost:3000/d/"), "{ended:?}");
    let rows = database.ask("SELECT count(*) FROM request WHERE request_type = 'POST'");
    assert_eq!(rows, [[Some(place.records().len().to_string())]]);
    wait_until("the server to be rid of the run", || sim.stat("in_flight") == 0);
}
