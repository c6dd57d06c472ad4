//! A history of runs: where each metric changed, for terminals, pull requests and programs (`plimsoll.history/1`).

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::compare::{HISTORY_MIN, Series, Shift};
use serde::Serialize;

use super::compare::{described, interval, name, p_value, signed, tone, value_of};
use super::compare_json::{JsonChange, JsonRun};
use super::style::{Style, lines};
use crate::cmd::compare::comparable::Differing;
use crate::cmd::compare::runs::StoredRun;

const HEADER: [&str; 8] =
    ["metric", "changed at", "before", "after", "change", "95 % interval", "p", "verdict"];

/// The report for a terminal.
pub(crate) fn terminal(
    runs: &[StoredRun],
    series: &[Series],
    differing: &[(String, Differing)],
    style: Style,
) -> String {
    let mut text = opening(runs) + "\n";
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADER);
    for (one, shift) in shifts(series) {
        let mut cells = cells(runs, one, shift);
        cells[7] = style.paint(tone(shift.verdict), shift.verdict.word());
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(2).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if shifts(series).next().is_some() {
        text += &lines(&table);
        text += "\n";
    }
    text += &closing(runs, series);
    for (run, differing) in differing {
        text += &format!(
            "  - {run} has {} {}, and {} in the first\n",
            differing.key, differing.other, differing.first
        );
    }
    text
}

/// The same as Markdown.
pub(crate) fn markdown(runs: &[StoredRun], series: &[Series]) -> String {
    let mut text = String::new();
    if shifts(series).next().is_some() {
        text += &format!("| {} |\n|---|---|--:|--:|--:|--:|--:|---|\n", HEADER.join(" | "));
        for (one, shift) in shifts(series) {
            text += &format!("| {} |\n", cells(runs, one, shift).join(" | "));
        }
        text += "\n";
    }
    text + &closing(runs, series)
}

fn opening(runs: &[StoredRun]) -> String {
    let [first, .., last] = runs else { return runs.iter().map(|run| described(run) + "\n").collect() };
    format!("{} runs\n  from  {}\n  to    {}\n", runs.len(), described(first), described(last))
}

fn closing(runs: &[StoredRun], series: &[Series]) -> String {
    let steady: Vec<String> =
        series.iter().filter(|one| one.shifts.is_empty()).map(|one| one.figure.to_string()).collect();
    if runs.len() < HISTORY_MIN {
        return format!(
            "Nothing can be found in {} runs: {HISTORY_MIN} are the least, five on either side of a change\n",
            runs.len()
        );
    }
    match (steady.is_empty(), steady.len() == series.len()) {
        (true, _) => String::new(),
        (_, true) => format!("No change in {} runs of {}\n", runs.len(), steady.join(", ")),
        _ => format!("No change of {}\n", steady.join(", ")),
    }
}

fn shifts(series: &[Series]) -> impl Iterator<Item = (&Series, &Shift)> {
    series.iter().flat_map(|one| one.shifts.iter().map(move |shift| (one, shift)))
}

fn cells(runs: &[StoredRun], series: &Series, shift: &Shift) -> Vec<String> {
    let figure = series.figure;
    let (change, within) = match shift.change {
        Some(change) => (signed(figure, change.estimate), interval(figure, change)),
        None => ("-".to_owned(), "-".to_owned()),
    };
    vec![
        name(figure),
        runs.get(shift.run).map(StoredRun::name).unwrap_or_default(),
        value_of(figure, Some(shift.before)),
        value_of(figure, Some(shift.after)),
        change,
        within,
        p_value(shift.p),
        shift.verdict.word().to_owned(),
    ]
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    runs: Vec<JsonRun>,
    metrics: Vec<JsonSeries>,
    failed: &'a [String],
}

#[derive(Serialize)]
struct JsonSeries {
    metric: String,
    /// A value or null for each of `runs`.
    values: Vec<Option<f64>>,
    threshold: f64,
    changes: Vec<JsonShift>,
}

#[derive(Serialize)]
struct JsonShift {
    /// Place of the first run after the change in `runs`, from 0.
    run: usize,
    p: f64,
    before: f64,
    after: f64,
    change: Option<JsonChange>,
    verdict: &'static str,
}

/// The history for programs.
///
/// # Errors
/// Never in practice: all of it can be written as JSON.
pub(crate) fn json(runs: &[StoredRun], series: &[Series], failed: &[String]) -> serde_json::Result<String> {
    let metrics = series.iter().map(|one| {
        let mut values = vec![None; runs.len()];
        one.values.iter().for_each(|&(run, value)| values[run] = Some(value));
        let changes = one.shifts.iter().map(|shift| JsonShift {
            run: shift.run,
            p: shift.p,
            before: shift.before,
            after: shift.after,
            change: shift.change.map(JsonChange::from),
            verdict: shift.verdict.word(),
        });
        JsonSeries {
            metric: one.figure.to_string(),
            values,
            threshold: one.threshold,
            changes: changes.collect(),
        }
    });
    let form = Json {
        schema: "plimsoll.history/1",
        runs: runs.iter().map(JsonRun::of).collect(),
        metrics: metrics.collect(),
        failed,
    };
    serde_json::to_string_pretty(&form).map(|text| text + "\n")
}
