//! `plimsoll report`: what is stored, rendered again in every format.

use std::fs;
use std::path::Path;

use plimsoll_core::summary::Summary;
use plimsoll_drive::recorder::RecordsFile;

use crate::program::{Ended, Place};

/// A server in simulated time: runs of minutes take milliseconds, and repeat.
const SERVER: &str = "sim://?ttft=80ms&itl=8ms&slots=6&queue=4&jitter=0.2&seed=5&time=virtual";

fn run(place: &Place) -> Ended {
    place.line(&format!(
        "run {SERVER} --seed 11 --qps 15 --arrival poisson -t 1min -p 64 -o 32 --max-fail-ratio 1 --no-progress"
    ))
}

/// The folder of the only result, as its command names it.
fn folder(place: &Place) -> String {
    format!("runs/{}", place.result().file_name().unwrap().to_str().unwrap())
}

fn report(place: &Place, rest: &str) -> Ended {
    place.line(&format!("report {} {rest}", folder(place)))
}

/// The whole of a report on stdout.
fn printed(place: &Place, rest: &str) -> String {
    let ended = report(place, rest);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{rest}");
    ended.stdout
}

#[test]
fn a_run_is_reported_again_as_it_was() {
    let place = Place::new();
    let ended = run(&place);
    let text = printed(&place, "");
    assert!(ended.stdout.starts_with(text.trim_end()), "{}\n{text}", ended.stdout);
    let summary: Summary = serde_json::from_str(&printed(&place, "--format json")).unwrap();
    assert_eq!(summary, place.summary());

    let page = fs::read_to_string(place.result().join("report.html")).unwrap();
    assert_eq!(printed(&place, "--format html"), page);
    report(&place, "--output page.html");
    assert_eq!(place.read("page.html"), page);
    for part in [
        "<!doctype html>",
        "data-chart=\"percentiles\"",
        "data-chart=\"latency\"",
        "data-chart=\"throughput\"",
    ] {
        assert!(page.contains(part), "{part}");
    }

    let csv = printed(&place, "--format csv");
    assert!(csv.starts_with("time,n,mean,p50,p75,p90,p95,p99,p99.9,max\nttft,"), "{csv}");
    let latency = csv.lines().find(|line| line.starts_with("latency,")).unwrap();
    let mean: f64 = latency.split(',').nth(2).unwrap().parse().unwrap();
    assert_eq!(Some(mean), summary.metrics["latency"].mean);

    let markdown = printed(&place, "--format md");
    assert!(markdown.starts_with("### run: open loop, Poisson at 15/s\n\n- ✅ **VALID** "), "{markdown}");
    report(&place, "--output charts.png");
    let png = fs::read(place.path().join("charts.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 10_000, "{}", png.len());
    let svg = printed(&place, "--format svg --chart throughput");
    assert!(svg.starts_with("<svg ") && svg.contains("<title>Throughput</title>"), "{svg}");
    assert!(
        printed(&place, "--format svg").contains("<title>Percentiles; Latency over time; Throughput</title>")
    );
}

#[test]
fn a_page_goes_where_it_is_wanted() {
    let place = Place::new();
    let ended = place.line(&format!(
        "run {SERVER} --seed 11 -u 2 -t 5s --max-fail-ratio 1 --no-progress --html page.html --no-report"
    ));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(place.read("page.html").contains("<h1>run: closed loop"));
    assert!(!place.result().join("report.html").exists());
}

/// A kill leaves all but the summary. What its report says is counted from the records, and doubted.
#[test]
fn a_killed_run_is_reported_from_its_records() {
    let place = Place::new();
    run(&place);
    let whole = place.summary();
    fs::remove_file(place.result().join("summary.json")).unwrap();
    let text = printed(&place, "");
    assert!(text.starts_with("INVALID: "), "{text}");
    assert!(text.contains("the run did not come to its end") && text.contains("; killed"), "{text}");
    let again: Summary = serde_json::from_str(&printed(&place, "--format json")).unwrap();
    // Its records keep no chunks, so the gaps between them are not known any more.
    let mut metrics = whole.metrics;
    metrics.retain(|name, _| name != "chunk_gap" && name != "itl");
    assert_eq!((again.counts, again.metrics, again.errors), (whole.counts, metrics, whole.errors));
    let (rate, rate_again) = (whole.rates.output_token_rate, again.rates.output_token_rate);
    assert!((rate_again / rate - 1.0).abs() < 0.02, "{rate} {rate_again}");
    assert_eq!((again.run.load, again.run.started, again.run.seed), (whole.run.load, whole.run.started, 11));
    assert_eq!(again.rates.concurrency_max, whole.rates.concurrency_max);
    assert!(printed(&place, "--format html").contains("data-chart=\"latency\""));
}

#[test]
fn a_baseline_adds_what_changed() {
    let (place, base) = (Place::new(), Place::new());
    run(&place);
    run(&base);
    let markdown = printed(&place, &format!("--format md --baseline {}", base.result().display()));
    assert!(
        markdown.contains("**UNDECIDED** nothing is surely worse") && markdown.contains("| metric | A | B |"),
        "{markdown}"
    );

    let side = base.result().display().to_string();
    let json = place.line(&format!("compare {side} {} --json --html compare.html", folder(&place)));
    place.write("change.json", &json.stdout);
    let page = place.line("report change.json --format html").stdout;
    // Of values that programs sort by, the last digit may have gone when they were read back.
    let shown = |page: &str| -> String {
        page.split(" data-value=\"")
            .map(|part| part.split_once("\">").map_or(part, |(_, rest)| rest))
            .collect()
    };
    assert!(page.contains("<h2>Differences</h2>"));
    assert_eq!(shown(&page), shown(&place.read("compare.html")));
    let text = place.line("report change.json").stdout;
    assert!(text.contains("A: run, ") && text.contains("UNDECIDED nothing is surely worse"), "{text}");
}

/// The page of a command's only folder, with what must be in it.
fn page_of(line: &str, parts: &[&str]) {
    let place = Place::new();
    let ended = place.line(line);
    let page = fs::read_to_string(place.result().join("report.html"));
    let page = page.unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    for part in parts {
        assert!(page.contains(part), "{part} is not in the page of {line}: {ended:?}");
    }
    for format in ["html", "md", "csv", "json", "svg", "terminal"] {
        assert!(!printed(&place, &format!("--format {format}")).is_empty(), "{format}");
    }
    assert_eq!(printed(&place, "--format html"), page);
}

#[test]
fn a_soak_has_its_page() {
    let parts = ["STEADY", "data-chart=\"drift-latency-p99\"", "data-chart=\"throughput\"", "<h2>Drift</h2>"];
    page_of("soak sim://?ttft=5ms&itl=0&time=virtual --qps 20 -t 20min -o 1 --seed 1 --no-progress", &parts);
}

#[test]
fn a_stress_test_has_its_page() {
    let parts = ["data-chart=\"goodput\"", "goodput kept", "baseline"];
    let line = "stress sim://?ttft=50ms&itl=0&slots=2&queue=4&time=virtual --capacity 40 -o 1 --seed 1 --no-progress";
    page_of(line, &parts);
}

#[test]
fn a_search_for_a_capacity_has_its_page() {
    let parts = [
        "CAPACITY",
        "certified",
        "bound by latency.p90&lt;600ms",
        "data-chart=\"latency-throughput\"",
        "data-chart=\"objective-1\"",
        "<h2>Trials</h2>",
    ];
    let line = "capacity sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual -p 64 -o 32 --seed 3 -t 60s \
                --slo latency.p90<600ms --precision 20%";
    page_of(line, &parts);
}

#[test]
fn a_sweep_has_its_page() {
    let parts = ["data-shade", "data-chart=\"ttft-p99\"", "MEASURED", "<h2>Cells</h2>"];
    let line = "sweep sim://?ttft=20ms&itl=2ms&slots=2&time=virtual --over users=1,4 --over max-tokens=4,16 -t 20s \
                --seed 1 --no-progress";
    page_of(line, &parts);
}

/// One kernel, from half a minute after the start of the run on, for ten seconds.
#[test]
fn a_timeline_of_nsight_systems_lies_beside_the_run() {
    let place = Place::new();
    run(&place);
    let began = RecordsFile::open(&place.result().join("records.parquet")).unwrap().wall.as_nanos();
    let tables = format!(
        "CREATE TABLE StringIds (id INTEGER, value TEXT);
         INSERT INTO StringIds VALUES (1, 'gemm<half>');
         CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER, deviceId INTEGER, shortName INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (20000000000, 30000000000, 0, 1), (39000000000, 40000000000, 0, 1);
         CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs INTEGER);
         INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES ({});",
        began + 10_000_000_000
    );
    rusqlite::Connection::open(place.path().join("gpu.sqlite")).unwrap().execute_batch(&tables).unwrap();
    let text = printed(&place, "--nsys gpu.sqlite");
    let part = text.split("GPU timeline").nth(1).unwrap_or_else(|| panic!("{text}"));
    insta::assert_snapshot!(format!("GPU timeline{part}"));
    let page = printed(&place, "--nsys gpu.sqlite --format html");
    assert!(page.contains("data-chart=\"gpu-busy\"") && page.contains("gemm&lt;half&gt;"));
    let markdown = printed(&place, "--nsys gpu.sqlite --format md");
    assert!(markdown.contains("**timeline** GPU busy 55.0 % of the measured window"), "{markdown}");
    assert!(markdown.contains("| gemm&lt;half&gt; | 100.0 % | 2 |"), "{markdown}");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&place, "--nsys gpu.sqlite --format json")).unwrap();
    assert_eq!((&json["nsys"]["parts"][0]["busy"], &json["nsys"]["of"]), (&0.55.into(), &"measured".into()));
    assert!(printed(&place, "--nsys gpu.sqlite --format svg --chart gpu-busy").contains("GPU 0"));
}

