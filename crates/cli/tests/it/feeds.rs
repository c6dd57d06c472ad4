//! Other systems are fed by real runs: Prometheus by both ways, and a receiver with OpenTelemetry's own messages.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Place, Started, deserved, wait_until};
use crate::prometheus::{answer, promtool, results};
use crate::real_servers::{Server, free_port};
use crate::servers::{answering, answering_bodies, get, nobody, response, scripted};

/// A Prometheus with native histograms that takes remote writes, and scrapes `port` if there is one.
fn prometheus(port: Option<u16>) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n".to_owned();
    if let Some(port) = port {
        let target = format!("static_configs: [{{targets: ['127.0.0.1:{port}']}}]");
        config += &format!("scrape_configs: [{{job_name: plimsoll, {target}}}]\n");
    }
    std::fs::write(path("prometheus.yml"), config).unwrap();
    let (config, data) = (path("prometheus.yml"), path("data"));
    let features = ["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"];
    let arguments = [config.as_str(), data.as_str(), features[0], features[1]];
    (Server::start_with("prometheus", "/-/ready", &arguments), folder)
}

/// Starts a run with these options against a simulated server whose latencies differ.
fn start(place: &Place, options: &str) -> Started {
    let line = format!(
        "run 'sim://?ttft=20ms&itl=2ms&jitter=0.9' --provider openai -m sim -p 16 -o 5 --threads 1 --testid t1 {options}"
    );
    place.start_line(&line)
}

/// The last value that a query had since `began`: when a run is over its series have ended.
fn last(prometheus: &Server, query: &str, began: &Clock) -> Option<f64> {
    let (from, to) = (began.wall(Offset::ZERO), began.wall(began.now()));
    let span = format!("&start={}&end={}&step=0.1", from.as_secs_f64(), to.as_secs_f64());
    let found = results(prometheus, "query_range", query, &span);
    let values = found.first()?["values"].as_array().unwrap();
    values.last()?[1].as_str().unwrap().parse().ok()
}

fn p99(summary: &Summary, metric: &str) -> f64 {
    summary.metrics[metric].percentile(99.0).unwrap()
}

#[test]
fn native_histograms_land_in_prometheus_by_both_ways_and_agree_with_the_summary() {
    let began = Clock::start();
    let port = free_port();
    let (prometheus, _data) = prometheus(Some(port));
    let place = Place::new();
    let ended = start(
        &place,
        &format!(
            "--qps 100 -t 4s --slo ttft.p99<5s --metrics-addr {port} --metrics-linger 60s --remote-write {}/api/v1/write \
             --remote-write-interval 500ms",
            prometheus.url
        ),
    )
    .wait();
    let summary = place.summary();
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    let [feed] = summary.feeds.as_slice() else { panic!("{:?}", summary.feeds) };
    assert_eq!((feed.lost, &feed.error), (0, &None), "{feed:?}");
    assert!(feed.sent > 1_000, "{feed:?}");

    let ok = summary.counts.ok as f64;
    for (way, job) in [("scraped", "job=\"plimsoll\""), ("written", "job=\"\"")] {
        let of = |name: &str| format!("sum({name}{{{job},testid=\"t1\",phase=\"measure\"}})");
        let is = |query: &str, value: f64| last(&prometheus, query, &began) == Some(value);
        let count = format!("histogram_count({})", of("plimsoll_latency_seconds"));
        wait_until(&format!("{way}: {count} to be {ok}"), || is(&count, ok));
        for metric in ["latency", "ttft", "response_time", "itl", "tpot"] {
            let native = format!("histogram_quantile(0.99, {})", of(&format!("plimsoll_{metric}_seconds")));
            let (found, own) = (last(&prometheus, &native, &began).unwrap(), p99(&summary, metric));
            assert!(
                (found / own - 1.0).abs() < 0.02,
                "{way}: {metric} p99 is {own}, and {found} in Prometheus"
            );
        }
        let ends = format!("sum(plimsoll_requests_total{{{job},outcome=\"ok\",status=\"2xx\"}})");
        assert!(is(&ends, ok), "{way}: {ends}");
        let sent = format!("plimsoll_requests_sent_total{{{job}}}");
        assert!(is(&sent, summary.counts.sent as f64), "{way}: {sent}");
        let verdict = summary.slos[0].verdict.name().to_lowercase();
        let slo = format!("plimsoll_slo{{{job},state=\"{verdict}\"}}");
        assert!(is(&slo, 1.0), "{way}: {slo}");
    }
    // Only remote write has classic histograms too: their quantile lies in the bucket of the summary's.
    let classic = "histogram_quantile(0.99, sum by (le) (plimsoll_latency_seconds_bucket{job=\"\"}))";
    let found = last(&prometheus, classic, &began).unwrap();
    let own = p99(&summary, "latency");
    assert!(found / own < 1.5 && own / found < 1.5, "p99 is {own}, and {found} in classic buckets");
}

