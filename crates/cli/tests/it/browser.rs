//! The page in a real browser: its charts are drawn and tell their values, its tables sort, and the console is silent.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{Place, wait_for_publications, wait_until};
use crate::servers::Sim;

/// Opens a page from disk in headless Chromium, which the first use installs: the document once it is drawn, and what the
/// console says.
fn opened(page: &Path) -> (String, String) {
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/browser/run.sh");
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args([
            "--dump-dom",
            "--enable-logging=stderr",
            "--virtual-time-budget=4000",
            "--window-size=1280,2000",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let console = said.lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    (String::from_utf8(output.stdout).unwrap(), console)
}

/// The document of a page whose charts are all drawn, with words for who cannot see them, on a silent console.
fn drawn(page: &Path) -> String {
    let (document, console) = opened(page);
    assert_eq!(console, "", "{}", page.display());
    let charts = document.matches("data-chart=").count();
    assert_eq!(document.matches("<canvas").count(), charts, "{}", page.display());
    assert_eq!(document.matches("role=\"img\" aria-label=").count(), charts, "{}", page.display());
    document
}

/// Does what a reader does, as a script at the end of the page, and leaves what became of it in the body's attributes: reads a
/// chart by the keyboard, points at another one, and sorts the percentiles by their mean, the greatest first.
const READER: &str = "<script>setTimeout(() => {
  const [latency, throughput] = ['latency', 'throughput'].map((id) => document.getElementById(`chart-${id}`));
  const values = (figure) => [...figure.querySelectorAll('.u-value')].map((value) => value.textContent);
  for (const key of ['Home', 'ArrowRight']) {
    latency.querySelector('.plot').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  }
  document.body.dataset.read = latency.querySelector('output').textContent;
  const over = throughput.querySelector('.u-over');
  const { left, top, width } = over.getBoundingClientRect();
  for (const type of ['mouseenter', 'mousemove']) {
    over.dispatchEvent(new MouseEvent(type, { bubbles: true, view: window, clientX: left + width / 2, clientY: top + 9 }));
  }
  const table = document.querySelector('#latencies .table > table');
  const head = table.querySelectorAll('th')[2];
  for (const _ of [1, 2]) head.querySelector('button').click();
  document.body.dataset.sorted = `${head.ariaSort}: ${table.tBodies[0].rows[0].cells[0].textContent}`;
  setTimeout(() => {
    document.body.dataset.pointed = values(throughput).every((value) => /^[0-9]/.test(value));
    document.body.dataset.followed = values(latency)[0] === values(throughput)[0];
  }, 300);
}, 300);</script>";

#[test]
fn charts_are_drawn_and_read_by_hand_tables_sort_and_the_console_is_silent() {
    let place = Place::new();
    place.line(
        "run sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual --seed 11 --qps 10 -t 1min -o 32 \
         --slo latency.p99<1s --no-progress",
    );
    let page = fs::read_to_string(place.result().join("report.html")).unwrap();
    place.write("read.html", &(page + READER));
    let document = drawn(&place.path().join("read.html"));
    let charts = document.matches("data-chart=").count();
    assert!(charts >= 5, "{charts}");
    assert!(document.contains("<th scope=\"col\"><button type=\"button\">"), "tables can be sorted");
    let body = document.split("<body").nth(1).and_then(|rest| rest.split('>').next()).unwrap();
    for part in [
        "data-read=\"1 (s since the start): p50 ",
        "data-sorted=\"descending: latency\"",
        "data-pointed=\"true\"",
        "data-followed=\"true\"",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[test]
fn the_pages_of_a_search_and_of_its_plan_are_drawn_in_silence() {
    let place = Place::new();
    place.line(
        "capacity sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual --seed 11 -o 32 --precision 10% \
         --slo latency.p90<1s --no-progress --html capacity.html",
    );
    let certificate = place.result().join("certificate.json");
    let row = |second: u32| {
        format!("{{\"timestamp\": {}, \"input_length\": 64, \"output_length\": 32}}\n", 1000 * second)
    };
    place.write("trace.jsonl", &(0..1200).map(row).collect::<String>());
    place.line(&format!(
        "plan --certificate {} --trace trace.jsonl --scale 50 --cold-start 20s --html plan.html",
        certificate.display()
    ));
    for (page, least) in [("capacity.html", 3), ("plan.html", 1)] {
        let charts = drawn(&place.path().join(page)).matches("data-chart=").count();
        assert!(charts >= least, "{page}: {charts}");
    }
}

#[test]
fn the_server_has_charts_of_its_own_where_it_was_watched() {
    let sim = Sim::start("llama-3-8b-h100");
    let place = Place::new();
    let started =
        place.start_line(&format!("run {} -u 4 -r 1000 -o 16 --watch auto --watch-interval 100ms", sim.url));
    wait_until("the folder of the run", || !place.results().is_empty());
    wait_for_publications(&place.result().join("server.parquet"), 20);
    started.signal(libc::SIGINT);
    started.wait();
    let page = place.result().join("report.html");
    assert!(fs::read_to_string(&page).unwrap().contains("data-chart=\"server-shares\""));
    drawn(&page);
}
