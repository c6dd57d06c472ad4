//! What cold starts found, in words.

use super::report::{ColdStartReport, Controller, Moment};
use crate::drift::time_span;

/// The findings, a sentence each.
pub(super) fn findings(report: &ColdStartReport) -> Vec<String> {
    let mut said = Vec::new();
    let all = report.attempts.len();
    let failed = report.attempts.iter().filter(|attempt| attempt.first_success.is_none()).count();
    match &report.first_success {
        Some(first) => {
            said.push(format!("{} from the start to the first answer{}", time(first.median), range(first)))
        }
        None if all == 1 => said.push("the only start came to no answer".to_owned()),
        None => said.push(format!("none of {all} starts came to an answer")),
    }
    if failed > 0 && failed < all {
        said.push(format!("{failed} of {all} starts came to no answer"));
    }
    let early: u64 = report.attempts.iter().map(|attempt| attempt.failed_before).sum();
    if early > 0 && report.ready.is_some() {
        said.push(format!("it says that it is ready before it is: {early} requests failed after that"));
    }
    if let Some(warm_up) = &report.warm_up {
        said.push(match (warm_up.slow_requests, warm_up.positions.first()) {
            (0, _) | (_, None) => format!(
                "its first requests are as fast as the {} warm ones ({} at the median)",
                warm_up.warm_requests,
                time(warm_up.warm)
            ),
            (slow, Some(first)) => format!(
                "its first {} slow: the first takes {} times as long as warm ones ({} at the median), all of them {} longer",
                if slow == 1 { "request is".to_owned() } else { format!("{slow} requests are") },
                times(first.ratio),
                time(warm_up.warm),
                time(warm_up.extra)
            ),
        });
    }
    said.extend(lags(report));
    if let Some(room) = report.headroom.get(1) {
        said.push(format!(
            "for traffic that grows by {:.0} % a minute keep {:.1} % of it free",
            100.0 * room.growth_per_minute,
            100.0 * room.free
        ));
    }
    said
}

/// What the starts make of autoscaling.
fn lags(report: &ColdStartReport) -> Option<String> {
    let of = |controller: Controller| report.lags.iter().find(|lag| lag.controller == controller);
    let (hpa, knative) = (of(Controller::Hpa)?, of(Controller::Knative)?);
    Some(format!(
        "a replica that the HPA calls for answers after {} typically, {} at worst; one that Knative calls for after {} and {}",
        time(hpa.typical),
        time(hpa.worst),
        time(knative.typical),
        time(knative.worst)
    ))
}

/// The interval of a median, or the range of too few.
fn range(moment: &Moment) -> String {
    match (moment.low, moment.high) {
        (Some(low), Some(high)) => format!(" ({} to {}, 95 % interval of the median)", time(low), time(high)),
        _ if moment.n > 1 => {
            format!(" ({} to {} over {} starts)", time(moment.min), time(moment.max), moment.n)
        }
        _ => String::new(),
    }
}

fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { time_span(seconds) }
}

fn times(ratio: f64) -> String {
    if ratio < 9.95 { format!("{ratio:.1}") } else { format!("{ratio:.0}") }
}
