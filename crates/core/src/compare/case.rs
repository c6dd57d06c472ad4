//! Two sides as they were measured: how far each figure's difference may be off, and whether there is enough to say so.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

use super::correlation::correlation_time;
use super::difference::{Open, Scale};
use super::figure::Figure;
use super::judge::ALPHA;
use super::pool::Pool;
use super::resample::{Movement, Sides};
use super::windows::{RunWindows, Stretch};
use crate::slo::Stat;
use crate::stats::Moments;

/// Windows that a side needs: with fewer nobody can tell how much windows differ.
const WINDOWS_MIN: usize = 20;
/// Independent windows that a side needs: where windows resemble their neighbours, several count as one.
const EFFECTIVE_MIN: f64 = 10.0;
/// Independent windows over which the values above a percentile must be spread on each side.
const MOMENTS_MIN: f64 = 5.0;
/// With so many runs on each side, runs are what is compared: they differ by what windows of one run cannot show.
const RUNS_MIN: usize = 5;
/// Level of the test whether runs of one side differ (Bancroft, Annals of Mathematical Statistics 15, 1944, on tests that
/// choose the error term: a strict level would keep differences that are there).
const RUNS_DIFFER: f64 = 0.25;
/// A figure that only so many times the load would decide is as good as never decided.
pub(super) const FACTOR_MAX: f64 = 100.0;

/// Two sides, and what is known of how they were measured.
pub(super) struct Case {
    pub(super) sides: Sides,
    /// Stretches of each run, A's runs first.
    pub(super) runs: Vec<std::ops::Range<usize>>,
    /// How many of `runs` are A's.
    pub(super) runs_of_a: usize,
    /// Whether a stretch is a whole run.
    pub(super) by_run: bool,
    /// Seconds of the side with fewer.
    pub(super) seconds: f64,
    window_seconds: f64,
}

/// One figure of both sides, before it is judged.
pub(super) struct Measured {
    pub(super) figure: Figure,
    pub(super) a: Option<f64>,
    pub(super) b: Option<f64>,
    /// Distance on the figure's scale, its standard error, and the degrees of freedom of that error.
    pub(super) distance: Option<(f64, f64, f64)>,
    pub(super) p: Option<f64>,
    pub(super) between_runs: bool,
    /// Why nothing can be said of it.
    pub(super) lacks: Option<Open>,
}

impl Case {
    pub(super) fn of(a: &[RunWindows], b: &[RunWindows]) -> Self {
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

    pub(super) fn measure(
        &self,
        figure: Figure,
        movement: Option<Movement>,
        permuted: Option<f64>,
    ) -> Measured {
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
        let movement = Movement { a: movement.a * alike, b: movement.b * alike };
        let mut variance = movement.a + movement.b;
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
    /// has several runs and these differ by more than their windows explain (F-test at 25 %: to take runs for alike that are
    /// not would be worse than the reverse).
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
        let limit = FisherSnedecor::new(freedom, windows.max(1.0)).ok()?.inverse_cdf(1.0 - RUNS_DIFFER);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_need_values_beyond_them() {
        for (p, need) in [(50.0, 6), (90.0, 36), (99.0, 368), (99.9, 3_688), (10.0, 36)] {
            assert_eq!(values_needed(p), need, "p{p}");
        }
    }
}
