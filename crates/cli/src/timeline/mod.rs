//! What accelerators did while a run went on, by an exported Nsight Systems timeline (`plimsoll report --nsys`).

mod database;
mod read;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use report::{Activity, Part, TimelineReport};

use std::collections::BTreeMap;

/// Nanoseconds since the session of the profiler began.
type Moment = i64;

/// All that ran on the accelerators.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timeline {
    /// The name of its file.
    file: String,
    /// When the session began, nanoseconds of Unix time, if it says so.
    began: Option<i64>,
    /// From when to when it was traced.
    traced: (Moment, Moment),
    /// Names of kernels and kinds of copies; events have their places in it.
    names: Vec<(Kind, String)>,
    events: Vec<Event>,
    /// When anything ran on each accelerator, in order, without overlaps.
    busy: BTreeMap<i64, Vec<(Moment, Moment)>>,
}

/// What kind of work it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// A kernel, or a whole graph of them that was traced as one.
    Kernel,
    /// A copy or a fill of memory.
    Memory,
}

/// Something that ran.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    start: Moment,
    end: Moment,
    /// The place of its name.
    name: u32,
    /// What it copied or filled.
    bytes: u64,
}

/// Stretches of time in order, those that touch or overlap together.
fn merged(mut spans: Vec<(Moment, Moment)>) -> Vec<(Moment, Moment)> {
    spans.sort_unstable();
    let mut merged: Vec<(Moment, Moment)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// The parts of `spans` between `from` and `until`.
fn within(spans: &[(Moment, Moment)], from: Moment, until: Moment) -> impl Iterator<Item = (Moment, Moment)> {
    let first = spans.partition_point(|(_, end)| *end <= from);
    let inside = spans[first..].iter().take_while(move |(start, _)| *start < until);
    inside.map(move |(start, end)| ((*start).max(from), (*end).min(until)))
}
