//! From the windows of two sides to a verdict on each figure.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

use super::correlation::correlation_time;
use super::difference::{Change, Difference, Open, Scale, Verdict};
use super::figure::{Better, Figure, Measure};
use super::pool::Pool;
use super::resample::{Movement, Sides};
use super::windows::{RunWindows, Stretch};
use crate::seed::Seed;
use crate::slo::Stat;
use crate::stats::Moments;

/// Probability that any figure is called different when none is.
pub(super) const ALPHA: f64 = 0.05;
/// Windows that a side needs: with fewer nobody can tell how much windows differ.
const WINDOWS_MIN: usize = 20;
/// Independent windows that a side needs: where windows resemble their neighbours, several count as one.
const EFFECTIVE_MIN: f64 = 10.0;
/// Independent windows over which the values above a percentile must be spread on each side.
const MOMENTS_MIN: f64 = 5.0;
/// With so many runs on each side, runs are what is compared: they differ by what windows of one run cannot show.
const RUNS_MIN: usize = 5;
/// A figure that only so many times the load would decide is as good as never decided.
const FACTOR_MAX: f64 = 100.0;

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

/// Two sides, and what is known of how they were measured.
struct Case {
    sides: Sides,
    /// Stretches of each run, A's runs first.
    runs: Vec<std::ops::Range<usize>>,
    /// How many of `runs` are A's.
    runs_of_a: usize,
    /// Whether a stretch is a whole run.
    by_run: bool,
    /// Seconds of the side with fewer.
    seconds: f64,
    window_seconds: f64,
}

/// One figure of both sides, before it is judged.
struct Measured {
    figure: Figure,
    a: Option<f64>,
    b: Option<f64>,
    /// Distance on the figure's scale, its standard error, and the degrees of freedom of that error.
    distance: Option<(f64, f64, f64)>,
    p: Option<f64>,
    between_runs: bool,
    /// Why nothing can be said of it.
    lacks: Option<Open>,
}

impl Case {
    fn of(a: &[RunWindows], b: &[RunWindows]) -> Self {
        let by_run = a.len().min(b.len()) >= RUNS_MIN;
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut runs = Vec::new();
        let mut split = 0;
        for (index, run) in a.iter().chain(b).enumerate() {
            let first = stretches.len();
            if index == a.len() {
                split = first;
            }
            if by_run {
                stretches.push(run.whole())
            } else {
                stretches.extend_from_slice(run.stretches())
            }
            runs.push(first..stretches.len());
        }
        let seconds = |side: &[RunWindows]| -> f64 {
            side.iter().map(|run| run.window_seconds() * run.count() as f64).sum()
        };
        let total = stretches.len();
        Case {
            sides: Sides { pool: Pool::new(stretches), split, total },
            runs,
            runs_of_a: a.len(),
            by_run,
            seconds: seconds(a).min(seconds(b)),
            window_seconds: a.iter().chain(b).map(RunWindows::window_seconds).fold(0.0, f64::max),
        }
    }

    /// Stretches of A and of B.
    fn sizes(&self) -> (f64, f64) {
        (self.sides.split as f64, (self.sides.total - self.sides.split) as f64)
    }

    fn measure(&self, figure: Figure, movement: Option<Movement>, permuted: Option<f64>) -> Measured {
        let (on_a, on_b) = (self.sides.as_measured(true), self.sides.as_measured(false));
        let value = |times: &[u32]| self.sides.pool.figure(figure, times);
        let (a, b) = (value(&on_a), value(&on_b));
        let mut measured =
            Measured { figure, a, b, distance: None, p: None, between_runs: false, lacks: None };
        let places = self.sides.places(figure, &on_a, &on_b);
        let (Some((at_a, at_b)), Some(movement), None) = (places, movement, self.lacks(figure)) else {
            measured.lacks = self.lacks(figure).or(Some(Open::NoValue));
            return measured;
        };
        let (n_a, n_b) = self.sizes();
        // The bootstrap of n draws is too narrow by n / (n - 1).
        let mut movement = Movement {
            a: movement.a * n_a / (n_a - 1.0).max(1.0),
            b: movement.b * n_b / (n_b - 1.0).max(1.0),
        };
        if figure == Figure::ErrorRate {
            movement.a = movement.a.max(self.least_variance(&on_a));
            movement.b = movement.b.max(self.least_variance(&on_b));
        }
        let alike = self.alike(figure, &on_a, &on_b, (a, b));
        let evidence = self.evidence(figure, (a, b), alike);
        if evidence.least < evidence.needed && !self.by_run {
            let more = evidence.needed / evidence.least.max(f64::MIN_POSITIVE) - 1.0;
            let seconds = self.seconds * more.max(0.1);
            measured.lacks = Some(if more > FACTOR_MAX { Open::TooNear } else { Open::MoreSeconds(seconds) });
            return measured;
        }
        let mut variance = (movement.a + movement.b) * alike;
        let mut freedom = (evidence.both - 2.0).max(1.0);
        if let Some((between, runs_freedom)) = self.between_runs(figure, movement) {
            (variance, freedom, measured.between_runs) = (between, runs_freedom, true);
        }
        let (distance, error) = (at_b - at_a, variance.sqrt());
        measured.distance = Some((distance, error, freedom));
        let student = p_value(distance, error, freedom);
        measured.p = permuted.map(|p| p.max(student));
        measured
    }

