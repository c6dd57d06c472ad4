//! Whole watches of scripted pages on loopback: one that goes and comes back, garbage, and what is left in the file.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_core::testing;
use plimsoll_core::watch::{Canonical, ServerSummary, Work};

use super::*;
use crate::clock::Clock;
use crate::recorder::RunFolder;

/// Far more than any of these takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page whose answer to its n-th request, from 0 on, is made by `page`; nothing closes the connection at once.
fn serve(page: impl Fn(u64) -> Option<String> + Send + 'static) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    // It lasts as long as the test program.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            while let Some(number) = next_request(&stream, &counter) {
                let Some(text) = page(number) else { break };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
                if (&stream).write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (url, asked)
}

fn next_request(stream: &TcpStream, counter: &AtomicU64) -> Option<u64> {
    let mut lines = BufReader::new(stream).lines();
    while !lines.next()?.ok()?.is_empty() {}
    Some(counter.fetch_add(1, Ordering::Relaxed))
}

/// Watches these pages, each ten times a second, until all were asked so often, and keeps the file in `folder`.
fn watch(
    urls: &[&str],
    until: impl Fn() -> bool,
    folder: Option<&RunFolder>,
) -> (ServerSummary, LatestFigures) {
    let transport = testing::run().transport;
    let page = |url: &&str| WatchTarget::from(PageTarget::at(url, Vec::new(), &transport, None).unwrap());
    let targets = urls.iter().map(page).collect();
    let plan = WatchPlan { interval: Duration::from_millis(100), targets };
    let clock = Clock::start();
    let watcher = Watcher::start(plan, clock, folder, Board::default()).unwrap();
    while !until() {
        assert!(clock.now().as_secs_f64() < PATIENCE.as_secs_f64(), "{:?}", watcher.latest());
        watcher.look_after();
        std::thread::sleep(Duration::from_millis(5));
    }
    let latest = watcher.latest();
    let summary = watcher.finish(0.0, clock.now().as_secs_f64(), Work::default()).unwrap();
    (summary, latest)
}

#[test]
fn a_target_that_goes_and_comes_back_is_watched_again_and_its_counters_go_on() {
    // Fifty tokens in each scrape; the second to the fourth find nobody, and the server that comes back counts anew.
    let (url, asked) = serve(|number| match number {
        0 => Some("vllm:num_requests_waiting 3\nvllm:generation_tokens_total 1000\n".to_owned()),
        1..=6 => None,
        _ => {
            Some(format!("vllm:num_requests_waiting 5\nvllm:generation_tokens_total {}\n", 50 * (number - 6)))
        }
    });
    let (summary, latest) = watch(&[&url], || asked.load(Ordering::Relaxed) >= 14, None);
    let target = &summary.targets[0];
    assert!(target.failures >= 1 && target.scrapes >= 5, "{target:?}");
    assert_eq!(latest.value(Canonical::QueueDepth), Some(5.0));
    let rate = latest.value(Canonical::ServerOutputTokenRate).unwrap();
    assert!(rate > 0.0, "{rate}: what came back counts from where it began");
    assert!(summary.warnings.iter().any(|warning| warning.contains("did not answer")), "{summary:?}");
}

#[test]
fn garbage_is_told_and_harms_nobody() {
    let (garbage, asked) = serve(|number| Some(format!("<html>{number}</html>")));
    let (good, also) = serve(|_| Some("vllm:kv_cache_usage_perc 0.5\n".to_owned()));
    let both = || asked.load(Ordering::Relaxed) >= 3 && also.load(Ordering::Relaxed) >= 3;
    let (summary, latest) = watch(&[&garbage, &good], both, None);
    assert_eq!(latest.value(Canonical::KvUsage), Some(0.5));
    assert_eq!(summary.targets[0].scrapes, 0);
    let error = summary.targets[0].last_error.as_deref().unwrap();
    assert!(error.starts_with("what came is no page of metrics: it begins with `<html>"), "{error}");
}

#[test]
fn what_was_seen_is_in_the_file_scrape_by_scrape() {
    let (url, asked) = serve(|number| {
        let tokens = 10 * number;
        Some(format!(
            "vllm:num_requests_running{{engine=\"0\"}} {number}\nvllm:generation_tokens_total {tokens}\nother 1\n"
        ))
    });
    let results = tempfile::tempdir().unwrap();
    let path = results.path().join("run");
    let folder = RunFolder::create_at(&path, &testing::run()).unwrap();
    let (summary, _) = watch(&[&url], || asked.load(Ordering::Relaxed) >= 5, Some(&folder));
    let file = File::open(path.join("server.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        for row in 0..batch.num_rows() {
            let text =
                |column| batch.column_by_name(column).unwrap().as_string::<i32>().value(row).to_owned();
            let at = batch.column_by_name("at_ns").unwrap().as_primitive::<Int64Type>().value(row);
            let value = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>().value(row);
            rows.push((text("metric"), text("instance"), text("unit"), text("target"), at, value));
        }
    }
    let of = |metric: &str| rows.iter().filter(|row| row.0 == metric).collect::<Vec<_>>();
    let running = of("running");
    assert_eq!(running.len() as u64, summary.targets[0].scrapes);
    assert_eq!((running[1].1.as_str(), running[1].2.as_str(), running[1].5), ("0", "count", 1.0));
    assert!(running.is_sorted_by_key(|row| row.4) && running[0].3 == url, "{rows:?}");
    assert!(of("up").iter().all(|row| row.5 == 1.0) && of("up").len() == running.len());
    assert!(of("scrape_duration").iter().all(|row| row.5 > 0.0 && row.2 == "seconds"));
    assert_eq!(of("server_output_token_rate").len(), running.len() - 1, "a rate takes two pages");
    assert!(of("other").is_empty());
}

#[test]
fn a_profiler_is_marked_in_summary_and_file() {
    let results = tempfile::tempdir().unwrap();
    let path = results.path().join("run");
    let folder = RunFolder::create_at(&path, &testing::run()).unwrap();
    let clock = Clock::start();
    let plan = WatchPlan { interval: Duration::from_millis(100), targets: Vec::new() };
    let watcher = Watcher::start(plan, clock, Some(&folder), Board::default()).unwrap();
    watcher.profile_started("nsys start");
    watcher.profile_stopped();
    watcher.profile_failed("the profiler was not stopped: it hangs");
    let summary = watcher.finish(0.0, 1.0, Work::default()).unwrap();
    let profile = summary.profile.unwrap();
    assert!(profile.by == "nsys start" && profile.end >= profile.start);
    assert_eq!(summary.warnings, ["the profiler was not stopped: it hangs"]);
    let file = File::open(path.join("server.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
}

#[test]
fn pages_beside_a_target_are_found_if_they_have_something_that_is_known() {
    let transport = testing::run().transport;
    let found = |page: &'static str| {
        let (url, _) = serve(move |_| Some(page.to_owned()));
        let origin = crate::transport::Origin::parse(url.strip_suffix("/metrics").unwrap()).unwrap();
        // As the embedded server's, no port but its own is looked at: others on this machine are not this test's.
        let beside = Beside {
            origin: &origin,
            headers: &[],
            api_key: None,
            transport: &transport,
            tls: None,
            embedded: true,
        };
        discover(&beside).len()
    };
    assert_eq!(found("vllm:num_requests_running 0\n"), 2, "this server answers at every path");
    assert_eq!(found("go_goroutines 7\n"), 0);
    assert_eq!(found("<html>"), 0);
}
