//! The server watched while a load is on it: what is found, what is named as saturated, what is kept, and no secrets.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plimsoll_core::summary::Summary;
use plimsoll_core::watch::{Canonical, Resource, ServerSummary, Source};

use crate::program::{Ended, Place, Started, wait_for_publications, wait_until};
use crate::servers::{Sim, answering, get, response};

/// A server whose KV cache holds about a dozen of the requests of [`CROWD`].
const SMALL_CACHE: &str = "llama-3-8b-h100?kv_blocks=700&max_model_len=2048";
/// Far more users than that cache has room for. Only what follows the first seconds counts.
const CROWD: &str = "-u 96 -r 100000 -p 512 -o 100 --warmup 3s --watch-interval 200ms";

/// Looks of a watch that tell everything: rates and shares take two, and some may be before the measured window.
const LOOKS: usize = 8;

fn server(place: &Place, ended: &Ended) -> ServerSummary {
    place.summary().server.unwrap_or_else(|| panic!("nobody was watched: {ended:?}"))
}

fn sources(server: &ServerSummary) -> BTreeSet<Source> {
    server.targets.iter().flat_map(|target| target.sources.clone()).collect()
}

/// Runs this line until the watch has looked around so often, and ends it.
fn watched(place: &Place, line: &str, looks: usize) -> Ended {
    until_watched(place, place.start_line(line), looks)
}

fn until_watched(place: &Place, started: Started, looks: usize) -> Ended {
    wait_until("the folder of the run", || !place.results().is_empty());
    wait_for_publications(&place.result().join("server.parquet"), looks);
    started.signal(libc::SIGINT);
    started.wait()
}

#[test]
fn the_report_names_the_cache_that_is_full() {
    let sim = Sim::start(SMALL_CACHE);
    let place = Place::new();
    let line = format!("run {} {CROWD} --watch {}/dcgm/metrics --watch auto", sim.url, sim.url);
    let ended = watched(&place, &line, 15 + 2 * LOOKS);
    let server = server(&place, &ended);
    assert_eq!(server.saturation.resource, Some(Resource::KvCache), "{server:#?}");
    assert!(server.saturation.says.starts_with("saturated: KV cache 9"), "{}", server.saturation.says);
    assert!(server.saturation.waiting.unwrap() > 10.0, "{:?}", server.saturation);
    let level = |metric| server.figure(metric).unwrap_or_else(|| panic!("no {metric:?}: {server:#?}")).level;
    assert!(level(Canonical::KvUsage).mean > 0.9 && level(Canonical::GpuUtilization).mean > 0.0);
    assert!(level(Canonical::ServerOutputTokenRate).mean > 100.0);
    let ttft = server.times.iter().find(|times| times.metric == Canonical::ServerTtft).unwrap();
    assert!(ttft.n > 0 && ttft.quantile(50.0).is_some_and(|p50| p50.value > Some(0.0)), "{ttft:?}");
    assert!(ended.stdout.contains("as the server saw it"), "{}", ended.stdout);
    let energy = server.energy.unwrap();
    assert!(energy.counted && energy.per_output_token.unwrap() > 0.0, "{energy:?}");
    assert!(ended.stdout.contains("Server     saturated: KV cache 9"), "{}", ended.stdout);
    assert!(ended.stdout.contains("no headroom: KV cache"), "{}", ended.stdout);
    assert!(ended.stderr.contains("watching "), "{}", ended.stderr);
    let names: Vec<&str> = server.targets.iter().map(|target| target.name.as_str()).collect();
    let expected = [format!("{}/dcgm/metrics", sim.url), format!("{}/metrics", sim.url)];
    assert_eq!(names[..2], expected, "what was named comes first, and is not found again");
    assert!(place.result().join("server.parquet").is_file());
    let page = fs::read_to_string(place.result().join("report.html")).unwrap();
    for part in [
        "data-chart=\"server-shares\"",
        "data-chart=\"server-counts\"",
        "saturated: KV cache 9",
        "<h2>Server</h2>",
    ] {
        assert!(page.contains(part), "{part} is not on the page");
    }
}

