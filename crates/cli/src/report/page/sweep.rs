//! The page of a sweep: all cells, and how figures go with the settings.

use plimsoll_core::compare::{Better, Figure, Measure};
use plimsoll_core::summary::Summary;

use super::{
    Axis, Block, Cell, Chart, Hue, Line, Page, Scale, Section, Setting, Table, Tone, Verdict, run, tables,
};
use crate::cmd::sweep::book::Book;
use crate::cmd::sweep::stored::Status;
use crate::report::compare::{name, value_of};
use crate::report::numbers::short;
use crate::report::sweep::{binding, kept, range, server, usual, value_at, values_of};

/// The page of a sweep whose folder is called `folder`.
pub(crate) fn sweep(book: &Book, settings: &[Setting], folder: &str) -> Page {
    let measured: Vec<&Summary> = book.summaries.iter().flatten().collect();
    let drawn = measured.first().map(|summary| usual(summary)).unwrap_or_default();
    let sections = [pictures(book, &drawn), cells(book, &drawn), run::settings(settings)];
    let first = measured.first().map(|summary| &summary.run);
    Page {
        kind: "sweep",
        title: format!("Sweep over {}", book.stored.axes.join(", ")),
        lead: first
            .map(|run| format!("{} ({}); {}; plimsoll {}", run.target, run.server(), run.api, run.tool))
            .into_iter()
            .chain([format!(
                "{} cells; seed {}; results {folder}",
                book.stored.cells.len(),
                book.stored.seed
            )])
            .collect(),
        verdicts: verdicts(book),
        figures: Vec::new(),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn verdicts(book: &Book) -> Vec<Verdict> {
    let cells = &book.stored.cells;
    let with = |wanted: Status| cells.iter().filter(|cell| cell.status == wanted).count();
    let (done, failed) = (with(Status::Done), with(Status::Failed));
    let tone = if done == cells.len() { Tone::Good } else { Tone::Doubt };
    let mut found =
        vec![Verdict::new("MEASURED", tone, format!("{done} of {} cells, {failed} failed", cells.len()))];
    let doubted =
        |wanted: fn(&Summary) -> bool| book.summaries.iter().flatten().filter(|one| wanted(one)).count();
    let (invalid, overloaded) =
        (doubted(|summary| !summary.validity.valid), doubted(|summary| summary.validity.overloaded));
    if invalid > 0 {
        let text = format!("{invalid} cells say more of the client than of the server");
        found.push(Verdict::new("INVALID", Tone::Bad, text));
    }
    if overloaded > 0 {
        found.push(Verdict::new(
            "OVERLOADED",
            Tone::Doubt,
            format!("the backlog grew in {overloaded} cells"),
        ));
    }
    found
}

fn pictures(book: &Book, drawn: &[Figure]) -> Option<Section> {
    let blocks = drawn.iter().flat_map(|&figure| match book.stored.axes.len() {
        1 => curves(book, figure, &[]).map(Block::chart).into_iter().collect(),
        2 => {
            let rows = values_of(book, 0);
            let map = heat_map(book, figure).map(Block::Table);
            map.into_iter().chain(curves(book, figure, &rows).map(Block::chart)).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    });
    Section::of("pictures", "Figures by setting", blocks.collect())
}

/// A line over the last axis for each of `rows`, which are values of the first; or one line, where there is one axis.
/// Nothing where the last axis has no numbers.
fn curves(book: &Book, figure: Figure, rows: &[&str]) -> Option<Chart> {
    let axis = book.stored.axes.len() - 1;
    let mut places: Vec<(f64, &str)> = Vec::new();
    for value in values_of(book, axis) {
        places.push((value.parse().ok().filter(|place: &f64| place.is_finite())?, value));
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    if places.len() < 2 {
        return None;
    }
    let factor = factor(figure);
    let along = |before: &[&str]| {
        let at = |(_, value): &(f64, &str)| {
            let values: Vec<&str> = before.iter().copied().chain([*value]).collect();
            Some(value_at(book, figure, &values)? * factor)
        };
        places.iter().map(at).collect::<Vec<_>>()
    };
    let lines: Vec<Line> = if rows.is_empty() {
        vec![Line::new(figure.to_string(), Hue::Blue, along(&[]))]
    } else {
        let hues = Hue::FREE.iter().cycle();
        let label = |row: &str| format!("{} {row}", book.stored.axes[0]);
        rows.iter().zip(hues).map(|(row, hue)| Line::new(label(row), *hue, along(&[row]))).collect()
    };
    Some(Chart {
        id: figure.to_string().replace('.', "-"),
        title: name(figure),
        says: format!("{figure} against {}.", book.stored.axes[axis]),
        x: Axis::new(&book.stored.axes[axis], Scale::Linear),
        y: Axis::new(name(figure), Scale::Linear),
        xs: places.iter().map(|(place, _)| *place).collect(),
        lines,
        group: "sweep",
        main: true,
        ..Chart::default()
    })
}

/// What turns a figure into the unit that its name says.
fn factor(figure: Figure) -> f64 {
    match figure.measure() {
        Measure::Seconds => 1e3,
        Measure::Share => 100.0,
        Measure::PerSecond | Measure::Tokens | Measure::Requests => 1.0,
    }
}

/// How far from the best of `range` (0) to its worst (1) a value lies; of what is neither, from the least to the greatest.
fn shade(figure: Figure, value: f64, (low, high): (f64, f64)) -> f64 {
    let place = if high > low { (value - low) / (high - low) } else { 0.0 };
    if figure.better() == Better::Higher { 1.0 - place } else { place }
}

fn heat_map(book: &Book, figure: Figure) -> Option<Table> {
    let (rows, columns) = (values_of(book, 0), values_of(book, 1));
    let at = |row: &str, column: &str| value_at(book, figure, &[row, column]);
    let all = rows.iter().flat_map(|row| columns.iter().filter_map(move |column| at(row, column)));
    let range = range(all)?;
    let caption = format!(
        "{}: {} downwards, {} across; the stronger the colour, the {}",
        name(figure),
        book.stored.axes[0],
        book.stored.axes[1],
        if figure.better() == Better::Neither { "more" } else { "worse" },
    );
    let head = format!("{} \\ {}", book.stored.axes[0], book.stored.axes[1]);
    let names: Vec<String> =
        [head].into_iter().chain(columns.iter().map(|column| format!("{column}#"))).collect();
    let mut table = Table::new(&caption, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        let cells = columns.iter().map(|column| {
            let value = at(row, column);
            let cell = Cell::number(value, |value| value_of(figure, Some(value)));
            Cell { shade: value.map(|value| shade(figure, value, range)), ..cell }
        });
        table.rows.push([Cell::text(row)].into_iter().chain(cells).collect());
    }
    Some(Table { narrow: true, ..table })
}

fn cells(book: &Book, drawn: &[Figure]) -> Option<Section> {
    let mut names: Vec<String> = vec!["cell#".to_owned()];
    names.extend(book.stored.axes.iter().cloned());
    names.push("repeat#".to_owned());
    let shown: Vec<Figure> = drawn.iter().copied().chain([Figure::ErrorRate]).collect();
    names.extend(shown.iter().map(|&figure| format!("{}#", name(figure))));
    let judged = book.summaries.iter().flatten().any(|summary| summary.verdict().is_some());
    if judged {
        names.extend(["goodput, /s#", "objectives", "binding"].map(str::to_owned));
    }
    let watched = book.summaries.iter().flatten().any(|summary| summary.server.is_some());
    names.extend(watched.then(|| "server".to_owned()));
    names.extend(["status".to_owned(), "folder".to_owned()]);
    let mut table = Table::new("All cells", &names.iter().map(String::as_str).collect::<Vec<_>>()).main();
    for (cell, summary) in book.stored.cells.iter().zip(&book.summaries) {
        let mut row = vec![Cell::count(cell.number as u64)];
        row.extend(cell.values.iter().map(|value| Cell { value: value.parse().ok(), ..Cell::text(value) }));
        row.push(Cell::count(u64::from(cell.repeat)));
        row.extend(shown.iter().map(|&figure| {
            let value = summary.as_ref().and_then(|summary| figure.of_summary(summary));
            Cell::number(value, |value| value_of(figure, Some(value)))
        }));
        if judged {
            row.extend(objectives(summary.as_ref()));
        }
        row.extend(watched.then(|| Cell::text(server(summary.as_ref()))));
        row.push(status(cell.status, summary.as_ref()).with_note(cell.error.clone().unwrap_or_default()));
        row.push(Cell::text(cell.folder.clone().unwrap_or_default()));
        table.rows.push(row);
    }
    Section::of("cells", "Cells", vec![Block::Table(table)])
}

/// Goodput, verdict and the objective that binds of a cell.
fn objectives(summary: Option<&Summary>) -> [Cell; 3] {
    let goodput = summary.and_then(|summary| Some(summary.goodput.as_ref()?.goodput));
    let verdict = summary.and_then(|summary| Some((summary.verdict()?, summary)));
    let bound = summary.and_then(Summary::binding).map(binding);
    [
        Cell::number(goodput, short),
        verdict.map_or_else(
            || Cell::text(""),
            |(verdict, summary)| Cell::word(kept(verdict, summary), tables::tone(verdict)),
        ),
        Cell::text(bound.unwrap_or_default()),
    ]
}

fn status(status: Status, summary: Option<&Summary>) -> Cell {
    let tone = match status {
        Status::Done => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Waiting | Status::Interrupted => Tone::Doubt,
    };
    match summary {
        Some(summary) if !summary.validity.valid => Cell::word("INVALID", Tone::Bad),
        Some(summary) if summary.validity.overloaded => Cell::word("OVERLOADED", Tone::Doubt),
        _ => Cell::word(status.word(), tone),
    }
}
