//! From what became of the requests of a stress test to its verdict.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::fate::{Fate, Seen};
use super::plan::{Plan, Step, StepKind};
use super::recovery::{MARGIN, outages, recovery};
use super::report::{Mode, Outage, STRESS_SCHEMA, Spread, StepResult, StressReport, StressVerdict};
use super::words;
use crate::metrics::interval;
use crate::stats::{Moments, median};

/// What the test is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// An answer within so many seconds of when it was due is useful; `None`: within [`PATIENCE`] times the baseline's
    /// 99th percentile.
    pub useful_within: Option<f64>,
}

/// Who waits so many times longer than on a good day has gone.
const PATIENCE: f64 = 5.0;
/// Of its goodput a server must keep at least this share to be graceful …
const GRACEFUL: f64 = 0.8;
/// … and one that keeps less than this has collapsed.
const COLLAPSED: f64 = 0.3;
/// A baseline of which a larger share fares badly is none.
const BAD_BASELINE: f64 = 0.05;
/// A mode is told if so large a share of a step's requests shows it.
const NOTABLE: f64 = 0.01;
/// An overload of which so large a share is answered in time is none.
const ABSORBED: f64 = 0.95;
/// Fewest requests of a step that say anything.
const REQUESTS_MIN: u64 = 20;
/// Moments of a step at which its backlog is counted.
const PARTS: usize = 16;
/// A backlog that takes up a smaller share of the rate is none.
const GROWING: f64 = 0.05;

/// Judges the requests `seen` in a test that followed `plan`, in the order in which they were due.
pub fn classify(plan: &Plan, seen: &[Seen], terms: Terms) -> StressReport {
    let part = |begin: f64, end: f64| {
        let first = seen.partition_point(|seen| seen.scheduled < begin);
        &seen[first..seen.partition_point(|seen| seen.scheduled < end).max(first)]
    };
    let parts: Vec<(&Step, f64, f64, &[Seen])> =
        plan.spans().map(|(step, begin, end)| (step, begin, end, part(begin, end))).collect();
    let well = parts.first().map_or(Spread::default(), |(.., seen)| response_times(seen));
    let useful_within = terms.useful_within.unwrap_or(PATIENCE * well.p99.unwrap_or(0.0));
    let steps: Vec<StepResult> = parts
        .iter()
        .map(|&(step, begin, end, seen)| step_result(plan, step, begin, end, seen, useful_within))
        .collect();
    let (drop, over) = parts.last().map_or((0.0, 0.0), |&(_, begin, end, _)| (begin, end));
    let outages = outages(seen);
    let recovery =
        recovery(parts.last().map_or(&[], |(.., seen)| seen), drop, over, MARGIN * well.p99.unwrap_or(0.0));
    let beyond = || steps.iter().filter(|step| step.kind == StepKind::Overload && step.multiple > 1.0);
    let mut report = StressReport {
        schema: STRESS_SCHEMA.to_owned(),
        verdict: StressVerdict::Undecided,
        reasons: Vec::new(),
        capacity: plan.capacity,
        useful_within,
        modes: modes(beyond(), &outages, useful_within),
        kept: beyond().map(|step| step.kept).fold(f64::INFINITY, f64::min).min(1.0),
        steps,
        outages,
        recovery,
    };
    report.verdict = verdict(&report);
    report.reasons = words::reasons(&report);
    report
}

fn verdict(report: &StressReport) -> StressVerdict {
    if too_few(report) || baseline_fails(report) {
        return StressVerdict::Undecided;
    }
    let bad = |mode: &Mode| !matches!(mode, Mode::Absorbs | Mode::Sheds);
    let came_back = report.recovery.after.is_some();
    if !report.outages.is_empty() || report.kept < COLLAPSED || !came_back {
        StressVerdict::Collapsed
    } else if report.kept >= GRACEFUL && !report.modes.iter().any(bad) {
        StressVerdict::Graceful
    } else {
        StressVerdict::Degraded
    }
}

/// Whether some step has too few requests to say anything.
pub(super) fn too_few(report: &StressReport) -> bool {
    report.steps.iter().any(|step| step.scheduled < REQUESTS_MIN)
}

/// Whether the server fails at a load that it is said to bear.
pub(super) fn baseline_fails(report: &StressReport) -> bool {
    report
        .steps
        .first()
        .is_some_and(|step| ((step.scheduled - step.useful) as f64) > BAD_BASELINE * step.scheduled as f64)
}