#[test]
fn the_embedded_server_is_found_in_each_of_its_forms() {
    for (flavour, source, metric) in [
        ("vllm", Source::Vllm, Canonical::QueueDepth),
        ("sglang", Source::Sglang, Canonical::KvUsage),
        ("tgi", Source::Tgi, Canonical::Running),
        ("triton", Source::Triton, Canonical::ServerRequestRate),
        ("kserve", Source::Kserve, Canonical::ServerLatency),
        ("torchserve", Source::Torchserve, Canonical::ServerRequestRate),
    ] {
        let place = Place::new();
        let line = format!(
            "run sim://llama-3-8b-h100?flavour={flavour} --provider openai -m sim --no-chat -u 4 -r 100000 -p 16 -o 8 \
             --watch auto --watch-interval 100ms"
        );
        let ended = watched(&place, &line, LOOKS);
        let server = server(&place, &ended);
        assert!(
            sources(&server).is_superset(&BTreeSet::from([source, Source::Dcgm])),
            "{flavour}: {server:#?}"
        );
        assert!(server.figure(metric).is_some(), "{flavour}: {server:#?}");
        assert_eq!(
            server.targets.iter().map(|target| target.failures).sum::<u64>(),
            0,
            "{flavour}: {server:#?}"
        );
    }
}

#[test]
fn nobody_is_watched_where_that_is_off_and_in_simulated_time() {
    for line in [
        "run sim://?ttft=1ms -u 1 --max-requests 2",
        "run sim://?ttft=1ms&time=virtual -u 1 --max-requests 2 --watch auto",
    ] {
        let place = Place::new();
        let ended = place.line(line);
        assert_eq!(place.summary().server, None, "{ended:?}");
        assert!(!ended.stderr.contains("watching") && !place.result().join("server.parquet").exists());
    }
}

#[test]
fn a_process_is_watched_by_its_number() {
    let place = Place::new();
    let line =
        format!("run sim://?ttft=1ms -u 2 -r 1000 --watch-interval 100ms --watch-pid {}", std::process::id());
    let ended = watched(&place, &line, LOOKS);
    let server = server(&place, &ended);
    assert_eq!(server.targets[0].name, format!("process {}", std::process::id()));
    let figure = |metric| server.figure(metric).map(|figure| figure.source);
    assert_eq!(figure(Canonical::ResidentBytes), Some(Source::Pid));
    assert_eq!(figure(Canonical::ProcessCpu), Some(Source::Pid));
}

#[test]
fn secrets_of_watched_pages_are_shown_nowhere() {
    let authorised = Arc::new(AtomicBool::new(false));
    let seen = authorised.clone();
    let page = answering(move |head| {
        let path = head.starts_with("GET /m?token=hidden-word HTTP/1.1\r\n");
        seen.store(
            path && head.contains("Authorization: Basic ") && head.contains("X-Key: hidden-word"),
            Ordering::SeqCst,
        );
        // A server may repeat what it was sent.
        response("200 OK", "text/plain", "your X-Key is hidden-word")
    });
    let place = Place::new();
    let url = page.replace("http://", "http://user:hidden-word@");
    let line = format!(
        "run sim://?ttft=1ms -u 1 --watch-interval 100ms --watch {url}/m?token=hidden-word \
         --watch-header 'X-Key: hidden-word' --loglevel debug"
    );
    let ended = watched(&place, &line, LOOKS);
    assert!(authorised.load(Ordering::SeqCst), "the page is asked with them: {ended:?}");
    assert!(
        ended.stdout.contains("no page of metrics: it begins with `your X-Key is ***"),
        "{}",
        ended.stdout
    );
    for text in [&ended.stdout, &ended.stderr, &everything(&place.result())] {
        assert!(!text.contains("hidden-word"), "{text}");
    }
}

