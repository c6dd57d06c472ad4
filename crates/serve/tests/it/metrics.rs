//! `GET /metrics` over the wire: the page agrees with what the server did.

use std::net::TcpStream;

use plimsoll_serve::sim::{SimOptions, SimServer};

use crate::client::{Client, chat, start, stats_when};

/// The value of a sample, given as on the page up to the value.
fn sample(page: &str, sample: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {page}")).parse().unwrap()
}

fn page(client: &mut Client, path: &str) -> String {
    let response = client.get(path);
    assert_eq!((response.status, response.whole), (200, true));
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    response.body
}

#[test]
fn the_page_counts_what_was_answered_queued_refused_and_left() {
    let server = start("ttft=1ms&itl=1ms&slots=1&queue=1&full=429&model=m");
    let mut client = Client::connect(&server);
    for _ in 0..3 {
        assert_eq!(client.stream_chat(5).status, 200);
    }
    let mut endless = Client::connect(&server);
    endless.post("/v1/chat/completions", &chat(100_000));
    stats_when(&server, |stats| stats["in_flight"] == 1);
    let mut queued = Client::connect(&server);
    queued.post("/v1/chat/completions", &chat(1));
    stats_when(&server, |stats| stats["in_flight"] == 2);
    assert_eq!(client.stream_chat(1).status, 429);

    let labels = r#"{engine="0",model_name="m"}"#;
    let text = page(&mut client, "/metrics");
    assert_eq!(sample(&text, &format!("vllm:num_requests_running{labels}")), 1.0);
    assert_eq!(sample(&text, &format!("vllm:num_requests_waiting{labels}")), 1.0);
    assert_eq!(sample(&text, &format!("vllm:e2e_request_latency_seconds_count{labels}")), 3.0);
    assert_eq!(sample(&text, &format!("vllm:request_generation_tokens_sum{labels}")), 15.0);
    let length = r#"vllm:request_success_total{engine="0",finished_reason="length",model_name="m"}"#;
    assert_eq!(sample(&text, length), 3.0);
    let rejected = r#"vllm:admission_rejections_total{model_name="m",reason="max_num_queued_reqs"}"#;
    assert_eq!(sample(&text, rejected), 1.0);
    // The engine's grid: 1 ms to the first token and from token to token, however late the writes were.
    let gaps = sample(&text, &format!("vllm:inter_token_latency_seconds_sum{labels}"));
    let count = sample(&text, &format!("vllm:inter_token_latency_seconds_count{labels}"));
    assert!((gaps - count / 1e3).abs() < 1e-9 * count, "{count} gaps took {gaps} s");

    drop(endless);
    drop(queued);
    stats_when(&server, |stats| stats["in_flight"] == 0);
    let text = page(&mut client, "/metrics");
    assert_eq!(sample(&text, &format!("vllm:num_requests_running{labels}")), 0.0);
    let aborted = r#"vllm:request_success_total{engine="0",finished_reason="abort",model_name="m"}"#;
    assert!(sample(&text, aborted) >= 1.0, "the queued one may have been answered before it left");
}

#[test]
fn metrics_have_a_port_of_their_own_on_request() {
    let server = start("flavour=triton&metrics_port=0");
    let address = server.metrics_address().expect("one was asked for");
    assert_ne!(address, server.address());
    assert_eq!(Client::connect(&server).stream_chat(3).status, 200);
    let mut scraper = Client::over(TcpStream::connect(address).unwrap());
    let text = page(&mut scraper, "/metrics");
    assert_eq!(sample(&text, r#"nv_inference_request_success{model="sim",version="1"}"#), 1.0);

    assert_eq!(start("").metrics_address(), None);
    let options = SimOptions::parse(&format!("metrics_port={}", address.port())).unwrap();
    let error = SimServer::start(options, ([127, 0, 0, 1], 0).into()).unwrap_err().to_string();
    assert!(error.contains("metrics_port=") && error.contains("0 takes a free one"), "{error}");
}

#[test]
fn each_flavour_speaks_its_own_names_and_a_service_without_metrics_has_none() {
    for (flavour, name) in [
        ("vllm", "vllm:num_requests_running"),
        ("sglang", "sglang:num_running_reqs"),
        ("tgi", "tgi_batch_current_size"),
        ("triton", "nv_inference_pending_request_count"),
        ("kserve", "request_predict_seconds_count"),
        ("torchserve", "ts_inference_requests_total"),
    ] {
        let server = start(&format!("flavour={flavour}"));
        let text = page(&mut Client::connect(&server), "/metrics");
        assert!(text.lines().any(|line| line.starts_with(name)), "{flavour}: {text}");
        let text = page(&mut Client::connect(&server), "/dcgm/metrics");
        assert!(text.lines().any(|line| line.starts_with("DCGM_FI_DEV_GPU_UTIL{")), "{flavour}: {text}");
    }
    let server = start("flavour=openai");
    let response = Client::connect(&server).get("/metrics");
    assert_eq!(response.status, 404);
    assert!(response.body.contains("flavour="), "{}", response.body);
}