    /// How much independent evidence there is of a figure. Of a percentile it is over how many independent windows the
    /// values above it are spread: if all that is slow came in one bad moment, that moment is all that is known.
    fn evidence(&self, figure: Figure, values: (Option<f64>, Option<f64>), alike: f64) -> Evidence {
        let (n_a, n_b) = self.sizes();
        let windows = Evidence::of(n_a / alike, n_b / alike, EFFECTIVE_MIN);
        let (Figure::Of(name, Stat::Percentile(_)), (Some(a), Some(b)), false) =
            (figure, values, self.by_run)
        else {
            return windows;
        };
        let spread =
            |a: bool, limit| self.sides.pool.spread_above(name, limit, &self.sides.as_measured(a)) / alike;
        let moments = Evidence::of(spread(true, a), spread(false, b), MOMENTS_MIN);
        if moments.least / moments.needed < windows.least / windows.needed { moments } else { windows }
    }

    /// The variance of a share of which nothing was seen is not zero: that of a share with one more failure and one more
    /// success (Laplace).
    fn least_variance(&self, times: &[u32]) -> f64 {
        let (failed, scheduled) = self.sides.pool.failures(times);
        let share = (failed + 1.0) / (scheduled + 2.0);
        share * (1.0 - share) / (scheduled + 2.0)
    }

    /// How many neighbouring windows are worth one: 1 if they are independent.
    fn alike(&self, figure: Figure, on_a: &[u32], on_b: &[u32], values: (Option<f64>, Option<f64>)) -> f64 {
        let (Some(a), Some(b), false) = (values.0, values.1, self.by_run) else { return 1.0 };
        let mut all = self.sides.pool.contributions(figure, on_a, a);
        all.extend(self.sides.pool.contributions(figure, on_b, b));
        let runs: Vec<&[f64]> = self.runs.iter().filter_map(|run| all.get(run.clone())).collect();
        correlation_time(&runs)
    }

    /// The variance of the difference as runs of one side show it, with its degrees of freedom; nothing unless some side
    /// has several runs and these differ by more than their windows explain (F-test at 5 %).
    fn between_runs(&self, figure: Figure, movement: Movement) -> Option<(f64, f64)> {
        if self.by_run {
            return None;
        }
        let scale = Scale::of(figure);
        let place = |run: &std::ops::Range<usize>| {
            let times: Vec<u32> =
                (0..self.sides.total).map(|index| u32::from(run.contains(&index))).collect();
            scale.place(self.sides.pool.figure(figure, &times)?)
        };
        let side = |runs: &[std::ops::Range<usize>]| runs.iter().filter_map(place).collect::<Moments>();
        let (a, b) = (side(&self.runs[..self.runs_of_a]), side(&self.runs[self.runs_of_a..]));
        let (free_a, free_b) = (a.count().saturating_sub(1) as f64, b.count().saturating_sub(1) as f64);
        let freedom = free_a + free_b;
        if freedom < 1.0 {
            return None;
        }
        let seen = (a.variance() * free_a + b.variance() * free_b) / freedom;
        let expected =
            (movement.a * a.count() as f64 * free_a + movement.b * b.count() as f64 * free_b) / freedom;
        let windows = self.sides.total as f64 - self.runs.len() as f64;
        let limit = FisherSnedecor::new(freedom, windows.max(1.0)).ok()?.inverse_cdf(1.0 - ALPHA);
        let variance = seen * (1.0 / a.count().max(1) as f64 + 1.0 / b.count().max(1) as f64);
        (seen > limit * expected).then_some((variance, freedom))
    }

    /// What is missing before anything can be said of a figure at all.
    fn lacks(&self, figure: Figure) -> Option<Open> {
        let (n_a, n_b) = (self.sides.split, self.sides.total - self.sides.split);
        if let Figure::Of(name, Stat::Percentile(p)) = figure {
            let need = values_needed(p);
            let count = |a| self.sides.pool.count(name, &self.sides.as_measured(a));
            let have = count(true).min(count(false));
            if have < need {
                return Some(if have == 0 { Open::NoValue } else { Open::FewValues { have, need } });
            }
        }
        let few = !self.by_run && n_a.min(n_b) < WINDOWS_MIN;
        few.then(|| Open::FewWindows { have: n_a.min(n_b), need: WINDOWS_MIN, seconds: self.window_seconds })
    }
}

/// Independent pieces of evidence.
struct Evidence {
    /// Of the side that has fewer.
    least: f64,
    both: f64,
    /// What each side needs.
    needed: f64,
}

impl Evidence {
    fn of(a: f64, b: f64, needed: f64) -> Self {
        Evidence { least: a.min(b), both: a + b, needed }
    }
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

/// Values that percentile `p` needs for a 95 % interval with two ends (order statistics: the greatest value lies above the
/// percentile with probability `1 - (p / 100)^n`).
fn values_needed(p: f64) -> u64 {
    let side = |share: f64| ((ALPHA / 2.0).ln() / share.ln()).ceil();
    side(p / 100.0).max(side(1.0 - p / 100.0)) as u64
}

/// The quantile of Student's t.
pub(super) fn quantile(probability: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(probability))
}

/// The two-sided p-value of a distance by its standard error.
fn p_value(distance: f64, error: f64, freedom: f64) -> f64 {
    if error <= 0.0 {
        return if distance == 0.0 { 1.0 } else { 0.0 };
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |student| 2.0 * student.sf((distance / error).abs()))
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
