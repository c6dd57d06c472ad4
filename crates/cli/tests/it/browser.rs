//! The page in a real browser: its charts are drawn and tell their values, its tables sort, and the console is silent.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::Place;

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
    let (document, console) = opened(&place.path().join("read.html"));
    assert_eq!(console, "");
    let charts = document.matches("data-chart=").count();
    assert!(charts >= 5, "{charts}");
    assert_eq!(document.matches("<canvas").count(), charts);
    assert_eq!(document.matches("role=\"img\" aria-label=").count(), charts, "each says what it shows");
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
