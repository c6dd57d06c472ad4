//! From the windows of two sides to a verdict on each figure.

use super::case::{Case, FACTOR_MAX, Measured, quantile};
use super::difference::{Change, Difference, Open, Scale, Verdict};
use super::figure::{Better, Figure, Measure};
use super::windows::RunWindows;
use crate::seed::Seed;

/// Probability that any figure is called different when none is.
pub(super) const ALPHA: f64 = 0.05;
/// By which rules two sides are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Relative differences up to this are noise (0.05: 5 %).
    pub threshold: f64,
    /// Differences of shares up to this are noise (0.01: one point).
    pub share_threshold: f64,
    /// Figures with a threshold of their own.
    pub own_thresholds: Vec<(Figure, f64)>,
    /// How often both sides are drawn again.
    pub draws: u32,
    /// How often windows are dealt anew to both sides, at most.
    pub deals: u32,
    /// The seed of both.
    pub seed: Seed,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            threshold: 0.05,
            share_threshold: 0.01,
            own_thresholds: Vec::new(),
            draws: 500,
            deals: 4_000,
            seed: Seed(1),
        }
    }
}

impl Rules {
    pub(super) fn threshold(&self, figure: Figure) -> f64 {
        let usual = if figure.measure() == Measure::Share { self.share_threshold } else { self.threshold };
        self.own_thresholds.iter().rfind(|(own, _)| *own == figure).map_or(usual, |(_, threshold)| *threshold)
    }
}

/// Compares the runs of side B with those of side A. All must be cut for these figures into windows of about one length.
pub fn compare_runs(
    a: &[RunWindows],
    b: &[RunWindows],
    figures: &[Figure],
    rules: &Rules,
) -> Vec<Difference> {
    let case = Case::of(a, b);
    let movements = case.sides.bootstrap(figures, rules.draws, rules.seed);
    let permuted = case.sides.permutation(figures, rules.deals, rules.seed);
    let measured: Vec<Measured> = figures
        .iter()
        .zip(movements)
        .zip(permuted)
        .map(|((&figure, movement), p)| case.measure(figure, movement, p))
        .collect();
    let p_holm = holm(&measured.iter().map(|one| one.p).collect::<Vec<_>>());
    measured.iter().zip(p_holm).map(|(one, p_holm)| one.judge(&case, p_holm, figures.len(), rules)).collect()
}

/// The verdict on all figures together: the worst of them, but for a figure of which a side has no value.
pub fn overall(differences: &[Difference]) -> Verdict {
    let any = |wanted: fn(&Verdict) -> bool| differences.iter().map(|one| one.verdict).find(wanted);
    any(|verdict| *verdict == Verdict::Worse)
        .or_else(|| any(|verdict| matches!(verdict, Verdict::Undecided(open) if *open != Open::NoValue)))
        .or_else(|| any(|verdict| *verdict == Verdict::Better))
        .unwrap_or(Verdict::Same)
}

impl Measured {
    fn judge(&self, case: &Case, p_holm: Option<f64>, figures: usize, rules: &Rules) -> Difference {
        let threshold = rules.threshold(self.figure);
        let scale = Scale::of(self.figure);
        let half = |(_, error, freedom): (f64, f64, f64)| quantile(1.0 - ALPHA / 2.0, freedom) * error;
        let change = self.distance.map(|distance| Change {
            estimate: scale.change(distance.0),
            low: scale.change(distance.0 - half(distance)),
            high: scale.change(distance.0 + half(distance)),
        });
        let verdict = match (self.lacks, change) {
            (Some(open), _) => Verdict::Undecided(open),
            (None, None) => Verdict::Undecided(Open::NoValue),
            (None, Some(change)) => {
                let sure = p_holm.is_some_and(|p| p <= ALPHA);
                if change.low >= -threshold && change.high <= threshold {
                    Verdict::Same
                } else if sure && change.estimate.abs() > threshold {
                    direction(self.figure.better(), change.estimate)
                } else {
                    Verdict::Undecided(self.needs(case, change, threshold, figures))
                }
            }
        };
        Difference {
            figure: self.figure,
            a: self.a,
            b: self.b,
            change,
            p: self.p,
            p_holm,
            threshold,
            between_runs: self.between_runs,
            verdict,
        }
    }

    /// How much more would decide a figure whose difference stays what it is: errors shrink with the root of the load.
    fn needs(&self, case: &Case, change: Change, threshold: f64, figures: usize) -> Open {
        let Some((distance, error, freedom)) = self.distance else { return Open::NoValue };
        let scale = Scale::of(self.figure);
        let factor = if change.estimate.abs() > threshold {
            // Until it is surely different, in the worst case of Holm's method.
            (quantile(1.0 - ALPHA / 2.0 / figures as f64, freedom) * error / distance).powi(2)
        } else {
            // Until the whole interval lies within the threshold.
            let room = (scale.distance(threshold) - distance).min(distance - scale.distance(-threshold));
            (quantile(1.0 - ALPHA / 2.0, freedom) * error / room).powi(2)
        };
        if !factor.is_finite() || factor > FACTOR_MAX {
            return Open::TooNear;
        }
        let more = (factor - 1.0).max(0.1);
        if case.by_run || self.between_runs {
            let fewest = case.runs_of_a.min(case.runs.len() - case.runs_of_a) as f64;
            return Open::MoreRuns((fewest * more).ceil() as u64);
        }
        Open::MoreSeconds(case.seconds * more)
    }
}

pub(super) fn direction(better: Better, change: f64) -> Verdict {
    match (better, change > 0.0) {
        (Better::Lower, false) | (Better::Higher, true) => Verdict::Better,
        (Better::Lower, true) | (Better::Higher, false) => Verdict::Worse,
        (Better::Neither, true) => Verdict::Higher,
        (Better::Neither, false) => Verdict::Lower,
    }
}

/// Holm's adjustment (Scandinavian Journal of Statistics 6, 1979) of the p-values that there are.
fn holm(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(index, p)| Some((index, (*p)?))).collect();
    order.sort_by(|left, right| left.1.total_cmp(&right.1));
    let mut adjusted = vec![None; values.len()];
    let mut least = 0.0_f64;
    for (rank, &(index, p)) in order.iter().enumerate() {
        least = least.max(p * (order.len() - rank) as f64).min(1.0);
        adjusted[index] = Some(least);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_is_as_in_the_textbook() {
        let adjusted = holm(&[Some(0.01), None, Some(0.04), Some(0.03), Some(0.005)]);
        let expected = [Some(0.03), None, Some(0.06), Some(0.06), Some(0.02)];
        for (found, expected) in adjusted.into_iter().zip(expected) {
            assert_eq!(found.map(|p| (p * 1e9).round()), expected.map(|p: f64| (p * 1e9).round()));
        }
    }
}
