//! Whether a server gets slower beyond its limit: then an overload does not end by itself.

use serde::{Deserialize, Serialize};

use super::outcome::TrialOutcome;
use super::settings::Variable;

/// A server that completes at most this share of its best is clearly slower.
const CLEARLY: f64 = 0.85;
/// A trial that completes at most this share of what was due has fallen behind.
const BEHIND: f64 = 0.85;
/// Loads below this share of the best rate are no overload, whatever happened there.
const OVERLOAD: f64 = 0.9;
/// Standard errors by which the two rates must differ, were completions a Poisson process.
const ERRORS: f64 = 3.0;

/// A server that completes clearly less under overload than at its best. Rates are `ok` completions per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slowdown {
    /// The most that a load completed.
    pub best: f64,
    /// That load, per second.
    pub best_load: f64,
    /// What is completed under overload, over all trials that fell behind.
    pub overloaded: f64,
    /// The least load of those trials, per second.
    pub from: f64,
    /// The greatest.
    pub to: f64,
}

impl Slowdown {
    /// What the trials of a search show, if they show that at all. A closed loop cannot be overloaded.
    pub fn of(variable: Variable, trials: &[TrialOutcome]) -> Option<Self> {
        if variable != Variable::Rate {
            return None;
        }
        // A trial that a rule cut short shows how the load grew upon the server, not what it completes.
        let whole = |trial: &&TrialOutcome| !trial.gone && trial.stopped_by.is_none();
        let valid = || trials.iter().filter(whole).filter(|trial| trial.invalid.is_none());
        let (mut behind, mut kept): (Vec<_>, Vec<_>) =
            valid().partition(|trial| trial.throughput < BEHIND * trial.load);
        kept.sort_by(|a, b| a.load.total_cmp(&b.load));
        let loads = kept.chunk_by(|a, b| b.load / a.load < 1.0 + 1e-9);
        let best = loads.map(Mean::of).max_by(|a, b| a.rate.total_cmp(&b.rate))?;
        behind.retain(|trial| trial.load >= OVERLOAD * best.rate);
        behind.sort_by(|a, b| a.load.total_cmp(&b.load));
        let (least, greatest) = (behind.first()?.load, behind.last()?.load);
        let under = Mean::of(&behind);
        let error = (best.rate / best.seconds + under.rate / under.seconds).sqrt();
        let slower = under.rate <= CLEARLY * best.rate && best.rate - under.rate > ERRORS * error;
        slower.then_some(Slowdown {
            best: best.rate,
            best_load: best.load,
            overloaded: under.rate,
            from: least,
            to: greatest,
        })
    }

    /// The share of its best that the server loses, 0 to 1.
    pub fn lost(&self) -> f64 {
        1.0 - self.overloaded / self.best
    }
}

/// Some trials together.
struct Mean {
    /// The load of the first.
    load: f64,
    rate: f64,
    seconds: f64,
}

impl Mean {
    fn of(trials: &[&TrialOutcome]) -> Self {
        let seconds: f64 = trials.iter().map(|trial| trial.seconds).sum();
        let completed: f64 = trials.iter().map(|trial| trial.seconds * trial.throughput).sum();
        Mean { load: trials.first().map_or(0.0, |trial| trial.load), rate: completed / seconds, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn trial(load: f64, seconds: f64, throughput: f64) -> TrialOutcome {
        TrialOutcome { seconds, spent: seconds, throughput, ..testing::trial(load) }
    }

    fn found(trials: &[(f64, f64, f64)]) -> Option<Slowdown> {
        let trials: Vec<TrialOutcome> =
            trials.iter().map(|&(load, seconds, rate)| trial(load, seconds, rate)).collect();
        Slowdown::of(Variable::Rate, &trials)
    }

    #[test]
    fn a_server_that_completes_less_under_overload_is_told() {
        // A search on llama.cpp with four slots.
        let slow = found(&[
            (36.1, 5.0, 36.0),
            (51.1, 5.0, 51.0),
            (49.2, 5.0, 34.4),
            (55.7, 5.0, 38.0),
            (60.8, 5.0, 29.6),
            (72.3, 5.0, 30.0),
        ])
        .unwrap();
        assert_eq!((slow.best, slow.best_load, slow.from, slow.to), (51.0, 51.1, 49.2, 72.3));
        assert!(
            (slow.overloaded - 33.0).abs() < 1e-9 && (slow.lost() - 18.0 / 51.0).abs() < 1e-9,
            "{slow:?}"
        );
    }

    #[test]
    fn a_server_that_holds_its_rate_is_not_and_neither_are_accidents() {
        for (why, trials) in [
            ("nothing was tried", &[][..]),
            ("it completes as much whatever is due", &[(48.0, 5.0, 47.8), (100.0, 5.0, 47.0)]),
            ("a little less is no slowdown", &[(48.0, 60.0, 48.0), (100.0, 60.0, 42.0)]),
            ("few completions say nothing", &[(2.0, 5.0, 2.0), (4.0, 5.0, 1.4)]),
            ("a hiccup far below the limit", &[(48.0, 5.0, 48.0), (20.0, 5.0, 8.0)]),
            ("no trial kept up, so the best is not known", &[(100.0, 5.0, 40.0), (50.0, 5.0, 30.0)]),
        ] {
            assert_eq!(found(trials), None, "{why}");
        }
        let spoilt = TrialOutcome { invalid: Some("no core".to_owned()), ..trial(90.0, 60.0, 10.0) };
        assert_eq!(Slowdown::of(Variable::Rate, &[trial(48.0, 60.0, 48.0), spoilt]), None);
        let stopped = TrialOutcome { stopped_by: Some("a rule".to_owned()), ..trial(90.0, 60.0, 10.0) };
        assert_eq!(Slowdown::of(Variable::Rate, &[trial(48.0, 60.0, 48.0), stopped]), None);
        let users = [trial(4.0, 60.0, 4.0), trial(90.0, 60.0, 1.0)];
        assert_eq!(Slowdown::of(Variable::Concurrency, &users), None);
    }
}
