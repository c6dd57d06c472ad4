//! What a stress test found, for a terminal.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::stress::{StepKind, StepResult, StressReport, StressVerdict};
use plimsoll_core::summary::Summary;

use super::numbers::{count, ms, percent, short};
use super::server;
use super::style::{Style, Tone, lines};
use super::terminal::invalid;

/// The columns of the table of steps.
pub(super) const COLUMNS: [&str; 15] = [
    "step",
    "load",
    "rate/s",
    "in time/s",
    "kept",
    "p50 ms",
    "p99 ms",
    "late",
    "refused",
    "refused p99 ms",
    "timeout",
    "no conn.",
    "cut",
    "errors",
    "wrong",
];

/// The whole report. `results` is the folder with the results.
pub(crate) fn render(report: &StressReport, summary: &Summary, results: &str, style: Style) -> String {
    let parts = [
        invalid(summary, style),
        verdict(report, style),
        header(report, summary),
        table(report),
        server::section(summary, style),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}\nResults    {results}\n", parts.join("\n"))
}

fn verdict(report: &StressReport, style: Style) -> String {
    let (word, tone) = word(report.verdict);
    let reasons: String = report.reasons.iter().map(|reason| format!("  - {reason}\n")).collect();
    format!("{}\n{reasons}", style.paint(tone, word))
}

/// The word of a verdict, and its colour.
pub(super) fn word(verdict: StressVerdict) -> (&'static str, Tone) {
    match verdict {
        StressVerdict::Graceful => ("GRACEFUL", Tone::Good),
        StressVerdict::Degraded => ("DEGRADED", Tone::Doubt),
        StressVerdict::Collapsed => ("COLLAPSED", Tone::Bad),
        StressVerdict::Undecided => ("UNDECIDED", Tone::Doubt),
    }
}

fn header(report: &StressReport, summary: &Summary) -> String {
    let run = &summary.run;
    format!(
        "Stress     {}, a capacity of {}/s -> {} ({}, model {})\n           {}, {}; seed {}; {}\n",
        run.name,
        short(report.capacity),
        run.target,
        run.provider,
        run.model,
        run.api,
        run.workload,
        run.seed,
        run.ended,
    )
}

fn table(report: &StressReport) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for step in &report.steps {
        table.add_row(row(step));
        let below = intervals(step);
        if below.iter().any(|cell| !cell.is_empty()) {
            table.add_row(below);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("Steps (95 % intervals by order statistics below the percentiles)\n{}", lines(&table))
}

/// What a step was for.
pub(super) fn kind(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Baseline => "baseline",
        StepKind::Overload => "overload",
        StepKind::Recovery => "recovery",
    }
}

/// The places of the percentiles in [`COLUMNS`].
pub(super) const PERCENTILES: [usize; 3] = [5, 6, 9];

/// The 95 % intervals of a step's percentiles, each in its column.
pub(super) fn intervals(step: &StepResult) -> [String; 15] {
    let found = [step.response_time.p50_interval, step.response_time.p99_interval, step.refusal.p99_interval];
    let mut cells: [String; 15] = Default::default();
    for (place, interval) in PERCENTILES.into_iter().zip(found) {
        cells[place] =
            interval.map_or_else(String::new, |(low, high)| format!("{}..{}", ms(Some(low)), ms(Some(high))));
    }
    cells
}

/// A step as a row of [`COLUMNS`].
pub(super) fn row(step: &StepResult) -> [String; 15] {
    [
        kind(step.kind).to_owned(),
        format!("{}x", short(step.multiple)),
        short(step.rate),
        short(step.goodput),
        percent(step.kept.min(1.0)),
        ms(step.response_time.p50),
        ms(step.response_time.p99),
        count(step.late),
        count(step.shed),
        ms(step.refusal.p99),
        count(step.timed_out),
        count(step.unconnected),
        count(step.broken),
        count(step.errors),
        count(step.wrong),
    ]
}
