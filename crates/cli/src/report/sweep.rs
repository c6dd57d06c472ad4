//! A sweep as text: what goes on, all cells in a table, and pictures of one or two axes.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::compare::{Better, Figure, RateFigure};
use plimsoll_core::slo::{SloVerdict, Stat, Verdict};
use plimsoll_core::stats::median;
use plimsoll_core::summary::Summary;

use super::compare::{name, phrase, value_of};
use super::numbers::short;
use super::objectives;
use super::plan::duration;
use super::server::fullest;
use super::style::{Style, Tone, lines};
use crate::cmd::sweep::book::Book;
use crate::cmd::sweep::stored::Status;

/// What is about to be done.
pub(crate) fn opening(book: &Book, cells: usize, done: usize) -> String {
    let folder = book.folder.path().display();
    let skipped = if done > 0 { format!(", {done} of them done") } else { String::new() };
    format!("sweep over {}: {cells} cells{skipped}, results in {folder}", book.stored.axes.join(", "))
}

/// A time that is left.
pub(crate) fn clock(time: Duration) -> String {
    duration(Duration::from_secs(time.as_secs()))
}

/// What came of a cell, in one line.
pub(crate) fn outcome(status: Status, error: Option<&str>, summary: Option<&Summary>) -> String {
    let mut words = vec![status.word().to_owned()];
    if let Some(summary) = summary.filter(|summary| summary.counts.ok > 0) {
        for figure in usual(summary).into_iter().chain([Figure::ErrorRate]) {
            words.push(phrase(figure, figure.of_summary(summary)));
        }
        words.extend((!summary.validity.valid).then(|| "INVALID".to_owned()));
        words.extend(summary.validity.overloaded.then(|| "OVERLOADED".to_owned()));
        words.extend(summary.verdict().map(|verdict| objectives(verdict, summary)));
    }
    words.extend(error.map(str::to_owned));
    format!("  {}", words.join(", "))
}

/// What the server delivers, and its tail.
pub(super) fn usual(summary: &Summary) -> Vec<Figure> {
    let has = |name: &&str| summary.metrics.contains_key(*name);
    let rate = if has(&"tpot") { RateFigure::OutputTokens } else { RateFigure::Completed };
    let tail = ["ttft", "latency"].into_iter().find(has).unwrap_or("latency");
    vec![Figure::Rate(rate), Figure::Of(tail, Stat::Percentile(99.0))]
}

/// The whole report. `draw` are the metrics to draw; without any the usual ones.
pub(crate) fn report(book: &Book, draw: &[Figure], style: Style) -> String {
    let measured: Vec<&Summary> = book.summaries.iter().flatten().collect();
    let usual = measured.first().map(|summary| usual(summary)).unwrap_or_default();
    let drawn = if draw.is_empty() { &usual[..] } else { draw };
    let mut text = table(book, drawn, style);
    for &figure in drawn {
        let picture = match book.stored.axes.len() {
            1 => curve(book, figure, style),
            2 => heat_map(book, figure, style),
            _ => None,
        };
        if let Some(picture) = picture {
            text += &format!("\n{}\n{picture}", style.paint(Tone::Heading, &name(figure)));
        }
    }
    text + &format!("\nResults  {}\n", book.folder.path().display())
}

