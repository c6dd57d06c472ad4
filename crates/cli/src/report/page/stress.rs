//! The page of a stress test: its verdict, the steps, and the run beneath.

use plimsoll_core::stress::{StepKind, StepResult, StressReport};

use super::over_time::TimeUnit;
use super::run::{beneath, figures, lead, unit_of, validity};
use super::{
    Axis, Block, Cell, Chart, Figure, Hue, Line, Mark, Material, Page, Scale, Section, Table, Tone, Verdict,
};
use crate::report::numbers::{percent, short};
use crate::report::stress as words;

/// The page of a stress test.
pub(crate) fn stress(report: &StressReport, run: &Material) -> Page {
    let mut under: Vec<Section> = beneath(run);
    let start = run.summary.window.ramp + run.summary.window.warmup;
    for chart in under.iter_mut().flat_map(|section| &mut section.blocks) {
        if let Block::Chart(chart) = chart
            && chart.group == "time"
        {
            chart.marks = stretches(report, start, unit_of(&run.summary))
                .into_iter()
                .chain(chart.marks.drain(..))
                .collect();
        }
    }
    let mut sections = vec![steps(report)];
    sections.append(&mut under);
    Page {
        kind: "stress",
        title: format!("{}: stress at a capacity of {}/s", run.summary.run.name, short(report.capacity)),
        lead: lead(run),
        verdicts: verdicts(report, run),
        figures: headline(report).into_iter().chain(figures(&run.summary)).collect(),
        sections,
    }
}

fn verdicts(report: &StressReport, run: &Material) -> Vec<Verdict> {
    let (word, tone) = words::word(report.verdict);
    let verdict = Verdict { details: report.reasons.clone(), ..Verdict::new(word, tone.into(), "") };
    vec![verdict, validity(&run.summary)]
}

fn headline(report: &StressReport) -> Vec<Figure> {
    let kept = Figure::new(
        "goodput kept",
        percent(report.kept.min(1.0)),
        "the least beyond the capacity".to_owned(),
    );
    let back = match report.recovery.after {
        Some(after) => Figure::new(
            "itself again after",
            format!("{} s", short(after)),
            "of the drop of the load".to_owned(),
        ),
        None => Figure::new(
            "itself again",
            "not seen".to_owned(),
            format!("in {} s", short(report.recovery.watched)),
        ),
    };
    vec![kept, back]
}

fn steps(report: &StressReport) -> Section {
    let mut table = Table::new("Requests of each step by what became of them", &words::COLUMNS).main();
    for step in &report.steps {
        let mut cells = words::row(step).map(Cell::text);
        let values = [step.multiple, step.rate, step.goodput, step.kept];
        cells[1..].iter_mut().zip(values).for_each(|(cell, value)| cell.value = Some(value));
        (cells[5].value, cells[6].value) = (step.response_time.p50, step.response_time.p99);
        let intervals = words::intervals(step);
        for place in words::PERCENTILES.into_iter().filter(|&place| !intervals[place].is_empty()) {
            cells[place].note = format!("95 % interval {} ms", intervals[place]);
        }
        table.rows.push(cells.into());
    }
    table.columns.iter_mut().skip(1).for_each(|column| column.numeric = true);
    let mut blocks = vec![Block::chart(goodput(report)), Block::Table(table)];
    if !report.outages.is_empty() {
        let said = report.outages.iter().map(|outage| {
            let end = outage.end.map_or_else(|| "the end".to_owned(), |end| format!("{} s", short(end)));
            format!(
                "Gone from {} s to {end}: {} requests found it gone.",
                short(outage.start),
                outage.requests
            )
        });
        blocks.push(Block::List { items: said.collect() });
    }
    Section { id: "steps", title: "Steps", blocks }
}

/// What was asked and what came in time, step by step.
fn goodput(report: &StressReport) -> Chart {
    let unit = TimeUnit::of(report.steps.last().map_or(0.0, |step| step.start + step.length));
    // Both ends of a step, so that it is drawn as one.
    let ends = |of: fn(&StepResult) -> f64| {
        report.steps.iter().flat_map(move |step| [Some(of(step)); 2]).collect::<Vec<_>>()
    };
    let edges = |step: &StepResult| [step.start, step.start + step.length - 1e-3].map(|at| at / unit.seconds);
    Chart {
        id: "goodput".to_owned(),
        title: "Goodput".to_owned(),
        says: "Requests per second that were due, and that were answered in time, step by step.".to_owned(),
        x: Axis::new(format!("{} since the start of the load", unit.name), Scale::Linear),
        y: Axis::new("requests/s", Scale::Linear),
        xs: report.steps.iter().flat_map(edges).collect(),
        lines: vec![
            Line::new("due", Hue::Grey, ends(|step| step.rate)),
            Line::new("in time", Hue::Green, ends(|step| step.goodput)),
            Line::new("refused", Hue::Orange, ends(|step| step.shed as f64 / step.length)),
            Line::new("failed otherwise", Hue::Red, ends(failed)),
        ],
        marks: vec![Mark::level("capacity", report.capacity, Tone::Doubt)],
        main: true,
        wide: true,
        ..Chart::default()
    }
}

fn failed(step: &StepResult) -> f64 {
    (step.timed_out + step.unconnected + step.broken + step.errors + step.wrong) as f64 / step.length
}

/// The overload and the outages, over the time of the run whose load began at `start`.
fn stretches(report: &StressReport, start: f64, unit: TimeUnit) -> Vec<Mark> {
    let stretch = |label: &str, from: f64, to: f64, tone| {
        Mark::upright(label, (start + from) / unit.seconds, tone).until((start + to) / unit.seconds)
    };
    let overload = report.steps.iter().filter(|step| step.kind == StepKind::Overload);
    let mut marks: Vec<Mark> = overload
        .map(|step| {
            stretch(&format!("{}x", short(step.multiple)), step.start, step.start + step.length, Tone::Doubt)
        })
        .collect();
    let last = report.steps.last().map_or(0.0, |step| step.start + step.length);
    let gone = report.outages.iter();
    marks.extend(gone.map(|outage| stretch("gone", outage.start, outage.end.unwrap_or(last), Tone::Bad)));
    marks
}