fn step_result(
    plan: &Plan,
    step: &Step,
    start: f64,
    end: f64,
    seen: &[Seen],
    useful_within: f64,
) -> StepResult {
    let count = |fate| seen.iter().filter(|seen| seen.fate == fate).count() as u64;
    let answered = count(Fate::Answered);
    let in_time = |seen: &&Seen| seen.fate == Fate::Answered && seen.response_time <= useful_within;
    let useful = seen.iter().filter(in_time).count() as u64;
    let length = end - start;
    let goodput = useful as f64 / length;
    let rate = step.multiple * plan.capacity;
    let refusals = seen.iter().filter(|seen| seen.fate == Fate::Shed).filter_map(|seen| seen.latency);
    StepResult {
        kind: step.kind,
        multiple: step.multiple,
        rate,
        start,
        length,
        scheduled: seen.len() as u64,
        useful,
        late: answered - useful,
        shed: count(Fate::Shed),
        timed_out: count(Fate::TimedOut),
        unconnected: count(Fate::Unconnected),
        broken: count(Fate::Broken),
        errors: count(Fate::Error),
        wrong: count(Fate::Wrong),
        goodput,
        kept: goodput / rate.min(plan.capacity),
        response_time: response_times(seen),
        refusal: spread(refusals.collect()),
        queue_growth: queue_growth(seen, start, end, rate),
    }
}

fn response_times(seen: &[Seen]) -> Spread {
    spread(seen.iter().filter(|seen| seen.fate == Fate::Answered).map(|seen| seen.response_time).collect())
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * 99).div_ceil(100).saturating_sub(1);
    let p99 = if values.len() < 100 { values.last() } else { values.get(rank) };
    let ends = |p: f64| {
        let (low, high) = interval(values.len() as u64, p);
        let at = |rank: u64| values.get(usize::try_from(rank).ok()?.checked_sub(1)?).copied();
        Some((at(low?)?, at(high?)?))
    };
    Spread {
        n: values.len() as u64,
        p50: median(&values),
        p50_interval: ends(50.0),
        p99: p99.copied(),
        p99_interval: ends(99.0).filter(|_| values.len() >= 100),
    }
}

/// By how many requests the backlog of a step grows in each second, if it does so significantly, to the end of the step, and by
/// a part of the rate that matters. It counts requests in flight, so that it does not matter in which order a server serves.
fn queue_growth(seen: &[Seen], start: f64, end: f64, rate: f64) -> Option<f64> {
    let length = (end - start) / PARTS as f64;
    let backlog = |part: usize| {
        let at = start + part as f64 * length;
        let waits = |seen: &&Seen| seen.scheduled < at && seen.scheduled + seen.response_time > at;
        seen.iter().filter(waits).count() as f64
    };
    let backlog: Vec<f64> = (1..=PARTS).map(backlog).collect();
    // A backlog sums up what came and went, so that its levels resemble each other even where nothing grows; what each part
    // adds to it does not depend on the part before.
    let added: Vec<f64> = backlog.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (whole, late) = (moments(&added), moments(&added[PARTS / 2..]));
    let growth = whole.mean() / length;
    let lasts = late.mean() >= 0.5 * whole.mean();
    (is_positive(whole) && lasts && growth >= GROWING * rate).then_some(growth)
}

fn moments(values: &[f64]) -> Moments {
    values.iter().copied().collect()
}

/// Whether independent values have a mean above 0: Student's test of one side, at 1 %.
fn is_positive(values: Moments) -> bool {
    let n = values.count() as f64;
    if values.variance() == 0.0 {
        return values.mean() > 0.0;
    }
    let score = values.mean() / (values.variance() / n).sqrt();
    StudentsT::new(0.0, 1.0, n - 1.0).is_ok_and(|student| student.sf(score) < 0.01)
}

/// The modes that the steps beyond the capacity show, the most frequent first.
fn modes<'a>(
    steps: impl Iterator<Item = &'a StepResult>,
    outages: &[Outage],
    useful_within: f64,
) -> Vec<Mode> {
    let mut shares: Vec<(Mode, f64)> = Vec::new();
    let mut add = |mode, share: f64| match shares.iter_mut().find(|(known, _)| *known == mode) {
        Some((_, most)) => *most = most.max(share),
        None => shares.push((mode, share)),
    };
    let mut absorbed = true;
    for step in steps {
        let share = |number: u64| number as f64 / step.scheduled.max(1) as f64;
        absorbed &= share(step.useful) >= ABSORBED && step.queue_growth.is_none();
        let slow = step.refusal.p99.is_some_and(|p99| p99 > useful_within);
        for (mode, share) in [
            (if slow { Mode::ShedsLate } else { Mode::Sheds }, share(step.shed)),
            (Mode::TimesOut, share(step.timed_out)),
            (Mode::RefusesConnections, if outages.is_empty() { share(step.unconnected) } else { 0.0 }),
            (Mode::Breaks, if outages.is_empty() { share(step.broken) } else { 0.0 }),
            (Mode::Errors, share(step.errors)),
            (Mode::WrongAnswers, share(step.wrong)),
            (Mode::Late, if step.queue_growth.is_none() { share(step.late) } else { 0.0 }),
            (Mode::Queues, if step.queue_growth.is_some() { share(step.late).max(NOTABLE) } else { 0.0 }),
        ] {
            if share >= NOTABLE {
                add(mode, share);
            }
        }
    }
    if !outages.is_empty() {
        shares.push((Mode::Crashes, 2.0));
    }
    if absorbed && outages.is_empty() {
        shares.push((Mode::Absorbs, 0.0));
    }
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares.into_iter().map(|(mode, _)| mode).collect()
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
