//! Two sides of runs beside each other: the tables for terminals and for pull requests.

use std::fmt::Display;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::compare::{Change, Difference, Figure, Measure, Open, Verdict};

use super::numbers::{count, ms, percent, short};
use super::style::{Style, Tone, lines};
use crate::cmd::compare::compared::Compared;
use crate::cmd::compare::runs::StoredRun;

const HEADER: [&str; 7] = ["metric", "A", "B", "change", "95 % interval", "p", "verdict"];

/// The report for a terminal.
pub(crate) fn terminal(compared: &Compared, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADER);
    for difference in &compared.differences {
        let mut cells = cells(difference);
        cells[6] = style.paint(tone(difference.verdict), difference.verdict.word());
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = sides(compared);
    text += "\n";
    text += &lines(&table);
    text += "\n";
    let whole = compared.verdict();
    text += &format!("{} {}\n", style.paint(tone(whole), whole.word()), because(compared, whole));
    for note in notes(compared) {
        text += &format!("  - {note}\n");
    }
    text += &style.paint(Tone::Faint, &method(compared));
    text + "\n"
}

/// The same as Markdown.
pub(crate) fn markdown(compared: &Compared) -> String {
    let whole = compared.verdict();
    let mut text = format!("**{}** {}\n\n", whole.word(), because(compared, whole));
    text += &format!("| {} |\n|---|--:|--:|--:|--:|--:|---|\n", HEADER.join(" | "));
    for difference in &compared.differences {
        text += &format!("| {} |\n", cells(difference).join(" | "));
    }
    text += "\n";
    for line in sides(compared).lines() {
        text += &format!("- {}\n", line.trim_end());
    }
    for note in notes(compared) {
        text += &format!("- {note}\n");
    }
    text + &format!("\n{}\n", method(compared))
}

pub(super) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Better => Tone::Good,
        Verdict::Worse => Tone::Bad,
        Verdict::Undecided(_) => Tone::Doubt,
        Verdict::Same | Verdict::Higher | Verdict::Lower => Tone::Heading,
    }
}

fn sides(compared: &Compared) -> String {
    let of = |side: &str, runs: &[StoredRun]| -> String {
        runs.iter()
            .enumerate()
            .map(|(index, run)| {
                let label = if index == 0 { side } else { " " };
                format!("{label}  {}\n", described(run))
            })
            .collect()
    };
    of("A", &compared.a) + &of("B", &compared.b)
}

/// A run in one line.
pub(super) fn described(run: &StoredRun) -> String {
    let summary = &run.summary;
    let mut words = vec![
        run.name(),
        format!("{} requests in {} s", count(summary.counts.scheduled), short(summary.window.measured)),
    ];
    if !summary.validity.valid {
        words.push(format!("INVALID: {}", summary.validity.reasons.join("; ")));
    }
    if summary.validity.overloaded {
        words.push("OVERLOADED".to_owned());
    }
    if summary.run.ended != "completed" {
        words.push(summary.run.ended.clone());
    }
    words.join(", ")
}

fn cells(difference: &Difference) -> Vec<String> {
    let figure = difference.figure;
    let shown = |value: Option<f64>| value_of(figure, value);
    let (change, interval) = match difference.change {
        Some(change) => (signed(figure, change.estimate), interval(figure, change)),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let p = difference.p_holm.map_or_else(|| "-".to_owned(), p_value);
    vec![
        name(figure),
        shown(difference.a),
        shown(difference.b),
        change,
        interval,
        p,
        difference.verdict.word().to_owned(),
    ]
}

/// A figure's name with its unit.
pub(super) fn name(figure: Figure) -> String {
    match figure.measure() {
        Measure::Seconds => format!("{figure}, ms"),
        Measure::PerSecond => format!("{figure}, /s"),
        Measure::Tokens | Measure::Requests | Measure::Share => figure.to_string(),
    }
}

/// A figure's value without its unit; shares in percent.
pub(super) fn value_of(figure: Figure, value: Option<f64>) -> String {
    match (figure.measure(), value) {
        (_, None) => "-".to_owned(),
        (Measure::Seconds, value) => ms(value),
        (Measure::Share, Some(share)) => percent(share),
        (_, Some(value)) => short(value),
    }
}

/// A figure's name and its value with its unit, for a sentence.
pub(super) fn phrase(figure: Figure, value: Option<f64>) -> String {
    let unit = match figure.measure() {
        Measure::Seconds => " ms",
        Measure::PerSecond => "/s",
        Measure::Tokens | Measure::Requests | Measure::Share => "",
    };
    let shown = value_of(figure, value);
    format!("{figure} {shown}{}", if value.is_some() { unit } else { "" })
}

/// A change with its sign, in percent or points.
pub(super) fn signed(figure: Figure, change: f64) -> String {
    let unit = if figure.measure() == Measure::Share { "pt" } else { "%" };
    format!("{} {unit}", number(change))
}

/// A change in hundredths, with its sign.
pub(super) fn number(change: f64) -> String {
    let rounded = format!("{:+.1}", change * 100.0);
    if rounded == "-0.0" { "+0.0".to_owned() } else { rounded }
}

pub(super) fn interval(figure: Figure, change: Change) -> String {
    format!("{} .. {}", number(change.low), signed(figure, change.high))
}

pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn because(compared: &Compared, whole: Verdict) -> String {
    let with = |wanted: &dyn Fn(Verdict) -> bool| {
        compared.differences.iter().filter(|one| wanted(one.verdict)).map(said).collect::<Vec<_>>().join(", ")
    };
    match whole {
        Verdict::Worse => with(&|verdict| verdict == Verdict::Worse),
        Verdict::Better => with(&|verdict| verdict == Verdict::Better),
        Verdict::Undecided(_) => "nothing is surely worse, but not all is decided".to_owned(),
        Verdict::Same | Verdict::Higher | Verdict::Lower => {
            "no metric differs by more than its threshold".to_owned()
        }
    }
}

fn said(difference: &Difference) -> String {
    let change = difference.change.map(|change| signed(difference.figure, change.estimate));
    format!("{} {}", difference.figure, change.unwrap_or_default())
}

/// Why metrics are open: those that are for one reason share a line.
pub(super) fn undecided(open: impl Iterator<Item = (String, impl Display)>) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for (why, metric) in open {
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, metrics)) => metrics.push(metric.to_string()),
            None => reasons.push((why, vec![metric.to_string()])),
        }
    }
    reasons.into_iter().map(|(why, metrics)| format!("UNDECIDED {}: {why}", metrics.join(", "))).collect()
}

