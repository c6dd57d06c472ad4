//! What a soak found, for a terminal.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::drift::{Finding, Shape, SoakReport, SoakVerdict, quantity, time_span};
use plimsoll_core::summary::Summary;

use super::numbers::{count, short};
use super::server;
use super::style::{Style, Tone, lines};
use super::terminal::invalid;

/// The columns of the table of findings.
pub(super) const COLUMNS: [&str; 7] =
    ["series", "verdict", "shape", "at first", "over the soak", "95 % interval", "p"];

/// The whole report. `results` is the folder with the results.
pub(crate) fn render(report: &SoakReport, summary: &Summary, results: &str, style: Style) -> String {
    let sections = [
        invalid(summary, style),
        verdict(report, style),
        header(report, summary),
        table(report),
        changes(report),
        server::section(summary, style),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    format!("{}\nResults    {results}\n", sections.join("\n"))
}

fn verdict(report: &SoakReport, style: Style) -> String {
    let (word, tone) = word(report.verdict);
    let word = style.paint(tone, word);
    match report.reasons.as_slice() {
        [only] => format!("{word}: {only}\n"),
        reasons => {
            let lines: String = reasons.iter().map(|reason| format!("  - {reason}\n")).collect();
            format!("{word}\n{lines}")
        }
    }
}

/// A verdict in a word, and how to colour it.
pub(crate) fn word(verdict: SoakVerdict) -> (&'static str, Tone) {
    match verdict {
        SoakVerdict::Steady => ("STEADY", Tone::Good),
        SoakVerdict::Drifting => ("DRIFTING", Tone::Bad),
        SoakVerdict::Undecided => ("UNDECIDED", Tone::Doubt),
    }
}

fn header(report: &SoakReport, summary: &Summary) -> String {
    let (run, counts) = (&summary.run, &summary.counts);
    format!(
        "Soak       {}, {} -> {} ({}, model {})\n           {} in {} windows of {}; {} ok, {} failed; seed {}; {}\n",
        run.name,
        run.load,
        run.target,
        run.provider,
        run.model,
        time_span(report.covered),
        report.windows,
        time_span(report.window),
        count(counts.ok),
        count(counts.failed),
        run.seed,
        run.ended,
    )
}

fn table(report: &SoakReport) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for finding in &report.findings {
        table.add_row(row(finding));
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

/// A finding as a row of [`COLUMNS`].
pub(super) fn row(finding: &Finding) -> [String; 7] {
    let growth = &finding.growth;
    let percent =
        |share: f64| format!("{}{} %", if share < 0.0 { "-" } else { "+" }, short(100.0 * share.abs()));
    [
        finding.series.clone(),
        word(finding.verdict).0.to_owned(),
        shape(finding.shape).to_owned(),
        quantity(&finding.series, finding.level),
        percent(growth.over_soak),
        format!("{} to {}", percent(growth.over_soak_low), percent(growth.over_soak_high)),
        if growth.p_value < 0.0005 { "<0.001".to_owned() } else { format!("{:.3}", growth.p_value) },
    ]
}

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Flat => "flat",
        Shape::Lasting => "lasting",
        Shape::Settled => "settled",
        Shape::Stepped => "stepped",
        Shape::Improving => "improving",
    }
}

/// Jumps of series that are not told by the verdict.
fn changes(report: &SoakReport) -> String {
    let lines: Vec<String> = report
        .findings
        .iter()
        .flat_map(|finding| finding.changes.iter().map(move |change| (finding, change)))
        .map(|(finding, change)| {
            format!(
                "{} went from {} to {} after {}",
                finding.series,
                quantity(&finding.series, change.before),
                quantity(&finding.series, change.after),
                time_span(change.at)
            )
        })
        .collect();
    if lines.is_empty() { String::new() } else { format!("Changes    {}\n", lines.join("\n           ")) }
}
