//! What a stress test found, in words.

use super::classify::{baseline_fails, too_few};
use super::plan::StepKind;
use super::report::{Mode, StepResult, StressReport};
use crate::drift::time_span;

/// What the verdict rests on, a sentence each.
pub(super) fn reasons(report: &StressReport) -> Vec<String> {
    if too_few(report) {
        return vec![
            "a step has fewer than 20 requests, which say nothing: give longer steps (--step-time, \
             --baseline-time, --recovery-time)"
                .to_owned(),
        ];
    }
    if let Some(baseline) = report.steps.first().filter(|_| baseline_fails(report)) {
        let bad = baseline.scheduled - baseline.useful;
        return vec![format!(
            "{} of {} requests failed or came late at the baseline of {}/s already: it is not below the capacity; give a \
             lower one",
            bad,
            baseline.scheduled,
            number(baseline.rate),
        )];
    }
    let beyond: Vec<&StepResult> =
        report.steps.iter().filter(|step| step.kind == StepKind::Overload && step.multiple > 1.0).collect();
    let mut reasons: Vec<String> = Vec::new();
    if let Some(worst) = beyond.iter().min_by(|a, b| a.kept.total_cmp(&b.kept)) {
        reasons.push(format!(
            "at {} times the capacity it answered {}/s in time ({}), {} of what it can",
            number(worst.multiple),
            number(worst.goodput),
            within(report.useful_within),
            percent(worst.kept.min(1.0)),
        ));
        reasons.extend(report.modes.iter().filter_map(|&mode| said(mode, &beyond, report)));
    }
    reasons.push(came_back(report));
    reasons
}

/// The mode, with the figures of the step that shows it most.
fn said(mode: Mode, steps: &[&StepResult], report: &StressReport) -> Option<String> {
    let most = |of: fn(&StepResult) -> u64| {
        let share = |step: &StepResult| of(step) as f64 / step.scheduled.max(1) as f64;
        let step = steps.iter().max_by(|a, b| share(a).total_cmp(&share(b)))?;
        Some((*step, percent(share(step)), number(step.multiple)))
    };
    let refused = |how: &str| {
        let (step, share, multiple) = most(|step| step.shed)?;
        let (median, tail) = (step.refusal.p50?, step.refusal.p99?);
        Some(format!(
            "it refused {share} at {multiple}x with 429 or 503, {how}: {} (p99 {})",
            span(median),
            span(tail)
        ))
    };
    let plain = |of: fn(&StepResult) -> u64, what: &str| {
        let (_, share, multiple) = most(of)?;
        Some(format!("{share} of the requests at {multiple}x {what}"))
    };
    match mode {
        Mode::Absorbs => Some(
            "it bore all of it: the capacity is higher than was said, so nothing was stressed".to_owned(),
        ),
        Mode::Sheds => refused("at once"),
        Mode::ShedsLate => refused("but let them wait"),
        Mode::Queues => {
            let step = steps.iter().max_by(|a, b| growth(a).total_cmp(&growth(b)))?;
            Some(format!(
                "it queued without bound at {}x: its backlog grew by {} requests in each second",
                number(step.multiple),
                number(growth(step))
            ))
        }
        Mode::Late => plain(|step| step.late, "were answered too late to be useful"),
        Mode::TimesOut => plain(|step| step.timed_out, "ran into time limits"),
        Mode::RefusesConnections => plain(|step| step.unconnected, "found no connection"),
        Mode::Breaks => plain(|step| step.broken, "were cut in the middle of the answer"),
        Mode::Errors => plain(|step| step.errors, "ended in errors other than 429 and 503"),
        Mode::WrongAnswers => plain(|step| step.wrong, "were answered with what is no answer"),
        Mode::Crashes => report.outages.first().map(|outage| match outage.end {
            Some(end) => {
                format!("it was gone {} into the test, for {}", span(outage.start), span(end - outage.start))
            }
            None => format!("it was gone {} into the test and did not come back", span(outage.start)),
        }),
    }
}

fn growth(step: &StepResult) -> f64 {
    step.queue_growth.unwrap_or(0.0)
}

fn came_back(report: &StressReport) -> String {
    let recovery = &report.recovery;
    let limit = span(recovery.limit);
    match recovery.after {
        Some(0.0) => format!("response times were as before at once when the load dropped ({limit} or less)"),
        Some(after) => {
            format!("response times were as before ({limit} or less) {} after the load dropped", span(after))
        }
        None => format!(
            "response times were not as before ({limit} or less) within the {} that it was watched after the load dropped",
            span(recovery.watched)
        ),
    }
}

fn within(seconds: f64) -> String {
    format!("within {}", span(seconds))
}

/// A time, also a short one.
fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.001 => format!("{:.2} ms", seconds * 1e3),
        seconds if seconds < 1.0 => format!("{} ms", number(seconds * 1e3)),
        seconds => time_span(seconds),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", number(100.0 * share))
}

/// Up to three digits, without zeros at the end.
fn number(value: f64) -> String {
    let decimals =
        if value >= 99.95 { 0 } else { usize::from(value >= 9.995) + 2 * usize::from(value < 9.995) };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
