//! The page of cold starts: how late a server is that starts now, and how slow at first.

use plimsoll_core::cold_start::{Attempt, ColdStartReport, WarmUp};

use super::{
    Axis, Block, Cell, Chart, Figure, Hue, Line, Mark, Page, Scale, Section, Table, Tone, Verdict, tables,
};
use crate::report::coldstart as words;
use crate::report::numbers::short;

/// The page of cold starts of the server at `target`.
pub(crate) fn cold_start(report: &ColdStartReport, target: &str, folder: &str) -> Page {
    let sections = [moments(report), warm_up(report), attempts(report)];
    Page {
        kind: "coldstart",
        title: format!("Cold start of {target}"),
        lead: vec![format!("{} starts; results {folder}", report.attempts.len())],
        verdicts: verdicts(report),
        figures: figures(report),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn verdicts(report: &ColdStartReport) -> Vec<Verdict> {
    let failed = report.attempts.iter().filter(|attempt| attempt.error.is_some()).count();
    let (word, tone) = if failed == 0 { ("STARTED", Tone::Good) } else { ("FAILED", Tone::Bad) };
    let text =
        format!("{} of {} starts came to an answer", report.attempts.len() - failed, report.attempts.len());
    vec![Verdict { details: report.findings.clone(), ..Verdict::new(word, tone, text) }]
}

fn figures(report: &ColdStartReport) -> Vec<Figure> {
    let moments =
        [("port open", report.port), ("ready", report.ready), ("first answer", report.first_success)];
    let mut figures: Vec<Figure> = moments
        .into_iter()
        .filter_map(|(name, moment)| {
            let moment = moment?;
            let note = format!("{} to {} s", short(moment.min), short(moment.max));
            Some(Figure::new(name, format!("{} s", short(moment.median)), note))
        })
        .collect();
    figures.extend(report.warm_up.as_ref().map(|warm_up| {
        let note = format!("{} s more, together", short(warm_up.extra));
        Figure::new("slow requests", warm_up.slow_requests.to_string(), note)
    }));
    figures
}

fn moments(report: &ColdStartReport) -> Option<Section> {
    let mut table = Table::new("Seconds from the start", &words::MOMENTS).main();
    for (name, moment) in
        [("port", report.port), ("ready", report.ready), ("first answer", report.first_success)]
    {
        let Some(moment) = moment else { continue };
        let mut cells = words::row(name, &moment).map(Cell::text);
        (cells[1].value, cells[2].value) = (Some(moment.n as f64), Some(moment.median));
        (cells[4].value, cells[5].value) = (Some(moment.min), Some(moment.max));
        table.rows.push(cells.into());
    }
    table.columns.iter_mut().skip(1).for_each(|column| column.numeric = true);
    let blocks = if table.rows.is_empty() { Vec::new() } else { vec![Block::Table(table)] };
    Section::of("moments", "Until it answers", blocks)
}

/// The first requests beside warm ones.
fn warm_up(report: &ColdStartReport) -> Option<Section> {
    let WarmUp { warm, positions, .. } = report.warm_up.as_ref()?;
    let chart = Chart {
        id: "first-requests".to_owned(),
        title: "The first requests".to_owned(),
        says: "Median latency of the first, second, third … request after a start, beside that of warm requests.".to_owned(),
        x: Axis::new("request after the start", Scale::Linear),
        y: Axis::new("ms", Scale::Linear),
        xs: positions.iter().map(|position| position.position as f64).collect(),
        lines: vec![Line::new(
            "median",
            Hue::Blue,
            positions.iter().map(|position| Some(position.median * 1e3)).collect(),
        )],
        marks: vec![Mark::level("warm", warm * 1e3, Tone::Good)],
        main: true,
        wide: true,
        ..Chart::default()
    };
    let mut table = Table::new("The first requests", &["request#", "median ms#", "times warm#", "p#"]);
    for position in positions {
        table.rows.push(vec![
            Cell::count(position.position),
            tables::milliseconds(Some(position.median)),
            Cell::number(Some(position.ratio), short),
            Cell::number(position.p_value, short),
        ]);
    }
    Section::of("first-requests", "How slow it is at first", vec![Block::chart(chart), Block::Table(table)])
}

fn attempts(report: &ColdStartReport) -> Option<Section> {
    let columns = ["start#", "port s#", "ready s#", "first answer s#", "failed before#", "error"];
    let mut table = Table::new("Each start", &columns);
    for (index, attempt) in report.attempts.iter().enumerate() {
        let Attempt { port, ready, first_success, failed_before, error, .. } = attempt;
        let [port, ready, first] = [port, ready, first_success].map(|seconds| Cell::number(*seconds, short));
        let error = Cell::word(error.clone().unwrap_or_default(), Tone::Bad);
        table.rows.push(vec![
            Cell::count(index as u64 + 1),
            port,
            ready,
            first,
            Cell::count(*failed_before),
            error,
        ]);
    }
    Section::of("starts", "Starts", vec![Block::Table(table)])
}