/// What is open, and what the reader should know.
fn notes(compared: &Compared) -> Vec<String> {
    let open = compared.differences.iter().filter_map(|one| match one.verdict {
        Verdict::Undecided(why) => Some((what_decides(one, why), one.figure)),
        _ => None,
    });
    let mut notes = undecided(open);
    for one in compared.differences.iter().filter(|one| one.between_runs) {
        notes.push(format!(
            "{}: runs of one side differ by more than their windows explain, so runs are compared and not windows",
            one.figure
        ));
    }
    for (run, differing) in &compared.differing {
        notes.push(format!("{run} has {} {}, and {} on A", differing.key, differing.other, differing.first));
    }
    let simulated = |runs: &[StoredRun]| runs.iter().filter(|run| run.summary.run.simulated).count();
    let total = simulated(&compared.a) + simulated(&compared.b);
    if total > 0 && total < compared.a.len() + compared.b.len() {
        notes.push("some of these runs are in simulated time, others in real time".to_owned());
    }
    notes
}

/// What would decide a figure.
pub(super) fn what_decides(difference: &Difference, open: Open) -> String {
    match open {
        Open::NoValue => "a side has no value, or 0 where a ratio is asked for".to_owned(),
        Open::FewValues { have, need } => {
            format!("a side has {} values, and this percentile needs {}", count(have), count(need))
        }
        Open::FewWindows { have, need, seconds } => format!(
            "a side has {have} windows of {} s, and {need} are needed: measure for {} s or more",
            short(seconds),
            (need as f64 * seconds).ceil()
        ),
        Open::MoreSeconds(seconds) => {
            format!("about {} s more on each side would decide it", rounded_up(seconds))
        }
        Open::MoreRuns(runs) => format!("about {} more on each side would decide it", runs_in_words(runs)),
        Open::FinerSearch => "the ranges are too wide".to_owned(),
        Open::TooNear => match difference.change {
            Some(_) => {
                "the difference is so near its threshold that no run of sensible length decides it".to_owned()
            }
            None => {
                "all that it rests on came in a moment or two: runs many times as long are needed".to_owned()
            }
        },
    }
}

fn runs_in_words(runs: u64) -> String {
    if runs == 1 { "one run".to_owned() } else { format!("{runs} runs") }
}

/// Seconds as somebody would ask for them: two digits.
fn rounded_up(seconds: f64) -> String {
    let step = 10_f64.powf(seconds.max(1.0).log10().floor() - 1.0).max(1.0);
    count(((seconds / step).ceil() * step) as u64)
}

fn method(compared: &Compared) -> String {
    let (a, b, seconds) = compared.windows;
    let runs = compared.a.len().min(compared.b.len());
    let units = if runs >= 5 {
        format!("{} and {} runs", compared.a.len(), compared.b.len())
    } else {
        format!("{a} and {b} windows of {} s", short(seconds))
    };
    let (share, other) = compared.differences.iter().fold((None, None), |(share, other), one| {
        if one.figure.measure() == Measure::Share {
            (Some(one.threshold), other)
        } else {
            (share, other.or(Some(one.threshold)))
        }
    });
    let in_percent = |share: f64| (share * 1e5).round() / 1e3;
    let mut thresholds: Vec<String> =
        other.map(|other| format!("{} %", in_percent(other))).into_iter().collect();
    thresholds.extend(share.map(|share| format!("{} pt of error_rate", in_percent(share))));
    let own =
        if runs == 1 { "; one run a side: what differs from run to run is not in the intervals" } else { "" };
    format!("{units}; noise up to {}; p by Holm's method{own}", thresholds.join(", "))
}
