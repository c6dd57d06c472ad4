//! What the accelerators did, by a timeline of Nsight Systems beside the run.

use super::over_time::Seconds;
use super::run::seconds;
use super::{Axis, Block, Cell, Chart, Hue, Line, Material, Page, Scale, Section, Table, Tone, Verdict};
use crate::report::numbers::{bytes, ms, percent, short};
use crate::timeline::{Activity, Part, TimelineReport};

/// Puts the section before that of this client's own health, and the gist among the verdicts.
pub(crate) fn add(page: &mut Page, timeline: &TimelineReport, run: &Material) {
    page.verdicts.extend(verdict(timeline));
    let place = page.sections.iter().position(|section| section.id == "client");
    page.sections.insert(place.unwrap_or(page.sections.len()), section(timeline, run));
}

fn verdict(timeline: &TimelineReport) -> Option<Verdict> {
    let parts: Vec<&Part> = timeline.parts.iter().filter(|part| part.name == timeline.of).collect();
    let least = parts.iter().map(|part| part.busy).reduce(f64::min)?;
    let most = parts.iter().map(|part| part.busy).reduce(f64::max)?;
    let busy = match parts.as_slice() {
        [_] => format!("GPU busy {}", percent(most)),
        several => format!("{} GPUs busy {} to {}", several.len(), percent(least), percent(most)),
    };
    let of = if timeline.of == "all" {
        "of what was traced"
    } else {
        "of the measured window, as far as it was traced"
    };
    let all: f64 = timeline.kernels.iter().map(|kernel| kernel.seconds).sum();
    let first = timeline.kernels.first().filter(|_| all > 0.0).map_or_else(String::new, |kernel| {
        format!("; {} of the kernels' time in {}", percent(kernel.seconds / all), kernel.name)
    });
    Some(Verdict::new("timeline", Tone::Plain, format!("{busy} {of}{first}")))
}

/// The section of a timeline.
pub(crate) fn section(timeline: &TimelineReport, run: &Material) -> Section {
    let mut blocks = vec![Block::text(lead(timeline, run))];
    let chart = seconds(run).filter(|_| timeline.joined).and_then(|seconds| chart(timeline, &seconds));
    blocks.extend(chart.map(Block::chart));
    blocks.push(Block::Table(busy(timeline)));
    for table in [kernels(timeline), copies(timeline)] {
        blocks.extend((!table.rows.is_empty()).then_some(Block::Table(table)));
    }
    Section { id: "timeline", title: "GPU timeline (Nsight Systems)", blocks }
}

/// What the timeline is of, and how far it can be laid beside the run.
fn lead(timeline: &TimelineReport, run: &Material) -> String {
    let file = &timeline.file;
    let length = short(timeline.until - timeline.from);
    if !timeline.joined {
        return format!(
            "{file} has {length} s, and does not say when: all figures are of the whole timeline, and whether that was \
             during this run only you know."
        );
    }
    let (from, until) = (short(timeline.from), short(timeline.until));
    let window = &run.summary.window;
    let whole = window.ramp + window.warmup + window.measured + window.drain;
    if timeline.until <= 0.0 || timeline.from >= whole {
        let when = if timeline.from < 0.0 { "before this run began" } else { "after this run had begun" };
        return format!(
            "{file} has {length} s, but not of this run: by the clocks of the two machines it began {} s {when}, which took \
             {} s. All figures are of the whole timeline.",
            short(timeline.from.abs()),
            short(whole)
        );
    }
    format!(
        "{file}: {length} s, by the clocks of the two machines from {from} s to {until} s after the start of the run."
    )
}

/// The share of each place of the axis in which each accelerator was busy.
fn chart(timeline: &TimelineReport, seconds: &Seconds<'_>) -> Option<Chart> {
    let lines = timeline.gpus().zip(Hue::FREE).map(|(gpu, hue)| {
        let busy = seconds.spans().map(|(from, until)| Some(timeline.busy(gpu, from, until)? * 100.0));
        let values: Vec<Option<f64>> = busy.collect();
        values.iter().any(Option::is_some).then(|| Line::new(format!("GPU {gpu}"), hue, values))
    });
    let says = "The share of each second in which anything ran on each accelerator, where all of that second was traced.";
    let chart = seconds.chart("gpu-busy", "GPU busy (timeline)", says, "%", lines.collect())?;
    Some(Chart { y: Axis::new("%", Scale::Linear), ..chart })
}

fn busy(timeline: &TimelineReport) -> Table {
    let columns = ["part of the run", "GPU#", "traced#", "busy#", "longest idle#"];
    let mut table = Table::new("How busy the accelerators were", &columns).main();
    for part in &timeline.parts {
        table.rows.push(vec![
            Cell::text(if part.name == "all" { "all that was traced" } else { part.name }),
            Cell::number(Some(part.gpu as f64), |_| part.gpu.to_string()),
            Cell::number(Some(part.traced), |seconds| format!("{} s", short(seconds))),
            Cell::number(Some(part.busy), percent),
            Cell::number(Some(part.longest_idle), time),
        ]);
    }
    table
}

fn kernels(timeline: &TimelineReport) -> Table {
    let columns = ["kernel", "share#", "calls#", "time#", "mean#", "longest#"];
    let mut table = Table::new(&format!("Kernels {}", of(timeline)), &columns).main();
    let all: f64 = timeline.kernels.iter().map(|kernel| kernel.seconds).sum();
    for kernel in &timeline.kernels {
        let [calls, seconds, mean, longest] = times(kernel);
        let share = Cell::number((all > 0.0).then(|| kernel.seconds / all), percent);
        table.rows.push(vec![Cell::text(kernel.name.clone()), share, calls, seconds, mean, longest]);
    }
    table
}

fn copies(timeline: &TimelineReport) -> Table {
    let columns =
        ["copies and fills of memory", "calls#", "time#", "mean#", "longest#", "bytes#", "bytes/s#"];
    let mut table = Table::new(&format!("Memory {}", of(timeline)), &columns).main();
    for copy in &timeline.copies {
        let [calls, seconds, mean, longest] = times(copy);
        let rate = (copy.seconds > 0.0).then(|| copy.bytes as f64 / copy.seconds);
        let size = Cell::number(Some(copy.bytes as f64), |_| bytes(copy.bytes));
        let rate = Cell::number(rate, |rate| format!("{}/s", bytes(rate as u64)));
        table.rows.push(vec![Cell::text(copy.name.clone()), calls, seconds, mean, longest, size, rate]);
    }
    table
}

fn of(timeline: &TimelineReport) -> &'static str {
    if timeline.of == "all" { "in all that was traced" } else { "in the measured window" }
}

/// Calls, time in all, mean and longest.
fn times(activity: &Activity) -> [Cell; 4] {
    [
        Cell::count(activity.calls),
        Cell::number(Some(activity.seconds), time),
        Cell::number(Some(activity.seconds / activity.calls.max(1) as f64), time),
        Cell::number(Some(activity.longest), time),
    ]
}

/// Seconds, which are microseconds or minutes here.
fn time(seconds: f64) -> String {
    match seconds {
        ..1e-3 => format!("{} µs", short(seconds * 1e6)),
        1e-3..1.0 => format!("{} ms", ms(Some(seconds))),
        _ => format!("{} s", short(seconds)),
    }
}