#[test]
fn promtool_has_no_complaint_about_the_page() {
    let place = Place::new();
    let run = start(&place, "-u 2 -r 100 --slo ttft.p99<5s --metrics-addr 0");
    wait_until("the address of the page", || run.stderr().contains("metrics at http://"));
    let said = run.stderr();
    let url =
        said.lines().find_map(|line| line.strip_prefix("metrics at ")?.strip_suffix("/metrics")).unwrap();
    let mut page = String::new();
    wait_until("a latency on the page", || {
        page = get(url, "/metrics").unwrap().1;
        page.contains("plimsoll_latency_seconds_count{")
    });
    run.signal(libc::SIGINT);
    run.wait();
    assert_eq!(promtool(&page), (Some(0), vec![]), "{page}");
}

#[test]
fn a_prometheus_that_goes_away_changes_no_exit_code_and_the_loss_is_told() {
    let (prometheus, _data) = prometheus(None);
    let place = Place::new();
    let run = start(
        &place,
        &format!("-u 2 -r 100 --remote-write {} --remote-write-interval 200ms", prometheus.url),
    );
    wait_until("the first write", || {
        answer(&prometheus, "sum(plimsoll_requests_sent_total)").is_some_and(|sent| sent > 10.0)
    });
    drop(prometheus);
    let records = place.result().join("records.parquet");
    let size = || std::fs::metadata(&records).unwrap().len();
    let before = size();
    wait_until("the run to go on", || size() > before + 1_000);
    run.signal(libc::SIGINT);
    let ended = run.wait();
    let summary = place.summary();
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    assert_eq!(summary.counts.failed, 0, "{ended:?}");
    let [feed] = summary.feeds.as_slice() else { panic!("{:?}", summary.feeds) };
    assert!(feed.sent > 0 && feed.lost > 0, "{feed:?}");
    let warning = summary.warnings.iter().find(|warning| warning.contains("remote write")).unwrap();
    assert!(warning.contains("Connection refused"), "{warning}");
    assert!(ended.stdout.contains(warning), "{ended:?}");
}

/// A receiver of remote writes that answers each body with what `answer` makes of its number, from 0; and the bodies.
fn writes(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let kept = bodies.clone();
    let url = answering_bodies(move |_, body| {
        let mut kept = kept.lock().unwrap();
        kept.push(body.to_vec());
        answer(kept.len() - 1)
    });
    (url, bodies)
}

