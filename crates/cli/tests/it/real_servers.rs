//! Real servers: what they count and what they measured of themselves is what the client must have seen.
//!
//! llama.cpp runs always. transformers and Triton are large and run with `./test --all-servers`.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plimsoll_core::record::{Outcome, Record, TokenSource};
use tempfile::TempDir;

use crate::program::{Ended, Place, count, wait_at_most};
use crate::servers::get;

/// The first start of a server installs it.
const PATIENCE: Duration = Duration::from_secs(900);

/// A server from `scripts/servers`. Its whole process group ends with this value.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
    log: PathBuf,
    _folder: TempDir,
}

impl Server {
    /// Starts the server and waits until it answers 200 at `health`.
    fn start(name: &str, health: &str) -> Self {
        Server::start_with(name, health, &[])
    }

    /// The same with further arguments for its script, which come after the port.
    pub(crate) fn start_with(name: &str, health: &str, arguments: &[&str]) -> Self {
        Server::launch(name, health, &[free_port()], arguments)
    }

    /// The same with a port for each of what the server opens, that of HTTP first.
    fn start_on(name: &str, health: &str, ports: &[u16]) -> Self {
        Server::launch(name, health, ports, &[])
    }

    fn launch(name: &str, health: &str, ports: &[u16], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let port = ports[0];
        let output = File::create(&log).unwrap();
        let child = Command::new(scripts().join(name).join("run.sh"))
            .args(ports.iter().map(u16::to_string))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Server { url: format!("http://127.0.0.1:{port}"), child, log, _folder: folder };
        wait_at_most(PATIENCE, name, || {
            let ended = server.child.try_wait().unwrap();
            assert_eq!(ended, None, "{name} did not start: {}", server.log());
            matches!(get(&server.url, health), Ok((200, _)))
        });
        server
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// A figure of its Prometheus metrics.
    fn metric(&self, name: &str) -> u64 {
        let (_, text) = get(&self.url, "/metrics").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<f64>().unwrap() as u64
    }

    /// Runs 40 streamed requests, 4 at a time.
    fn ask_forty(&self, more: &str) -> (Ended, Vec<Record>, Place) {
        let place = Place::new();
        let line = format!("run {} -u 4 -r 100000 --max-requests 40 {more}", self.url);
        let ended = place.line(&line);
        let records = place.records();
        assert_eq!((records.len(), count(&records, Outcome::Ok)), (40, 40), "{line}: {ended:?}");
        (ended, records, place)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).unwrap();
        // SAFETY: a plain system call; the group is our child's own, and the child has not been waited for.
        unsafe { libc::kill(-group, libc::SIGKILL) };
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers")
}

/// The folder of the model that all servers share, with its tokenizer.
fn model() -> String {
    let script = "source ./common.sh && tiny_model && echo \"$MODEL\"";
    let output = Command::new("bash").args(["-euc", script]).current_dir(scripts()).output().unwrap();
    assert!(output.status.success(), "no model: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn llamacpp_counts_and_times_as_we_do() {
    let server = Server::start("llamacpp", "/health");
    let model = model();
    for api in ["--chat", "--no-chat"] {
        let before = server.metric("llamacpp:tokens_predicted_total");
        let (ended, records, place) = server.ask_forty(&format!("{api} -p 64 -o 24 --tokenizer {model}"));
        let generated: u64 =
            records.iter().map(|record| u64::from(record.usage.output_tokens.unwrap())).sum();
        assert_eq!(generated, server.metric("llamacpp:tokens_predicted_total") - before, "{api}");

        for record in &records {
            assert_eq!(record.usage.source, TokenSource::Server, "{api}: {record:?}");
            assert_eq!((record.usage.input_tokens, record.prompt_tokens), (Some(64), Some(64)), "{api}");
            let timings = record.server.prompt.unwrap() + record.server.generation.unwrap();
            let latency = record.latency().unwrap();
            assert!(
                latency >= timings.as_secs_f64(),
                "{api}: {latency} s, of which the server says {timings:?}"
            );
            assert!(
                record.ttft().unwrap() >= record.server.prompt.unwrap().as_secs_f64(),
                "{api}: {record:?}"
            );
        }
        let tokens = place.summary().tokens;
        assert!(tokens.prompt_compared > 0, "{ended:?}");
        assert_eq!((tokens.prompt_deviating, tokens.prompt_deviation_max), (0, 0), "{api}: {ended:?}");
    }
}

#[test]
fn llamacpp_serves_responses_and_messages() {
    let server = Server::start("llamacpp", "/health");
    for api in ["responses", "messages"] {
        let (ended, records, place) = server.ask_forty(&format!("--api {api} -p 64 -o 12"));
        assert_eq!(place.summary().run.provider, "llama.cpp", "{ended:?}");
        for record in &records {
            assert_eq!(record.usage.source, TokenSource::Server, "{api}: {record:?}");
            assert!(!record.deltas.is_empty(), "{api}: {record:?}");
            assert!(
                record.usage.output_tokens.is_some_and(|tokens| (1..=12).contains(&tokens)),
                "{record:?}"
            );
        }
    }
}

#[test]
fn llamacpp_embeds_and_ranks() {
    let model = model();
    let embedding = Server::start_with("llamacpp", "/health", &["4", "embeddings"]);
    let (_, records, _) = embedding.ask_forty(&format!("--embeddings -p 32 --tokenizer {model}"));
    assert!(records.iter().all(|record| record.usage.input_tokens == Some(32)), "{records:?}");
    let (_, records, _) =
        embedding.ask_forty(&format!("--embeddings --embeddings-batch-size 3 -p 32 --tokenizer {model}"));
    assert!(records.iter().all(|record| record.usage.input_tokens == Some(96)), "{records:?}");
    let ranking = Server::start_with("llamacpp", "/health", &["4", "rerank"]);
    let (_, records, place) = ranking.ask_forty("--rerank --num-documents 5 --tokens-per-document 16");
    assert!(records.iter().all(|record| record.usage.source == TokenSource::NoTokens), "{records:?}");
    assert!(place.summary().metrics.contains_key("latency"));
}

/// Whether the large servers are wanted; says so if not.
pub(crate) fn all_servers_wanted(name: &str) -> bool {
    let wanted = std::env::var("PLIMSOLL_TEST_ALL_SERVERS").is_ok_and(|value| value == "1");
    if !wanted {
        println!("not run: {name} is large; `./test --all-servers` runs it (PLIMSOLL_TEST_ALL_SERVERS=1)");
    }
    wanted
}

#[test]
fn transformers_counts_as_we_do() {
    if !all_servers_wanted("transformers") {
        return;
    }
    let server = Server::start("transformers", "/health");
    let model = model();
    let (ended, ..) = server.ask_forty(&format!("--provider transformers -m {model} --top-k 4 -p 48 -o 8"));
    assert_eq!(ended.stderr.matches("does not know `top_k`").count(), 1, "{ended:?}");
    let (_, records, _) =
        server.ask_forty(&format!("--provider transformers -m {model} --api responses -p 48 -o 8"));
    assert!(records.iter().all(|record| record.usage.source == TokenSource::Server), "{records:?}");
    let named = format!("--provider openai -m {model} --tokenizer {model} -p 48 -o 8");
    for api in ["--chat", "--no-chat"] {
        let (ended, _, place) = server.ask_forty(&format!("{api} {named}"));
        let tokens = place.summary().tokens;
        assert!(tokens.prompt_compared > 0, "{ended:?}");
        assert_eq!((tokens.prompt_deviating, tokens.prompt_deviation_max), (0, 0), "{api}: {ended:?}");
    }
}

#[test]
fn triton_answers_in_both_of_its_forms() {
    if !all_servers_wanted("Triton") {
        return;
    }
    let server = Server::start("triton", "/v2/health/ready");
    let (_, whole, _) = server.ask_forty("--provider triton-infer --prompt-text hello -o 8");
    assert!(whole.iter().all(|record| record.deltas.is_empty() && record.chars > 0), "{whole:?}");
    let (_, streamed, _) =
        server.ask_forty("--provider triton-generate -m ensemble_stream --prompt-text hello -o 8");
    assert!(streamed.iter().all(|record| record.deltas.len() > 1), "{streamed:?}");
}

/// Medians of latency, milliseconds, of 400 requests to Triton's `batched` model with tensors in JSON and in bytes.
fn medians(server: &Server) -> [f64; 2] {
    ["json", "binary"].map(|encoding| {
        let place = Place::new();
        let line = format!(
            "run {} --provider triton -m batched -u 4 -r 100000 --max-requests 400 --tensor-encoding {encoding}",
            server.url
        );
        let ended = place.line(&line);
        let summary = place.summary();
        assert_eq!((summary.counts.failed, summary.tokens.sources.len()), (0, 0), "{ended:?}");
        assert!(!ended.stdout.contains("\nTokens ") && ended.stdout.contains("Bytes      sent "), "{ended:?}");
        summary.metrics["latency"].percentile(50.0).unwrap() * 1e3
    })
}

#[test]
fn triton_takes_tensors_in_both_encodings_alike() {
    if !all_servers_wanted("Triton") {
        return;
    }
    let server = Server::start("triton", "/v2/health/ready");
    let [json, binary] = medians(&server);
    println!("latency p50 on Triton's `batched`: JSON {json:.2} ms, binary {binary:.2} ms");
    // The same work for the model; more than half as much again would be the encoding's or the client's doing.
    assert!(json < binary * 1.5 && binary < json * 1.5, "JSON {json} ms, binary {binary} ms");

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
fn triton_takes_every_type_and_files() {
    if !all_servers_wanted("Triton") {
        return;
    }
    let server = Server::start("triton", "/v2/health/ready");
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
        let ok = count(&crate::program::records(&folder), Outcome::Ok);
        assert!(ok >= 40 && ended.code != Some(1), "{more}: {ended:?}");
    }
}

#[test]
fn triton_refusing_for_a_full_queue_is_one_readable_class() {
    if !all_servers_wanted("Triton") {
        return;
    }
    let server = Server::start("triton", "/v2/health/ready");
    let place = Place::new();
    let ended = place
        .line(&format!("run {} --provider triton -m refusing -u 8 -r 100000 --max-requests 8", server.url));
    let errors = place.summary().errors;
    assert_eq!((ended.code, errors.len()), (Some(1), 1), "{ended:?}");
    assert_eq!((errors[0].outcome, errors[0].status), (Outcome::Http5xx, Some(503)), "{errors:?}");
    assert!(errors[0].example.contains("Exceeds maximum queue size"), "{errors:?}");
}

/// Triton with gRPC, and the URL of that.
fn triton_with_grpc() -> (Server, String) {
    let ports = [free_port(), free_port(), free_port()];
    (Server::start_on("triton", "/v2/health/ready", &ports), format!("http://127.0.0.1:{}", ports[1]))
}

#[test]
fn triton_answers_alike_by_http_and_by_grpc() {
    if !all_servers_wanted("Triton") {
        return;
    }
    let (server, grpc) = triton_with_grpc();
    let medians = [("triton", &server.url), ("triton-grpc", &grpc)].map(|(provider, url)| {
        let place = Place::new();
        let ended = place
            .line(&format!("run {url} --provider {provider} -m batched -u 4 -r 100000 --max-requests 400"));
        let (summary, records) = (place.summary(), place.records());
        assert_eq!(summary.counts.failed, 0, "{provider}: {ended:?}");
        let connections = records.iter().filter(|record| record.connect.is_some()).count();
        assert!(provider == "triton" || connections <= 4, "{connections} connections");
        summary.metrics["latency"].percentile(50.0).unwrap() * 1e3
    });
    let [http, by_grpc] = medians;
    println!("latency p50 on Triton's `batched`: HTTP {http:.2} ms, gRPC {by_grpc:.2} ms");
    assert!(http < by_grpc * 1.5 && by_grpc < http * 1.5, "HTTP {http} ms, gRPC {by_grpc} ms");
}

#[test]
fn triton_streams_by_grpc_and_says_what_it_refuses() {
    if !all_servers_wanted("Triton") {
        return;
    }
    let (_server, grpc) = triton_with_grpc();
    let input = |text: &str| format!(r#"{{"text_input":["{text}"],"max_tokens":[8]}}"#);
    let run = |more: &[&str]| {
        let place = Place::new();
        let fixed = ["run", &grpc, "--provider", "triton-grpc", "-u", "8", "-r", "100000"];
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
