//! What happens to the server as a whole.

use crate::client::{Client, chat, now, start, stats_when};

#[test]
fn a_server_that_loads_is_not_ready_and_says_when_it_will_be() {
    let server = start("ttft=0&itl=0&starts_cold=true&load=1h");
    let mut client = Client::connect(&server);
    for response in [client.get("/health"), client.stream_chat(1)] {
        assert_eq!(response.status, 503);
        let seconds: u32 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((3000..=3600).contains(&seconds), "{seconds}");
        assert!(response.json()["error"]["message"].as_str().unwrap().contains("loading"));
    }
    assert_eq!(client.get("/v1/models").status, 200);
}

#[test]
fn a_server_that_has_loaded_answers() {
    let before = now();
    let server = start("ttft=0&itl=0&starts_cold=true&load=50ms");
    let mut client = Client::connect(&server);
    while client.get("/health").status == 503 {}
    assert!(now() >= before + 50_000_000);
    assert_eq!(client.stream_chat(3).content().len(), 3);
}

#[test]
fn a_crash_resets_those_that_wait_and_those_that_come() {
    let server = start("ttft=0&itl=1h&crash_after=1");
    let mut caught = Client::connect(&server);
    caught.post("/v1/chat/completions", &chat(2));
    stats_when(&server, |stats| stats["in_flight"] == 1);
    assert_eq!(Client::connect(&server).stream_chat(1).content().len(), 1);
    let stats = stats_when(&server, |stats| stats["cancelled"] == 1);
    assert_eq!(stats["in_flight"], 0);
    let mut late = Client::connect(&server);
    late.post("/v1/chat/completions", &chat(1));
    assert!(late.is_reset());
    let mut prober = Client::connect(&server);
    prober.send(b"GET /health HTTP/1.1\r\n\r\n");
    assert!(prober.is_reset());
}

#[test]
fn a_server_that_crashed_comes_back() {
    let before = now();
    let server = start("ttft=0&itl=0&crash_at=0&restart_after=50ms&load=50ms");
    let health = || {
        let mut client = Client::connect(&server);
        client.send(b"GET /health HTTP/1.1\r\n\r\n");
        if client.is_reset() { 0 } else { client.response().status }
    };
    while health() != 200 {}
    assert!(now() >= before + 100_000_000);
    assert_eq!(Client::connect(&server).stream_chat(1).content().len(), 1);
}

#[test]
fn who_comes_faster_than_the_rate_limit_is_told_when_to_come_again() {
    let server = start("ttft=0&itl=0&rate_limit=0.001&rate_burst=2");
    let mut client = Client::connect(&server);
    for _ in 0..2 {
        assert_eq!(client.stream_chat(1).content().len(), 1);
    }
    let response = client.stream_chat(1);
    let seconds: u32 = response.header("retry-after").unwrap().parse().unwrap();
    assert!(response.status == 429 && (900..=1000).contains(&seconds), "{} {seconds}", response.status);
    assert_eq!(client.get("/health").status, 200, "only work is limited");
}

#[test]
fn the_first_requests_after_a_start_are_slow() {
    let server = start("ttft=2ms&itl=1ms&truth=true&starts_cold=true&warm_up_steps=3&warm_up_factor=5");
    let mut client = Client::connect(&server);
    let due = client.stream_chat(5).due();
    let gaps: Vec<u64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [5_000_000, 5_000_000, 1_000_000, 1_000_000]);
}
