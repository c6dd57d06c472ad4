//! What watching costs: ten pages of 2,000 series each, once a second, and the processor time of the thread that watches.
//!
//! The pages come from another process, so that only the watch is measured:
//! `cargo run --release -p plimsoll-drive --example watch_overhead [SECONDS]`

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use plimsoll_core::testing;
use plimsoll_core::watch::{Canonical, Work};
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::RunFolder;
use plimsoll_drive::watch::{Board, PageTarget, WatchPlan, WatchTarget, Watcher};

/// Pages.
const TARGETS: usize = 10;
/// Series on each.
const SERIES: usize = 2_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve(),
        Some(seconds) => measure(seconds.parse()?),
        None => measure(30),
    }
}

/// Watches for so many seconds, with the file that a run would write, and prints what that cost.
fn measure(seconds: u64) -> Result<(), Failure> {
    let mut server = Command::new(std::env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
    let spec = testing::run();
    let urls = BufReader::new(server.stdout.take().ok_or("no output")?).lines().take(TARGETS);
    let targets = urls
        .map(|url| Ok(WatchTarget::from(PageTarget::at(&url?, Vec::new(), &spec.transport, None)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let plan = WatchPlan { interval: Duration::from_secs(1), targets };
    let results = tempfile::tempdir()?;
    let folder = RunFolder::create_at(&results.path().join("run"), &spec)?;
    let watcher = Watcher::start(plan, Clock::start(), Some(&folder), Board::default())?;
    std::thread::sleep(Duration::from_secs(2)); // what is done once is no overhead
    let (clock, before) = (Clock::start(), cpu_of_watch()?);
    std::thread::sleep(Duration::from_secs(seconds));
    let (wall, used) = (clock.now().as_secs_f64(), cpu_of_watch()? - before);
    let figures = watcher.latest().figures.len();
    let summary = watcher.finish(0.0, wall, Work::default()).ok_or("nothing was watched")?;
    server.kill()?;
    server.wait()?;
    let scrapes: u64 = summary.targets.iter().map(|target| target.scrapes).sum();
    let failures: u64 = summary.targets.iter().map(|target| target.failures + target.missed).sum();
    let queue = summary.figure(Canonical::QueueDepth).map_or(0.0, |figure| figure.level.mean);
    report(&format!(
        "{TARGETS} targets of {} series, {scrapes} scrapes, {failures} failed or missed, {figures} figures, queue {queue}\n\
         the thread used {:.2} ms in each of {wall:.1} s: {:.3} % of a core",
        summary.targets[0].series,
        used / wall * 1e3,
        used / wall * 1e2
    ))
}

/// Prints, where the program may: it is for people.
fn report(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// Processor time of the thread named `watch`, seconds: nanoseconds of `/proc/self/task/TID/schedstat`.
fn cpu_of_watch() -> Result<f64, Failure> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if std::fs::read_to_string(path.join("comm"))?.trim() == "watch" {
            let statistics = std::fs::read_to_string(path.join("schedstat"))?;
            let nanos: f64 = statistics.split(' ').next().ok_or("no time")?.parse()?;
            return Ok(nanos / 1e9);
        }
    }
    Err("there is no thread that watches".into())
}

/// Ten servers of one thread each, with pages as vLLM's: most series are buckets of histograms.
fn serve() -> Result<(), Failure> {
    let mut threads = Vec::new();
    for _ in 0..TARGETS {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        report(&format!("http://{}/metrics", listener.local_addr()?))?;
        threads.push(std::thread::spawn(move || -> Result<(), std::io::Error> {
            let mut number = 0;
            for stream in listener.incoming() {
                let stream = stream?;
                for line in BufReader::new(stream.try_clone()?).lines() {
                    if line?.is_empty() {
                        number += 1;
                        let page = page(number);
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
                        (&stream).write_all(&[head.as_bytes(), page.as_bytes()].concat())?;
                    }
                }
            }
            Ok(())
        }));
    }
    for thread in threads {
        thread.join().map_err(|_| "a server failed")??;
    }
    Ok(())
}

/// A page of vLLM's names as far as they are known here, filled up with histograms that nobody wants.
fn page(number: u64) -> String {
    let labels = "engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"";
    let mut lines = vec![
        "# HELP vllm:num_requests_waiting Requests that wait.\n# TYPE vllm:num_requests_waiting gauge"
            .to_owned(),
        format!("vllm:num_requests_waiting{{{labels}}} {}.0", number % 7),
        format!("vllm:num_requests_running{{{labels}}} 64.0"),
        format!("vllm:kv_cache_usage_perc{{{labels}}} 0.97"),
        format!("vllm:generation_tokens_total{{{labels}}} {}", 3000 * number),
        format!("vllm:prompt_tokens_total{{{labels}}} {}", 9000 * number),
        format!("vllm:request_success_total{{finished_reason=\"stop\",{labels}}} {number}"),
        format!("vllm:request_queue_time_seconds_sum{{{labels}}} {number}.5"),
        format!("vllm:request_queue_time_seconds_count{{{labels}}} {number}"),
        format!("process_resident_memory_bytes {}", 7_000_000_000_u64 + number),
    ];
    let mut series = lines.len() - 1; // the first line is a comment
    let mut family = 0;
    while series < SERIES {
        family += 1;
        let name = format!("vllm:request_something_{family}_time_seconds");
        lines.push(format!("# HELP {name} Histogram of something in seconds.\n# TYPE {name} histogram"));
        for bucket in 0..20.min(SERIES - series) {
            lines.push(format!("{name}_bucket{{{labels},le=\"{bucket}.5\"}} {}.0", number * bucket as u64));
            series += 1;
        }
    }
    lines.join("\n") + "\n"
}
