//! A rate limit in front of the server: what it lets through, and whether it is what a search found.

use serde::{Deserialize, Serialize};

use super::outcome::TrialOutcome;

/// Where at least this share is refused, the rest is what the limit lets through.
const CLEARLY: f64 = 0.1;
/// Answers that take so many times as long as below the limit come from a server that is busy itself.
const BUSY: f64 = 1.05;

/// A rate limit, as far as trials show it by refusals with 429. Times in seconds, loads as the search has them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    /// The least load at which requests were refused.
    pub from: f64,
    /// `ok` completions per second, over all trials in which a tenth or more was refused; `null` without such trials.
    pub lets_through: Option<f64>,
    /// Mean latency in these trials.
    pub latency_beyond: Option<f64>,
    /// Mean latency at the greatest load below `from`.
    pub latency_below: Option<f64>,
}

impl RateLimit {
    /// What the trials of a search show, if any of their requests was refused with 429.
    pub fn of(trials: &[TrialOutcome]) -> Option<Self> {
        let valid = || trials.iter().filter(|trial| trial.invalid.is_none() && !trial.gone);
        let limited = valid().filter(|trial| trial.rate_limited > 0);
        let from = limited.map(|trial| trial.load).reduce(f64::min)?;
        let beyond: Vec<&TrialOutcome> = valid().filter(|trial| is_limited(trial)).collect();
        let greatest = valid().filter(|trial| trial.load < from).map(|trial| trial.load).reduce(f64::max);
        let below: Vec<&TrialOutcome> = valid().filter(|trial| Some(trial.load) == greatest).collect();
        Some(RateLimit {
            from,
            lets_through: mean(&beyond, |trial| Some(trial.throughput)),
            latency_beyond: mean(&beyond, |trial| trial.latency),
            latency_below: mean(&below, |trial| trial.latency),
        })
    }

    /// Whether the limit keeps from the server what it could do: beyond it answers take about as long as below. A server
    /// that refuses what it cannot take itself, with 429 for a full queue, is slower by then.
    pub fn hides_the_server(&self) -> bool {
        match (self.latency_below, self.latency_beyond) {
            (Some(below), Some(beyond)) => beyond < BUSY * below,
            _ => false,
        }
    }

    /// Whether tier `tier` fails at `load` because requests are refused: they are at least half of what misses the objective
    /// that is missed most.
    pub fn is_why(trials: &[TrialOutcome], tier: usize, load: f64) -> bool {
        let here: Vec<&TrialOutcome> = trials
            .iter()
            .filter(|trial| trial.invalid.is_none() && (trial.load / load - 1.0).abs() < 1e-9)
            .collect();
        let refused: u64 = here.iter().map(|trial| trial.rate_limited).sum();
        let misses = |trial: &&TrialOutcome| {
            let found = trial.tiers.get(tier)?;
            found.iter().map(|objective| objective.misses).max()
        };
        let missed: u64 = here.iter().filter_map(misses).sum();
        refused > 0 && 2 * refused >= missed
    }
}

/// Whether the limit refused much of what was asked in a trial.
fn is_limited(trial: &TrialOutcome) -> bool {
    let refused = trial.rate_limited as f64;
    refused > 0.0 && refused >= CLEARLY * (refused + trial.throughput * trial.seconds)
}

/// A mean over trials by their seconds; nothing where none has the value.
fn mean(trials: &[&TrialOutcome], of: impl Fn(&TrialOutcome) -> Option<f64>) -> Option<f64> {
    let (mut sum, mut seconds) = (0.0, 0.0);
    for trial in trials {
        if let Some(value) = of(trial) {
            sum += trial.seconds * value;
            seconds += trial.seconds;
        }
    }
    (seconds > 0.0).then(|| sum / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Ten seconds at `load`, of which so many per second are let through.
    fn trial(load: f64, through: f64, latency: f64) -> TrialOutcome {
        let refused = ((load - through).max(0.0) * 10.0) as u64;
        let slo = "error_rate<1%".parse().unwrap();
        TrialOutcome {
            tiers: vec![vec![testing::evidence(&slo, (load * 10.0) as u64, refused)]],
            rate_limited: refused,
            throughput: load.min(through),
            latency: Some(latency),
            ..testing::trial(load)
        }
    }

    #[test]
    fn a_limit_in_front_is_told_from_a_server_whose_queue_is_full() {
        let limited = [trial(8.0, 10.0, 0.5), trial(10.5, 10.0, 0.5), trial(20.0, 10.5, 0.5)];
        let found = RateLimit::of(&limited).unwrap();
        let expected = RateLimit {
            from: 10.5,
            lets_through: Some(10.5),
            latency_beyond: Some(0.5),
            latency_below: Some(0.5),
        };
        assert_eq!((found, found.hides_the_server()), (expected, true));
        let full = [trial(8.0, 10.0, 0.05), trial(20.0, 10.0, 0.09)];
        assert!(!RateLimit::of(&full).unwrap().hides_the_server());
        assert_eq!(RateLimit::of(&[trial(8.0, 10.0, 0.05)]), None, "nothing was refused");
        // Refused from the start: nobody knows how the server is by itself.
        assert!(!RateLimit::of(&[trial(20.0, 10.0, 0.05)]).unwrap().hides_the_server());
    }

    #[test]
    fn refusals_are_why_a_load_fails_where_they_are_half_of_what_misses() {
        let mut trials = [trial(8.0, 10.0, 0.05), trial(12.0, 10.0, 0.05)];
        assert!(RateLimit::is_why(&trials, 0, 12.0) && !RateLimit::is_why(&trials, 0, 8.0));
        trials[1].tiers[0][0].misses = 41; // of which 20 were refused
        assert!(!RateLimit::is_why(&trials, 0, 12.0));
    }
}
