//! The page of a comparison: by how much each metric differs, how sure that is, and a verdict.

use plimsoll_core::compare::{Figure, Measure};

use super::table::Bar;
use super::{Block, Cell, Page, Section, Table, Tone, Verdict};
use crate::report::compare::{name, number, p_value, signed, undecided, value_of};
use crate::report::compare_json::{Comparison, JsonChange, JsonMetric, JsonRun};
use crate::report::numbers::{count, short};

/// The page of a comparison.
pub(crate) fn compare(comparison: &Comparison) -> Page {
    let names = |runs: &[JsonRun]| runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
    Page {
        kind: "compare",
        title: format!("{} beside {}", names(&comparison.b), names(&comparison.a)),
        lead: sides(comparison),
        verdicts: vec![verdict_of(comparison)],
        figures: Vec::new(),
        sections: vec![self::comparison(comparison)],
    }
}

/// The verdict on a comparison as a whole.
pub(crate) fn verdict_of(comparison: &Comparison) -> Verdict {
    let with = |word: &str| {
        let found = comparison.metrics.iter().filter(|metric| metric.verdict == word);
        found.map(|metric| metric.metric.as_str()).collect::<Vec<_>>().join(", ")
    };
    let text = match comparison.verdict.as_str() {
        "UNDECIDED" => "nothing is surely worse, but not all is decided".to_owned(),
        word @ ("WORSE" | "BETTER") => with(word),
        _ => "no metric differs by more than its threshold".to_owned(),
    };
    Verdict {
        details: comparison.failed.iter().map(|reason| format!("failed: {reason}")).collect(),
        ..Verdict::new(&comparison.verdict, tone(&comparison.verdict), text)
    }
}

fn tone(word: &str) -> Tone {
    match word {
        "BETTER" => Tone::Good,
        "WORSE" => Tone::Bad,
        "UNDECIDED" => Tone::Doubt,
        _ => Tone::Plain,
    }
}

fn sides(comparison: &Comparison) -> Vec<String> {
    let run = |side: &str, run: &JsonRun| {
        let invalid = if run.valid { "" } else { ", INVALID" };
        format!(
            "{side}: {}, {} requests in {} s, started {}{invalid}",
            run.name,
            count(run.requests),
            short(run.seconds),
            run.started
        )
    };
    let a = comparison.a.iter().map(|one| run("A", one));
    a.chain(comparison.b.iter().map(|one| run("B", one))).collect()
}

/// All differences, as a section of this or of another page.
pub(crate) fn comparison(comparison: &Comparison) -> Section {
    let columns = ["metric", "A#", "B#", "change#", "95 % interval", "from less to more", "p#", "verdict"];
    let mut table = Table::new(
        "B beside A; a bar is the 95 % interval of the change, the upright line no change",
        &columns,
    )
    .main();
    let most = comparison.metrics.iter().filter_map(|metric| metric.change).fold(0.0_f64, |most, change| {
        // What is more than doubled would press all else into a point.
        most.max(change.low.abs().max(change.high.abs()).min(1.0))
    });
    table.rows = comparison.metrics.iter().map(|metric| row(metric, most)).collect();
    let open =
        comparison.metrics.iter().filter_map(|metric| Some((metric.undecided.clone()?, &metric.metric)));
    let mut items = undecided(open);
    items.extend(
        comparison
            .differing
            .iter()
            .map(|one| format!("{} has {} {}, and {} on A", one.run, one.key, one.this, one.a)),
    );
    items.extend(sides(comparison));
    items.push(format!(
        "{} and {} windows of {} s; p by Holm's method",
        comparison.windows_a,
        comparison.windows_b,
        short(comparison.window_seconds)
    ));
    Section {
        id: "differences",
        title: "Differences",
        blocks: vec![Block::Table(table), Block::List { items }],
    }
}

fn row(metric: &JsonMetric, most: f64) -> Vec<Cell> {
    let figure = metric.metric.parse::<Figure>().ok();
    let value = |value: Option<f64>| {
        Cell::number(value, |value| {
            figure.map_or_else(|| short(value), |figure| value_of(figure, Some(value)))
        })
    };
    let change = metric.change;
    let unit = if figure.is_some_and(|figure| figure.measure() == Measure::Share) { "pt" } else { "%" };
    let estimate = change.map(|change| change.estimate);
    let shown = |estimate: f64| {
        figure.map_or_else(|| format!("{} %", number(estimate)), |figure| signed(figure, estimate))
    };
    let interval = change.map_or_else(
        || "-".to_owned(),
        |change| format!("{} to {} {unit}", number(change.low), number(change.high)),
    );
    vec![
        Cell::text(figure.map_or_else(|| metric.metric.clone(), name)),
        value(metric.a),
        value(metric.b),
        Cell::number(estimate, shown),
        Cell::text(interval),
        Cell { bar: change.map(|change| bar(change, most)), value: estimate, ..Cell::default() },
        Cell::number(metric.p_holm, p_value),
        Cell::word(&metric.verdict, tone(&metric.verdict)),
    ]
}

fn bar(change: JsonChange, most: f64) -> Bar {
    let place = |share: f64| if most > 0.0 { (0.5 + share / most / 2.0).clamp(0.0, 1.0) } else { 0.5 };
    Bar { low: place(change.low), at: place(change.estimate), high: place(change.high), zero: 0.5 }
}