#[test]
fn what_cannot_be_reported_is_said() {
    let place = Place::new();
    run(&place);
    place.write("other.json", "{}");
    place.write("old.json", "{\"schema\": \"plimsoll.history/1\"}");
    fs::create_dir_all(place.path().join("empty")).unwrap();
    let name = folder(&place);
    let refused = [
        "report nowhere".to_owned(),
        "report empty".to_owned(),
        "report other.json".to_owned(),
        "report old.json".to_owned(),
        format!("report {name} --output picture.bmp"),
        format!("report {name} --format svg --chart throughputs"),
        format!("report {name} --format csv --baseline {name}"),
        format!("report {name} --format html --chart latency"),
        format!("report {name} --format png"),
        format!("report {name} --format md --baseline {name}"),
        format!("report {name} --nsys other.json"),
        format!("report {name} --nsys nowhere.sqlite"),
        format!("report {name} --format csv --nsys other.json"),
        "run sim:// --html nowhere/page.html".to_owned(),
    ];
    let mut said = String::new();
    for line in refused {
        let ended = place.line(&line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        said += &format!("{line}\n    {}\n", ended.stderr.trim_end().replace('\n', "\n    "));
    }
    insta::assert_snapshot!(said.replace(&name, "runs/RUN"));
    let unwritable = report(&place, "--output nowhere/page.html");
    assert_eq!(unwritable.code, Some(1), "{unwritable:?}");
    assert!(!Path::new("nowhere").exists());
}
