//! The page in a real browser: its charts are drawn, and the console is silent.

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

#[test]
fn all_charts_are_drawn_and_the_console_is_silent() {
    let place = Place::new();
    place.line(
        "run sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual --seed 11 --qps 10 -t 1min -o 32 \
         --slo latency.p99<1s --no-progress",
    );
    let (document, console) = opened(&place.result().join("report.html"));
    assert_eq!(console, "");
    let charts = document.matches("data-chart=").count();
    assert!(charts >= 5, "{charts}");
    assert_eq!(document.matches("<canvas").count(), charts);
    assert_eq!(document.matches("role=\"img\" aria-label=").count(), charts, "each says what it shows");
    assert!(document.contains("<th scope=\"col\"><button type=\"button\">"), "tables can be sorted");
}
