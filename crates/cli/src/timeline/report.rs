//! What a timeline says beside a run: how busy the accelerators were in each part of it, and with what.

use std::collections::BTreeMap;

use plimsoll_core::summary::WindowTimes;
use serde::Serialize;

use super::{Kind, Moment, Timeline, within};

/// Kernels that are named; the others are added up.
const KERNELS_MAX: usize = 12;

/// A timeline beside a run. Times are in seconds, from the start of the run where the clocks are joined, else from the
/// start of the profiler's session.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct TimelineReport {
    /// The name of its file.
    pub(crate) file: String,
    /// Whether it says when it began, so that its times are those of the run.
    pub(crate) joined: bool,
    /// From when it was traced.
    pub(crate) from: f64,
    /// Until when.
    pub(crate) until: f64,
    /// How busy each accelerator was in each part of the run that was traced; last in all of it.
    pub(crate) parts: Vec<Part>,
    /// The part of the run that kernels and copies are of; `all` where none of the measured window was traced.
    pub(crate) of: &'static str,
    /// What computed longest, most first; what is left is added up in the last one.
    pub(crate) kernels: Vec<Activity>,
    /// Copies and fills of memory, the longest first.
    pub(crate) copies: Vec<Activity>,
    /// The timeline itself, for charts.
    #[serde(skip)]
    timeline: Timeline,
    /// Nanoseconds from the start of the run to that of the session.
    #[serde(skip)]
    shift: Moment,
}

/// An accelerator in a part of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    /// `ramp`, `warm-up`, `measured`, `drain` or `all`.
    pub(crate) name: &'static str,
    /// The number of the accelerator.
    pub(crate) gpu: i64,
    /// Seconds of it that were traced.
    pub(crate) traced: f64,
    /// Share of these in which anything ran: kernels, copies or fills.
    pub(crate) busy: f64,
    /// The longest time in which nothing did.
    pub(crate) longest_idle: f64,
}

/// All work of one name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Activity {
    pub(crate) name: String,
    /// How often it ran.
    pub(crate) calls: u64,
    /// How long in all, as if one after the other.
    pub(crate) seconds: f64,
    /// How long the longest took.
    pub(crate) longest: f64,
    /// What was copied or filled.
    pub(crate) bytes: u64,
}

impl TimelineReport {
    /// Puts `timeline` beside a run that began at `began` nanoseconds of Unix time and had these windows.
    pub(crate) fn of(timeline: Timeline, began: Option<i64>, windows: &WindowTimes) -> Self {
        let shift = timeline.began.zip(began).map(|(session, run)| session.saturating_sub(run));
        let (joined, shift) = (shift.is_some(), shift.unwrap_or(0));
        let mut parts = Vec::new();
        let mut counted = ("all", timeline.traced);
        if joined {
            for (name, from, until) in stretches(windows) {
                let from = nanos(from).saturating_sub(shift).max(timeline.traced.0);
                let until = nanos(until).saturating_sub(shift).min(timeline.traced.1);
                if from < until {
                    parts.extend(timeline.parts(name, (from, until)));
                    counted = if name == "measured" { (name, (from, until)) } else { counted };
                }
            }
        }
        parts.extend(timeline.parts("all", timeline.traced));
        let all = timeline.activities(counted.1);
        let of = |kind: Kind| all.iter().filter(move |(of, _)| *of == kind).map(|(_, one)| one.clone());
        TimelineReport {
            file: timeline.file.clone(),
            joined,
            from: seconds(timeline.traced.0.saturating_add(shift)),
            until: seconds(timeline.traced.1.saturating_add(shift)),
            parts,
            of: counted.0,
            kernels: named(of(Kind::Kernel).collect()),
            copies: of(Kind::Memory).collect(),
            timeline,
            shift,
        }
    }

    /// The numbers of the accelerators.
    pub(crate) fn gpus(&self) -> impl Iterator<Item = i64> {
        self.timeline.busy.keys().copied()
    }

    /// The share of the time from `from` to `until`, seconds of the run, in which an accelerator was busy; nothing where
    /// that was not traced, or not wholly.
    pub(crate) fn busy(&self, gpu: i64, from: f64, until: f64) -> Option<f64> {
        let (from, until) = (nanos(from).saturating_sub(self.shift), nanos(until).saturating_sub(self.shift));
        let (start, end) = self.timeline.traced;
        let spans = self.timeline.busy.get(&gpu).filter(|_| start <= from && from < until && until <= end)?;
        Some(share(within(spans, from, until), from, until))
    }
}

/// The parts of a run, seconds from its start.
fn stretches(windows: &WindowTimes) -> [(&'static str, f64, f64); 4] {
    let mut start = 0.0;
    [
        ("ramp", windows.ramp),
        ("warm-up", windows.warmup),
        ("measured", windows.measured),
        ("drain", windows.drain),
    ]
    .map(|(name, length)| {
        let from = start;
        start += length;
        (name, from, start)
    })
}

impl Timeline {
    fn parts(&self, name: &'static str, (from, until): (Moment, Moment)) -> impl Iterator<Item = Part> {
        self.busy.iter().map(move |(gpu, spans)| {
            let (mut idle, mut since) = (0, from);
            for (start, end) in within(spans, from, until) {
                idle = idle.max(start - since);
                since = end;
            }
            Part {
                name,
                gpu: *gpu,
                traced: seconds(until - from),
                busy: share(within(spans, from, until), from, until),
                longest_idle: seconds(idle.max(until - since)),
            }
        })
    }

    /// Everything that ran from `from` to `until`, by name, the longest first.
    fn activities(&self, (from, until): (Moment, Moment)) -> Vec<(Kind, Activity)> {
        let mut by_name: BTreeMap<u32, Activity> = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.start < until && event.end > from) {
            let took = seconds(event.end.min(until) - event.start.max(from));
            let one = by_name.entry(event.name).or_insert_with(|| Activity {
                name: self.names[event.name as usize].1.clone(),
                calls: 0,
                seconds: 0.0,
                longest: 0.0,
                bytes: 0,
            });
            one.calls += 1;
            one.seconds += took;
            one.longest = one.longest.max(took);
            one.bytes = one.bytes.saturating_add(event.bytes);
        }
        let kind = |name: u32| self.names[name as usize].0;
        let mut all: Vec<_> = by_name.into_iter().map(|(name, one)| (kind(name), one)).collect();
        all.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
        all
    }
}

/// The first of `all`, and the rest as one.
fn named(mut all: Vec<Activity>) -> Vec<Activity> {
    if all.len() <= KERNELS_MAX + 1 {
        return all;
    }
    let rest = all.split_off(KERNELS_MAX);
    all.push(Activity {
        name: format!("{} others", rest.len()),
        calls: rest.iter().map(|one| one.calls).sum(),
        seconds: rest.iter().map(|one| one.seconds).sum(),
        longest: rest.iter().map(|one| one.longest).fold(0.0, f64::max),
        bytes: 0,
    });
    all
}

fn share(spans: impl Iterator<Item = (Moment, Moment)>, from: Moment, until: Moment) -> f64 {
    let busy: Moment = spans.map(|(start, end)| end - start).sum();
    busy as f64 / (until - from).max(1) as f64
}

fn seconds(nanos: Moment) -> f64 {
    nanos as f64 / 1e9
}

fn nanos(seconds: f64) -> Moment {
    (seconds * 1e9) as Moment
}