fn table(book: &Book, drawn: &[Figure], style: Style) -> String {
    let mut table = Table::new();
    let repeats = book.stored.cells.iter().any(|cell| cell.repeat > 1);
    let mut header: Vec<String> = vec!["cell".to_owned()];
    header.extend(book.stored.axes.iter().cloned());
    header.extend(repeats.then(|| "repeat".to_owned()));
    let first_number = header.len();
    header.extend(drawn.iter().map(|&figure| name(figure)));
    let judged = book.summaries.iter().flatten().any(|summary| summary.verdict().is_some());
    header.push("error_rate".to_owned());
    header.extend(judged.then(|| "goodput, /s".to_owned()));
    header.extend(judged.then(|| ["objectives".to_owned(), "binding".to_owned()]).into_iter().flatten());
    let watched = book.summaries.iter().flatten().any(|summary| summary.server.is_some());
    header.extend(watched.then(|| "server".to_owned()));
    header.push("status".to_owned());
    table.load_style(presets::NOTHING).set_header(header);
    for (cell, summary) in book.stored.cells.iter().zip(&book.summaries) {
        let mut row = vec![cell.number.to_string()];
        row.extend(cell.values.iter().cloned());
        row.extend(repeats.then(|| cell.repeat.to_string()));
        for figure in drawn.iter().copied().chain([Figure::ErrorRate]) {
            row.push(value_of(figure, summary.as_ref().and_then(|summary| figure.of_summary(summary))));
        }
        if judged {
            let summary = summary.as_ref();
            let goodput = summary.and_then(|summary| summary.goodput.as_ref());
            row.push(goodput.map_or_else(String::new, |goodput| short(goodput.goodput)));
            let verdict = summary.and_then(|summary| Some((summary.verdict()?, summary)));
            row.push(verdict.map_or_else(String::new, |(verdict, summary)| {
                style.paint(objectives::tone(verdict), &kept(verdict, summary))
            }));
            row.push(summary.and_then(Summary::binding).map_or_else(String::new, binding));
        }
        row.extend(watched.then(|| server(summary.as_ref())));
        row.push(status(cell.status, summary.as_ref(), cell.error.as_deref(), style));
        table.add_row(row);
    }
    let numbers = drawn.len() + 1 + usize::from(judged);
    for column in table.column_iter_mut().skip(first_number).take(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

/// `PASS`, `UNDECIDED`, or `FAIL` with what was missed.
fn objectives(verdict: Verdict, summary: &Summary) -> String {
    let missed = summary.slos.iter().filter(|found| found.verdict == Verdict::Fail);
    let missed: Vec<String> = missed.map(|found| found.slo.to_string()).collect();
    match verdict {
        Verdict::Fail if !missed.is_empty() => format!("{} {}", verdict.name(), missed.join(", ")),
        _ => verdict.name().to_owned(),
    }
}

/// `PASS`, `UNDECIDED` or `FAIL`, with how many where some are met.
pub(super) fn kept(verdict: Verdict, summary: &Summary) -> String {
    let all = summary.slos.len();
    let missed = summary.slos.iter().filter(|found| found.verdict == Verdict::Fail).count();
    match verdict {
        Verdict::Fail if missed > 0 && all > 1 => format!("{} {missed} of {all}", verdict.name()),
        _ => verdict.name().to_owned(),
    }
}

/// An objective with the figure that it is about: `ttft.p90<100ms: 97.1 ms`.
pub(super) fn binding(found: &SloVerdict) -> String {
    let figure = objectives::figure(found);
    if figure.is_empty() { found.slo.to_string() } else { format!("{}: {figure}", found.slo) }
}

/// How full the resources of the server were in a cell.
pub(super) fn server(summary: Option<&Summary>) -> String {
    let server = summary.and_then(|summary| summary.server.as_ref());
    fullest(server.map(|server| &server.saturation).into_iter()).unwrap_or_default()
}

fn status(status: Status, summary: Option<&Summary>, error: Option<&str>, style: Style) -> String {
    let doubts = summary.map(|summary| {
        let invalid = (!summary.validity.valid).then_some("INVALID");
        let overloaded = summary.validity.overloaded.then_some("OVERLOADED");
        invalid.into_iter().chain(overloaded).collect::<Vec<_>>().join(" ")
    });
    let doubts = doubts.filter(|doubts| !doubts.is_empty());
    match (status, error) {
        (Status::Done, _) => {
            doubts.map_or_else(|| "done".to_owned(), |doubts| style.paint(Tone::Doubt, &doubts))
        }
        (Status::Failed, Some(error)) => format!("{}: {}", style.paint(Tone::Bad, "failed"), brief(error)),
        (other, _) => other.word().to_owned(),
    }
}

/// The beginning of an error: the table is no place for all of it, and sweep.csv has it.
fn brief(error: &str) -> String {
    const LETTERS: usize = 60;
    let line = error.lines().next().unwrap_or_default();
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The median over the repetitions of the cells that have these values.
pub(super) fn value_at(book: &Book, figure: Figure, values: &[&str]) -> Option<f64> {
    let cells = book.stored.cells.iter().zip(&book.summaries);
    let here = cells.filter(|(cell, _)| cell.values.iter().map(String::as_str).eq(values.iter().copied()));
    let found: Vec<f64> = here.filter_map(|(_, summary)| figure.of_summary(summary.as_ref()?)).collect();
    median(&found)
}

/// The values of an axis, in the order of the matrix.
pub(super) fn values_of(book: &Book, axis: usize) -> Vec<&str> {
    let mut values: Vec<&str> = Vec::new();
    for cell in &book.stored.cells {
        let value = cell.values[axis].as_str();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// The least and the greatest value of a picture.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// One axis: a bar for each value, from zero.
fn curve(book: &Book, figure: Figure, style: Style) -> Option<String> {
    let values = values_of(book, 0);
    let points: Vec<Option<f64>> = values.iter().map(|value| value_at(book, figure, &[value])).collect();
    let (_, high) = range(points.iter().flatten().copied())?;
    let label =
        values.iter().map(|value| value.chars().count()).max()?.max(book.stored.axes[0].chars().count());
    let room = usize::from(style.width).saturating_sub(label + 14).max(10);
    let mut text = format!("  {:>label$}\n", book.stored.axes[0]);
    for (value, point) in values.iter().zip(points) {
        let length = point.filter(|_| high > 0.0).map_or(0.0, |point| point / high * room as f64);
        text += &format!("  {value:>label$}  {} {}\n", bar(length), value_of(figure, point));
    }
    Some(text)
}

/// A bar in eighths of a letter.
fn bar(length: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (length.max(0.0) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// Two axes: the first downwards, the second across, in as many blocks as the width asks for. Shades go from the best
/// value to the worst; of what is neither from the least to the greatest.
fn heat_map(book: &Book, figure: Figure, style: Style) -> Option<String> {
    let (rows, columns) = (values_of(book, 0), values_of(book, 1));
    let at = |row: &str, column: &str| value_at(book, figure, &[row, column]);
    let (low, high) =
        range(rows.iter().flat_map(|row| columns.iter().filter_map(move |column| at(row, column))))?;
    let shade = |value: f64| {
        let place = if high > low { (value - low) / (high - low) } else { 0.0 };
        let place = if figure.better() == Better::Higher { 1.0 - place } else { place };
        (place * 3.999) as usize
    };
    let shown = |row: &str, column: &str| match at(row, column) {
        Some(value) => (value_of(figure, Some(value)), Some(shade(value))),
        None => ("-".to_owned(), None),
    };
    let label = rows.iter().map(|row| row.chars().count()).max()?.max(book.stored.axes[0].chars().count());
    let cells = rows.iter().flat_map(|row| columns.iter().map(move |column| shown(row, column).0));
    let width = cells
        .map(|cell| cell.chars().count())
        .max()?
        .max(columns.iter().map(|one| one.chars().count()).max()?)
        + 2;
    let across = (usize::from(style.width).saturating_sub(label + 4) / (width + 1)).max(1);
    let mut text = String::new();
    for block in columns.chunks(across) {
        text += &format!("  {:>label$}  {}\n", "", book.stored.axes[1]);
        let heads: String = block.iter().map(|column| format!(" {column:>width$}")).collect();
        text += format!("  {:>label$} {heads}", book.stored.axes[0]).trim_end();
        text += "\n";
        for row in &rows {
            text += &format!("  {row:>label$} ");
            for column in block {
                let (cell, shade) = shown(row, column);
                text += &format!(" {}", shaded(&format!("{cell:>width$}"), shade, style));
            }
            text += "\n";
        }
    }
    Some(text)
}

/// A cell with its shade: a colour behind it, or without colours a mark in front of it.
fn shaded(cell: &str, shade: Option<usize>, style: Style) -> String {
    const MARKS: [&str; 4] = [" ", "░", "▒", "▓"];
    // Green, yellow, orange and red of the 256 colours, under black.
    const COLOURS: [u8; 4] = [114, 186, 215, 203];
    let Some(shade) = shade.map(|shade| shade.min(3)) else { return cell.to_owned() };
    if style.color {
        return format!("\x1b[30;48;5;{}m{cell}\x1b[0m", COLOURS[shade]);
    }
    let rest = cell.trim_start();
    let blanks = cell.chars().count() - rest.chars().count();
    format!("{}{}{rest}", " ".repeat(blanks.saturating_sub(1)), MARKS[shade])
}