/// All files of a folder, as text as far as they are.
fn everything(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// Runs this line until that is so, and ends it.
fn profiled(place: &Place, line: &str, is_so: impl FnMut() -> bool) -> Ended {
    let started = place.start_line(line);
    wait_until("the profiler", is_so);
    started.signal(libc::SIGINT);
    started.wait()
}

#[test]
fn a_profiler_runs_for_a_part_of_the_measured_window() {
    let place = Place::new();
    let line = "run sim://?ttft=1ms -u 1 --profile-at 300ms --profile-for 500ms";
    let commands = "--profile-start-cmd 'echo begun; touch begun' --profile-stop-cmd 'touch ended'";
    let ended = profiled(&place, &format!("{line} {commands}"), || place.path().join("ended").exists());
    assert!(place.path().join("begun").exists(), "{ended:?}");
    let profile = server(&place, &ended).profile.unwrap();
    assert!(profile.start >= 0.3 && profile.end - profile.start >= 0.5, "{profile:?}");
    assert!(ended.stdout.contains("profiled from "), "{}", ended.stdout);
    let log = fs::read_to_string(place.result().join("profile.log")).unwrap();
    assert!(log.contains("begun\n"), "{log}");
}

/// How a server is asked, and what it answers.
const ASKED: &str = "--provider vllm -m m --no-chat --no-stream -p 8 -o 1";
const ANSWER: &str = r#"{"choices":[{"text":"a","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;

#[test]
fn a_profiler_that_cannot_be_started_or_comes_too_late_is_told() {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let url = answering(move |head| {
        if !head.starts_with("POST /start_profile ") {
            return response("200 OK", "application/json", ANSWER);
        }
        seen.store(true, Ordering::SeqCst);
        response("404 Not Found", "text/plain", "")
    });
    let asks = format!("{url} {ASKED} --profile-server");
    for (options, said) in [
        (
            "sim://?ttft=1ms --profile-start-cmd 'touch started; exit 3'",
            "the profiler was not started: `touch started; exit 3` failed with exit code 3",
        ),
        ("sim://?ttft=1ms --profile-at 1h --profile-start-cmd true", "the run ended before --profile-at"),
        (&asks, "the profiler was not started: the server has no /start_profile"),
    ] {
        let place = Place::new();
        let came = || match options.contains("--profile-at") {
            true => place.results().iter().any(|folder| folder.join("records.parquet").exists()),
            false => asked.load(Ordering::SeqCst) || place.path().join("started").exists(),
        };
        let ended = profiled(&place, &format!("run {options} -u 1"), came);
        let server = server(&place, &ended);
        assert!(server.profile.is_none(), "{server:?}");
        assert!(server.warnings.iter().any(|warning| warning.contains(said)), "{options}: {server:?}");
    }
}

#[test]
fn a_server_is_asked_to_profile_itself() {
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    let url = answering(move |head| {
        let request: String = head.split(" HTTP").next().unwrap_or_default().to_owned();
        if request.contains("profile") {
            seen.lock().unwrap().push(request);
        }
        response("200 OK", "application/json", ANSWER)
    });
    let place = Place::new();
    let line = format!("run {url} {ASKED} -u 1 --profile-server --profile-for 200ms");
    let ended = profiled(&place, &line, || asked.lock().unwrap().len() == 2);
    assert_eq!(*asked.lock().unwrap(), ["POST /start_profile", "POST /stop_profile"], "{ended:?}");
    assert_eq!(server(&place, &ended).profile.unwrap().by, "/start_profile");
}

#[test]
fn the_page_of_the_summary_is_that_of_the_sim() {
    let sim = Sim::start("llama-3-8b-h100");
    let place = Place::new();
    let line = format!("run {} -u 1 -p 16 -o 4 --watch {}/metrics --watch-interval 100ms", sim.url, sim.url);
    watched(&place, &line, LOOKS);
    let (status, page) = get(&sim.url, "/metrics").unwrap();
    let summary: Summary = place.summary();
    let target = &summary.server.unwrap().targets[0];
    let series = page.lines().filter(|line| !line.starts_with('#')).count() as u64;
    assert_eq!((status, target.series), (200, series));
    assert!(target.known > 10 && target.known < series, "{target:?}");
}

/// The program finds the driver's library where there is one; this one is written for the test and compiled by the
/// compiler that the build needs as well.
#[test]
fn accelerators_of_this_machine_are_read_through_the_library_of_their_driver() {
    let library = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/nvml.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(library.path().join("libnvidia-ml.so.1"))
        .arg(source)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let sim = Sim::start("ttft=1ms&itl=1ms");
    let place = Place::new();
    let arguments = ["run", &sim.url, "-u", "1", "--watch", "auto", "--watch-interval", "200ms"];
    let mut command = place.command(&arguments);
    command.env("LD_LIBRARY_PATH", library.path());
    let ended = until_watched(&place, place.start_command(command), LOOKS);
    let server = server(&place, &ended);
    let level =
        |metric| server.figure(metric).map(|figure| (figure.source, figure.instances, figure.level.max));
    assert_eq!(level(Canonical::GpuUtilization), Some((Source::Nvml, 2, 0.7)), "{server:#?}");
    assert_eq!(level(Canonical::GpuMemoryUsed), Some((Source::Nvml, 2, 8e10)));
    assert_eq!(level(Canonical::GpuMemoryUsage), Some((Source::Nvml, 2, 0.75)));
    assert_eq!(level(Canonical::GpuPower), Some((Source::Nvml, 2, 500.0)));
    assert_eq!(level(Canonical::GpuTemperature), None);
    assert!(
        server.energy.is_some_and(|energy| energy.counted && energy.joules > 100.0),
        "{:?}",
        server.energy
    );
    assert!(level(Canonical::HostCpu).is_some_and(|(source, ..)| source == Source::Host));
}
