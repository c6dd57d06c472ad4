//! Whether a series grows: a trend test that knows that successive windows resemble each other.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Windows below which no trend is looked for.
pub(super) const WINDOWS_MIN: usize = 10;
/// Probability of finding a trend where there is none.
const ALPHA: f64 = 0.01;
/// The fitted growth over the series must be at least this share of its mean …
const GROWTH_MIN: f64 = 0.2;
/// … and at least this much, so that three requests in flight that become four are no backlog.
const RISE_MIN: f64 = 3.0;
/// The second half must grow at least at this share of the pace of the whole: a queue that fills and then stands
/// is not a backlog.
const LASTING: f64 = 0.5;

/// Whether `series` (requests in flight, one value per second) grows significantly, sizeably and to its end.
///
/// An ordinary least-squares slope, t-tested one-sided at 1 %, in which `n` values whose residuals have the lag-1
/// autocorrelation `r` count as `n (1 - r) / (1 + r)` (Santer et al. 2000, doi:10.1029/1999JD901105): queues near
/// saturation wander, and a wandering is not a trend.
pub fn grows(series: &[f64]) -> bool {
    if series.len() < WINDOWS_MIN {
        return false;
    }
    let whole = Line::fit(series);
    let second_half = Line::fit(&series[series.len() / 2..]);
    let rise = whole.slope * (series.len() - 1) as f64;
    rise >= RISE_MIN
        && rise >= GROWTH_MIN * whole.mean
        && second_half.slope >= LASTING * whole.slope
        && whole.significant(series)
}

/// A least-squares line through a series, against the index.
struct Line {
    mean: f64,
    middle: f64,
    slope: f64,
    /// Sum of squared deviations of the index.
    spread: f64,
}

impl Line {
    fn fit(series: &[f64]) -> Self {
        let n = series.len() as f64;
        let mean = series.iter().sum::<f64>() / n;
        let middle = (n - 1.0) / 2.0;
        let spread = n * (n * n - 1.0) / 12.0;
        let covariation: f64 =
            series.iter().enumerate().map(|(index, value)| (index as f64 - middle) * (value - mean)).sum();
        Line { mean, middle, slope: covariation / spread, spread }
    }

    fn significant(&self, series: &[f64]) -> bool {
        let residuals: Vec<f64> = series
            .iter()
            .enumerate()
            .map(|(index, value)| value - self.mean - self.slope * (index as f64 - self.middle))
            .collect();
        let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
        let n = series.len() as f64;
        if squares <= f64::EPSILON * self.mean * self.mean * n {
            return self.slope > 0.0; // an exact line
        }
        let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let correlation = (lagged / squares).clamp(0.0, 0.99);
        let widening = (1.0 + correlation) / (1.0 - correlation);
        let independent = n / widening;
        if independent <= 3.0 {
            return false;
        }
        let error = (squares / (independent - 2.0) / self.spread).sqrt();
        let Ok(student) = StudentsT::new(0.0, 1.0, independent - 2.0) else {
            return false;
        };
        student.sf(self.slope / error) < ALPHA
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::seed::Seed;

    /// A series around `level` that rises by `slope` per window, with noise that remembers `memory` of itself.
    fn noisy(seed: u64, windows: usize, level: f64, slope: f64, memory: f64) -> Vec<f64> {
        let mut rng = Seed(seed).stream("trend test");
        let mut noise = 0.0;
        (0..windows)
            .map(|index| {
                noise = memory * noise + rng.random_range(-1.0..1.0) * level * 0.1;
                level + slope * index as f64 + noise
            })
            .collect()
    }

    #[test]
    fn only_a_lasting_growth_of_some_size_is_one() {
        let rising: Vec<f64> = (0..60).map(|second| 10.0 + f64::from(second)).collect();
        let falling: Vec<f64> = rising.iter().rev().copied().collect();
        let filling: Vec<f64> =
            (0..60).map(|second| 50.0 * (1.0 - (-f64::from(second) / 5.0).exp())).collect();
        let barely: Vec<f64> = (0..60).map(|second| 1_000.0 + f64::from(second)).collect();
        let small: Vec<f64> = (0..60).map(|second| 1.0 + f64::from(second) / 60.0).collect();
        for (what, series, expected) in [
            ("a line", &rising[..], true),
            ("too short", &rising[..9], false),
            ("falling", &falling, false),
            ("filling, then standing", &filling, false),
            ("growth of 6 %", &barely, false),
            ("growth of one request", &small, false),
            ("standing", &[7.0; 60], false),
            ("idle", &[0.0; 60], false),
        ] {
            assert_eq!(grows(series), expected, "{what}");
        }
    }

    #[test]
    fn a_wandering_queue_is_rarely_called_a_backlog_and_a_growing_one_nearly_always() {
        let found =
            |slope, memory| (0..500).filter(|&seed| grows(&noisy(seed, 60, 50.0, slope, memory))).count();
        assert!(found(0.0, 0.0) <= 5, "{}", found(0.0, 0.0));
        assert!(found(0.0, 0.8) <= 15, "{}", found(0.0, 0.8));
        assert!(found(1.0, 0.0) >= 495, "{}", found(1.0, 0.0));
        assert!(found(1.0, 0.5) >= 475, "{}", found(1.0, 0.5));
    }
}