#[test]
fn a_write_is_tried_again_where_that_helps_and_nowhere_else() {
    let busy = |number| match number {
        0 | 1 => response("503 Busy\r\nRetry-After: 0", "text/plain", "later"),
        _ => response("204 No Content", "text/plain", ""),
    };
    let place = Place::new();
    let (url, bodies) = writes(busy);
    start(&place, &format!("-u 1 --max-requests 5 --remote-write {url}")).wait();
    let [feed] = place.summary().feeds.try_into().unwrap();
    assert_eq!((feed.lost, feed.retried, feed.error.as_deref()), (0, 2, Some("HTTP status 503: later")));
    let bodies = bodies.lock().unwrap();
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2] && bodies[2] != bodies[3]);

    let place = Place::new();
    let (url, _) = writes(|_| response("400 Bad Request", "text/plain", "out of order sample"));
    start(&place, &format!("-u 1 --max-requests 5 --remote-write {url}")).wait();
    let [feed] = place.summary().feeds.try_into().unwrap();
    assert_eq!((feed.sent, feed.retried), (0, 0));
    assert_eq!(feed.error.as_deref(), Some("HTTP status 400: out of order sample"));
}

#[test]
fn a_receiver_that_hangs_is_left_when_the_user_says_so() {
    let hanging = scripted(|mut stream| {
        let mut byte = [0];
        while stream.read(&mut byte)? > 0 {}
        Ok(())
    });
    let place = Place::new();
    let run = start(&place, &format!("-u 1 -t 10min --remote-write {hanging} --remote-write-interval 10ms"));
    wait_until("a record", || place.results().iter().any(|folder| folder.join("records.parquet").exists()));
    run.signal(libc::SIGINT);
    wait_until("the first Ctrl+C to be heard", || run.stderr().contains("stopping"));
    run.signal(libc::SIGINT);
    let ended = run.wait();
    let [feed] = place.summary().feeds.try_into().unwrap();
    assert!(feed.sent == 0 && feed.lost > 0, "{feed:?} {ended:?}");
}

/// What a receiver got at a path so far.
fn received(receiver: &Server, path: &str) -> Vec<Value> {
    let (_, body) = get(&receiver.url, "/received").unwrap();
    let all: Vec<Value> = serde_json::from_str(&body).unwrap();
    all.into_iter().filter(|request| request["path"] == path).collect()
}

/// The items of all requests, which lie in resources and scopes.
fn items(requests: &[Value], resources: &str, scopes: &str, items: &str) -> Vec<Value> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let resources = requests.iter().flat_map(|request| list(&request["body"], resources));
    resources.flat_map(|resource| list(&resource, scopes)).flat_map(|scope| list(&scope, items)).collect()
}

#[test]
fn otlp_has_the_metrics_and_a_span_for_each_traced_request() {
    let receiver = Server::start("otlp", "/received");
    let traceparents: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = traceparents.clone();
    let target = answering(move |head| {
        let line = head.lines().find_map(|line| line.strip_prefix("traceparent: "));
        seen.lock().unwrap().extend(line.map(str::to_owned));
        response("200 OK", "application/json", "{}")
    });
    let place = Place::new();
    let ended = place.line(&format!(
        "run {target} --path /x -u 2 -r 100 --max-requests 60 --seed 1 --testid t2 --trace-sample 50% --otlp {} \
         --otlp-header 'X-Secret: hunter22'",
        receiver.url
    ));
    let summary = place.summary();
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    assert!(summary.feeds.iter().all(|feed| feed.lost == 0 && feed.sent > 0), "{:?}", summary.feeds);

    let spans = items(&received(&receiver, "/v1/traces"), "resourceSpans", "scopeSpans", "spans");
    // The identities are base64 there, hexadecimal digits in the header: as many, and as different.
    let of_spans: BTreeSet<&str> = spans.iter().map(|span| span["traceId"].as_str().unwrap()).collect();
    let of_requests: BTreeSet<String> = traceparents.lock().unwrap().iter().cloned().collect();
    assert_eq!((of_spans.len(), spans.len()), (of_requests.len(), of_requests.len()));
    assert!((5..=55).contains(&spans.len()), "half of 60, by a drawn sample: {}", spans.len());
    assert_eq!(spans[0]["kind"], "SPAN_KIND_CLIENT");

    let requests = received(&receiver, "/v1/metrics");
    assert!(requests.iter().all(|request| request["headers"]["X-Secret"] == "hunter22"));
    let metrics = items(&requests[requests.len() - 1..], "resourceMetrics", "scopeMetrics", "metrics");
    let points = |name: &str, kind: &str| {
        let metric = metrics.iter().find(|metric| metric["name"] == name).unwrap();
        metric[kind]["dataPoints"].as_array().unwrap().clone()
    };
    let whole = |count: &Value| count.as_str().unwrap().parse::<u64>().unwrap();
    let ended_there: f64 =
        points("plimsoll.requests", "sum").iter().map(|point| point["asDouble"].as_f64().unwrap()).sum();
    assert_eq!(ended_there, summary.counts.total as f64);
    let latencies = points("plimsoll.latency", "exponentialHistogram");
    let buckets = latencies.iter().flat_map(|point| point["positive"]["bucketCounts"].as_array().unwrap());
    assert_eq!(buckets.map(whole).sum::<u64>(), summary.counts.total);
    assert_eq!(latencies.iter().map(|point| whole(&point["count"])).sum::<u64>(), summary.counts.total);
    assert!(!format!("{ended:?}").contains("hunter22"));
}

