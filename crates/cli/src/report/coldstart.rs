//! What cold starts found, for a terminal.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::cold_start::{Attempt, ColdStartReport, Moment};

use super::numbers::short;
use super::style::{Style, Tone, lines};

/// First requests that are shown one by one.
const SHOWN: usize = 10;

/// The columns of the table of moments.
pub(super) const MOMENTS: [&str; 6] =
    ["seconds from the start", "starts", "median", "95 % interval", "least", "most"];

/// A line about an attempt that has ended.
pub(crate) fn line(number: u32, of: u32, attempt: &Attempt) -> String {
    let times = [("port", attempt.port), ("ready", attempt.ready), ("first answer", attempt.first_success)];
    let times: Vec<String> = times
        .into_iter()
        .filter_map(|(what, seconds)| Some(format!("{what} {} s", short(seconds?))))
        .collect();
    let said: Vec<String> = [times.join(", ")]
        .into_iter()
        .filter(|times| !times.is_empty())
        .chain(attempt.error.clone())
        .collect();
    format!("start {number} of {of}: {}", said.join(": "))
}

/// The whole report. `results` is the folder with the results.
pub(crate) fn render(report: &ColdStartReport, target: &str, results: &str, style: Style) -> String {
    let findings: String = report.findings.iter().map(|finding| format!("  - {finding}\n")).collect();
    let parts = [
        format!(
            "{} of {target}, {} start{}\n{findings}",
            style.paint(Tone::Heading, "Cold start"),
            report.attempts.len(),
            if report.attempts.len() == 1 { "" } else { "s" }
        ),
        moments(report),
        requests(report),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}\nResults    {results}\n", parts.join("\n"))
}

fn moments(report: &ColdStartReport) -> String {
    let rows = [("port", &report.port), ("ready", &report.ready), ("first answer", &report.first_success)];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(MOMENTS);
    for (name, moment) in rows {
        if let Some(moment) = moment {
            table.add_row(row(name, moment));
        }
    }
    if report.port.is_none() { String::new() } else { aligned(table) }
}

/// A moment as a row of [`MOMENTS`].
pub(super) fn row(name: &str, moment: &Moment) -> [String; 6] {
    let interval = match (moment.low, moment.high) {
        (Some(low), Some(high)) => format!("{} to {}", short(low), short(high)),
        _ => "needs 6 starts".to_owned(),
    };
    let [median, min, max] = [moment.median, moment.min, moment.max].map(short);
    [name.to_owned(), moment.n.to_string(), median, interval, min, max]
}

fn requests(report: &ColdStartReport) -> String {
    let Some(warm_up) = &report.warm_up else { return String::new() };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["request", "median ms", "times warm", "p"]);
    for position in warm_up.positions.iter().take(SHOWN) {
        table.add_row([
            position.position.to_string(),
            short(position.median * 1e3),
            short(position.ratio),
            position.p_value.map_or_else(
                || "-".to_owned(),
                |p| if p < 0.0005 { "<0.001".to_owned() } else { format!("{p:.3}") },
            ),
        ]);
    }
    table.add_row(["warm".to_owned(), short(warm_up.warm * 1e3), "1".to_owned(), "-".to_owned()]);
    aligned(table)
}

fn aligned(mut table: Table) -> String {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}
