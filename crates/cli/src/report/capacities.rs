//! Two certified capacities beside each other: for terminals, pull requests and programs (`plimsoll.compare-capacity/1`).

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::compare::{CapacityRange, Open, Verdict};
use plimsoll_core::search::Variable;
use serde::Serialize;

use super::compare::{number, tone};
use super::compare_json::JsonChange;
use super::numbers::short;
use super::style::{Style, lines};
use crate::cmd::compare::certificates::{Capacities, TierDifference};

const HEADER: [&str; 6] = ["capacity", "A", "B", "change", "range", "verdict"];

/// The report for a terminal.
pub(crate) fn terminal(capacities: &Capacities, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADER);
    for tier in &capacities.tiers {
        let mut cells = cells(capacities, tier);
        cells[5] = style.paint(tone(tier.verdict), tier.verdict.word());
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let notes: String = notes(capacities).iter().map(|note| format!("  - {note}\n")).collect();
    format!("{}\n{}\n{notes}", sides(capacities), lines(&table))
}

/// The same as Markdown.
pub(crate) fn markdown(capacities: &Capacities) -> String {
    let mut text = format!("| {} |\n|---|--:|--:|--:|--:|---|\n", HEADER.join(" | "));
    for tier in &capacities.tiers {
        text += &format!("| {} |\n", cells(capacities, tier).join(" | "));
    }
    text += "\n";
    for line in sides(capacities).lines().map(str::to_owned).chain(notes(capacities)) {
        text += &format!("- {line}\n");
    }
    text
}

fn sides(capacities: &Capacities) -> String {
    let side = |label: &str, index: usize| {
        let certificate = &capacities.certificates[index];
        let (target, arrivals) = (&certificate.run.target, &certificate.traffic.arrivals);
        format!("{label}  {}, {target}, {arrivals}\n", capacities.folders[index].display())
    };
    side("A", 0) + &side("B", 1)
}

fn cells(capacities: &Capacities, tier: &TierDifference) -> Vec<String> {
    let unit = match capacities.certificates[0].variable {
        Variable::Rate => "/s",
        Variable::Concurrency => "users",
    };
    let name = if tier.name.is_empty() { "all" } else { &tier.name };
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), short);
    let range = |range: CapacityRange| format!("{} .. {}", end(range.low), end(range.high));
    let (change, between) = match tier.change {
        Some(change) => (
            format!("{} %", number(change.estimate)),
            format!("{} .. {} %", number(change.low), number(change.high)),
        ),
        None => ("-".to_owned(), "-".to_owned()),
    };
    vec![
        format!("{name}, {unit}"),
        range(tier.a),
        range(tier.b),
        change,
        between,
        tier.verdict.word().to_owned(),
    ]
}

fn notes(capacities: &Capacities) -> Vec<String> {
    let mut notes: Vec<String> = capacities
        .tiers
        .iter()
        .filter_map(|tier| match tier.verdict {
            Verdict::Undecided(Open::FinerSearch) => Some(
                "the ranges are too wide for a threshold like this: search with a finer --precision"
                    .to_owned(),
            ),
            Verdict::Undecided(_) => {
                Some("an end of a range is open: see why in the certificate, and search again".to_owned())
            }
            _ => None,
        })
        .collect();
    notes.dedup();
    notes.extend(
        capacities
            .differing
            .iter()
            .map(|one| format!("{} is {} on A and {} on B", one.key, one.first, one.other)),
    );
    notes.push(format!("noise up to {} %", (capacities.threshold * 1e5).round() / 1e3));
    notes
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    a: String,
    b: String,
    variable: Variable,
    threshold: f64,
    tiers: Vec<JsonTier<'a>>,
    failed: &'a [String],
}

#[derive(Serialize)]
struct JsonTier<'a> {
    tier: &'a str,
    a: [Option<f64>; 2],
    b: [Option<f64>; 2],
    change: Option<JsonChange>,
    verdict: &'static str,
}

/// The same for programs.
///
/// # Errors
/// Never in practice: all of it can be written as JSON.
pub(crate) fn json(capacities: &Capacities) -> serde_json::Result<String> {
    let tiers = capacities.tiers.iter().map(|one| JsonTier {
        tier: &one.name,
        a: [one.a.low, one.a.high],
        b: [one.b.low, one.b.high],
        change: one.change.map(JsonChange::from),
        verdict: one.verdict.word(),
    });
    let form = Json {
        schema: "plimsoll.compare-capacity/1",
        a: capacities.folders[0].display().to_string(),
        b: capacities.folders[1].display().to_string(),
        variable: capacities.certificates[0].variable,
        threshold: capacities.threshold,
        tiers: tiers.collect(),
        failed: &capacities.failed,
    };
    serde_json::to_string_pretty(&form).map(|text| text + "\n")
}
