//! Whether what trials left out at their start was long enough.

use serde::{Deserialize, Serialize};

use super::outcome::{Effort, TrialOutcome};
use crate::slo::LATE;

/// Fewer trials say nothing of a warm-up.
const TRIALS_MIN: usize = 2;

/// When trials became steady, by MSER-5 on throughput and latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmUpFound {
    /// Seconds from the start of a trial until it was steady: the median over these trials. The warm-up that was left out, where
    /// they were steady from there on.
    pub seconds: f64,
    /// Trials that say it: valid ones that were to decide or to confirm, at loads up to the certified one. An overload never
    /// becomes steady, and a look is too short to tell.
    pub trials: usize,
    /// Those that became steady only after a quarter of what was measured.
    pub late: usize,
}

impl WarmUpFound {
    /// What the trials at loads up to `certified` say, each of which left out `warmup` seconds.
    pub fn of(warmup: f64, certified: Option<f64>, trials: &[TrialOutcome]) -> Option<Self> {
        let certified = certified?;
        let tells = |trial: &&TrialOutcome| {
            let sound =
                trial.invalid.is_none() && !trial.overloaded && !trial.gone && trial.stopped_by.is_none();
            sound && trial.effort != Effort::Look && trial.load < certified * (1.0 + 1e-9)
        };
        let mut found: Vec<(f64, bool)> = trials
            .iter()
            .filter(tells)
            .filter_map(|trial| {
                Some((warmup + trial.steady_after?, trial.steady_after? > LATE * trial.seconds))
            })
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let late = found.iter().filter(|(_, late)| *late).count();
        Some(WarmUpFound { seconds: found.get(found.len() / 2)?.0, trials: found.len(), late })
    }

    /// Whether the warm-up was too short: for more than two thirds of at least two trials, as single ones look so by chance,
    /// the more so the nearer a queue is to its limit.
    pub fn exceeds(&self) -> bool {
        self.trials >= TRIALS_MIN && 3 * self.late > 2 * self.trials
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn nearly_all_trials_that_decide_have_to_be_late() {
        let trial = |load: f64, steady_after: Option<f64>| TrialOutcome {
            effort: Effort::Decide,
            steady_after,
            ..testing::trial(load)
        };
        let (early, late) = (trial(10.0, Some(0.5)), trial(10.0, Some(4.0)));
        let of = |trials: &[TrialOutcome]| WarmUpFound::of(2.0, Some(10.0), trials);
        let found = of(&[early.clone(), late.clone(), late.clone(), late.clone()]).unwrap();
        assert_eq!(found, WarmUpFound { seconds: 6.0, trials: 4, late: 3 });
        assert!(found.exceeds());
        for few in [vec![late.clone()], vec![early.clone(), late.clone(), late.clone()]] {
            assert!(!of(&few).unwrap().exceeds(), "{few:?}");
        }
        let others = [
            TrialOutcome { overloaded: true, ..late.clone() },
            TrialOutcome { invalid: Some("late".to_owned()), ..late.clone() },
            TrialOutcome { effort: Effort::Look, ..late.clone() },
            trial(12.0, Some(4.0)),
            trial(10.0, None),
        ];
        assert_eq!(of(&others), None);
        assert_eq!(WarmUpFound::of(2.0, None, &[late]), None, "nothing is certified");
    }
}
