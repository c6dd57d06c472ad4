//! What may happen, one thing at a time, and how many replicas must be there before.

use super::{Basis, Cause, Facts, Line, Portion, Settings, least, normal};
use crate::demand::{Demand, Traffic};
use crate::figures::{figure, percent};

/// The events, each alone on top of all conditions; one replica alone carries `capacity`.
pub(super) fn events(demand: &Demand, settings: &Settings, facts: &Facts, capacity: f64) -> Vec<Line> {
    let calm = facts.calm(facts.peak, capacity);
    vec![
        forecast(demand, settings, facts, capacity),
        ramp(demand, facts, capacity),
        failure(settings, calm),
        zone(settings, calm),
        rollout(settings, calm),
    ]
}

/// The replicas that leave at least `calm` whatever happens that takes replicas away, or `rising` where traffic rises.
pub(super) fn needed(settings: &Settings, calm: u32, rising: u32) -> u32 {
    let of = |line: Line| line.replicas;
    rising.max(of(failure(settings, calm))).max(of(zone(settings, calm))).max(of(rollout(settings, calm)))
}

fn forecast(demand: &Demand, settings: &Settings, facts: &Facts, capacity: f64) -> Line {
    let error = demand.forecast_error;
    let peak = facts.peak * (1.0 + normal(settings.confidence) * error);
    let (numbers, basis) = if error > 0.0 {
        (
            format!(
                "error {}, not exceeded with {}: {}/s",
                percent(error),
                percent(settings.confidence),
                figure(peak)
            ),
            Basis::Given,
        )
    } else {
        let tenth = facts.calm(facts.peak * (1.0 + normal(settings.confidence) * 0.1), capacity);
        (format!("no error given (--forecast-error); 10 % would take {tenth}"), Basis::Unknown)
    };
    let formula = "ceil(peak (1 + z e) / C)".to_owned();
    Line { cause: Cause::Forecast, formula, numbers, replicas: facts.calm(peak, capacity), basis }
}

fn ramp(demand: &Demand, facts: &Facts, capacity: f64) -> Line {
    let (rate, numbers, basis) = match (&demand.traffic, demand.ramp_per_minute, facts.lag) {
        (_, _, None) => {
            (facts.peak, "how late a new replica comes is not known (--coldstart)".to_owned(), Basis::Unknown)
        }
        (_, Some(ramp), Some(lag)) => {
            let rise = facts.peak * ramp * lag.total() / 60.0;
            (
                facts.peak + rise,
                format!(
                    "{} a minute for {} s: {}/s more",
                    percent(ramp),
                    figure(lag.total().round()),
                    figure(rise)
                ),
                if lag.measured { Basis::Measured } else { Basis::Given },
            )
        }
        (Traffic::Trace(_), None, Some(lag)) => {
            let rise = demand.rise_within(lag.total()).unwrap_or(0.0);
            (
                facts.peak,
                format!(
                    "the steepest rise within {} s is {}/s, and ends at or below the peak",
                    figure(lag.total().round()),
                    figure(rise)
                ),
                Basis::Measured,
            )
        }
        (Traffic::Peak(_), None, Some(lag)) => (
            facts.peak,
            format!(
                "a new replica comes after {} s; how fast traffic rises, nobody said (--ramp)",
                figure(lag.total().round())
            ),
            Basis::Unknown,
        ),
    };
    let formula = "ceil((peak + r T_lag) / C)".to_owned();
    Line { cause: Cause::Ramp, formula, numbers, replicas: facts.calm(rate, capacity), basis }
}

/// The peak with what comes while a new replica starts, as a multiple of the peak.
pub(super) fn rising(demand: &Demand, facts: &Facts) -> f64 {
    let rise = demand.ramp_per_minute.zip(facts.lag).map(|(ramp, lag)| ramp * lag.total() / 60.0);
    1.0 + rise.unwrap_or(0.0)
}

fn failure(settings: &Settings, calm: u32) -> Line {
    let failures = settings.failures;
    Line {
        cause: Cause::Failure,
        formula: "n + k".to_owned(),
        numbers: format!("{calm} + {failures}"),
        replicas: calm + failures,
        basis: Basis::Given,
    }
}

fn zone(settings: &Settings, calm: u32) -> Line {
    let formula = "least n with n - ceil(n / Z) >= n_calm".to_owned();
    let over = |zones: u32| least(|replicas| replicas - replicas.div_ceil(zones) >= calm);
    match settings.zones {
        Some(zones) if zones > 1 => {
            let replicas = over(zones);
            let numbers =
                format!("{zones} zones: {replicas} - {} = {calm} or more", replicas.div_ceil(zones));
            Line { cause: Cause::Zone, formula, numbers, replicas, basis: Basis::Given }
        }
        _ => Line {
            cause: Cause::Zone,
            formula,
            numbers: format!("no zones given (--zones); losing one of three would take {}", over(3)),
            replicas: calm,
            basis: Basis::Unknown,
        },
    }
}

fn rollout(settings: &Settings, calm: u32) -> Line {
    let away = settings.max_unavailable;
    let over = |away: Portion| least(|replicas| replicas.saturating_sub(away.of_down(replicas)) >= calm);
    let replicas = over(away);
    let numbers = match away {
        Portion::Count(0) => format!(
            "maxUnavailable 0: none goes before another is ready; Kubernetes' default of 25 % would take {}",
            over(Portion::Share(0.25))
        ),
        _ => format!("{replicas} - {} = {calm} or more", away.of_down(replicas)),
    };
    let formula = "least n with n - maxUnavailable >= n_calm".to_owned();
    Line { cause: Cause::Rollout, formula, numbers, replicas, basis: Basis::Given }
}

/// The share of a fleet that must be free so that the steepest rise does not overtake a replica that starts.
pub(super) fn free_for_ramp(demand: &Demand, facts: &Facts) -> Option<f64> {
    let lag = facts.lag?;
    let rise = match demand.ramp_per_minute {
        Some(ramp) => facts.peak * ramp * lag.total() / 60.0,
        None => demand.rise_within(lag.total())?,
    };
    Some(rise / (facts.peak + rise))
}