#[test]
fn what_a_receiver_rejects_is_lost() {
    let receiver = Server::start("otlp", "/received");
    let place = Place::new();
    start(&place, &format!("-u 1 --max-requests 5 --otlp {}/refuse", receiver.url)).wait();
    let summary = place.summary();
    let [feed] = summary.feeds.as_slice() else { panic!("{:?}", summary.feeds) };
    let posts = received(&receiver, "/refuse/v1/metrics").len() as u64;
    assert_eq!((feed.lost, feed.error.as_deref()), (posts, Some("refused some: one too many")));
}

#[test]
fn feeds_that_make_no_sense_are_refused_before_anything_is_sent() {
    let place = Place::new();
    let nobody = nobody();
    for (options, told) in [
        ("--metrics-addr host:1", "write a port"),
        ("--metrics-linger 5s", "--metrics-addr"),
        ("--trace-sample 1%", "--otlp"),
        ("--otlp ftp://x", "--otlp"),
        ("--remote-write http://x/y?z", "query"),
        ("--remote-write http://u:pass1234@x --remote-write-bearer t", "Authorization"),
        ("--otlp http://x --otlp-header nothing", "--otlp-header has no colon"),
        ("--testid ''", "--testid"),
    ] {
        let ended = place.line(&format!("run {nobody} {options}"));
        assert_eq!(ended.code, Some(2), "{options}: {ended:?}");
        assert!(ended.stderr.contains(told) && !ended.stderr.contains("pass1234"), "{options}: {ended:?}");
    }
    let ended = place.line("run sim://?time=virtual -t 1s --remote-write http://x");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("leave --remote-write out"), "{ended:?}");
    assert!(place.results().is_empty());
}

#[test]
fn logins_and_tokens_are_printed_nowhere() {
    let place = Place::new();
    let secrets = "--remote-write http://user:pass1234@127.0.0.1:1/w --remote-write-header 'X-Key: key12345' \
                   --otlp http://u:word5678@127.0.0.1:1 --otlp-header 'Y: other9012'";
    let ended = place.line(&format!("run sim:// {secrets} --print-config"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    start(&place, &format!("-u 1 --max-requests 2 {secrets}")).wait();
    let summary = place.summary();
    assert_eq!(summary.feeds.len(), 2);
    assert!(summary.feeds.iter().all(|feed| feed.sent == 0 && feed.lost > 0), "{:?}", summary.feeds);
    let kept = std::fs::read_to_string(place.result().join("spec.toml")).unwrap();
    let shown = format!("{ended:?} {summary:?} {kept}");
    for secret in ["pass1234", "key12345", "word5678", "other9012"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
