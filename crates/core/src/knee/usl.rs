//! The universal scalability law (N. Gunther): throughput as a function of the requests in flight.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Interval, KneePoint, interval};
use crate::seed::Seed;

/// Trials below which a fit of three constants says nothing.
const POINTS_MIN: usize = 6;
/// The largest median of the relative errors with which the law still describes the server.
const ERROR_MAX: f64 = 0.1;

/// `X(N) = rate N / (1 + contention (N - 1) + crosstalk N (N - 1))`, `N` requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usl {
    /// Requests per second of one request at a time.
    pub rate: f64,
    /// The share of the work that is done one by one, 0 to 1.
    pub contention: f64,
    /// The price of each pair of requests, 0 or more.
    pub crosstalk: f64,
    /// Requests in flight with the greatest throughput; `null` where there is no crosstalk.
    pub concurrency_max: Option<f64>,
    /// The greatest throughput, requests per second; `null` where throughput has no bound.
    pub throughput_max: Option<Interval>,
    /// The median of the relative errors of the fit.
    pub error: f64,
    /// Trials that it rests on.
    pub points: usize,
}

/// Why there is no fit.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum UslError {
    /// Too few trials.
    #[error("a fit of the scalability law needs {POINTS_MIN} steady trials, and there are {0}")]
    TooFew(usize),
    /// The server behaves in another way: one with a limit on what it works on at once is flat beyond it.
    #[error("the scalability law does not describe this server: the median error is {0:.2}")]
    DoesNotFit(f64),
}

/// The constants of a fit.
#[derive(Clone, Copy)]
struct Constants {
    rate: f64,
    contention: f64,
    crosstalk: f64,
}

impl Usl {
    /// Fits it to the steady trials.
    ///
    /// # Errors
    /// Too few trials, or the law does not describe them.
    pub fn fit(points: &[KneePoint], seed: Seed) -> Result<Self, UslError> {
        let steady = steady(points);
        if steady.len() < POINTS_MIN {
            return Err(UslError::TooFew(steady.len()));
        }
        let found = constants(&steady).ok_or(UslError::TooFew(steady.len()))?;
        let mut errors: Vec<f64> =
            steady.iter().map(|point| (found.at(point.concurrency) / point.throughput - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let error = errors[errors.len() / 2];
        if error > ERROR_MAX {
            return Err(UslError::DoesNotFit(error));
        }
        Ok(Usl {
            rate: found.rate,
            contention: found.contention,
            crosstalk: found.crosstalk,
            concurrency_max: found.concurrency_max(),
            throughput_max: interval(&steady, seed, |points| constants(points)?.throughput_max()),
            error,
            points: steady.len(),
        })
    }

    /// Requests per second with so many in flight, by the law.
    pub fn throughput(&self, in_flight: f64) -> f64 {
        let Usl { rate, contention, crosstalk, .. } = *self;
        Constants { rate, contention, crosstalk }.at(in_flight)
    }
}

/// The trials to which the law applies: those whose load could be held, since a growing backlog is no concurrency.
fn steady(points: &[KneePoint]) -> Vec<KneePoint> {
    let applies = |point: &&KneePoint| point.steady && point.throughput > 0.0 && point.concurrency > 0.0;
    points.iter().filter(applies).copied().collect()
}

impl Constants {
    fn at(&self, n: f64) -> f64 {
        self.rate * n / (1.0 + self.contention * (n - 1.0) + self.crosstalk * n * (n - 1.0))
    }

    fn concurrency_max(&self) -> Option<f64> {
        (self.crosstalk > 0.0).then(|| ((1.0 - self.contention).max(0.0) / self.crosstalk).sqrt().max(1.0))
    }

    fn throughput_max(&self) -> Option<f64> {
        match self.concurrency_max() {
            Some(n) => Some(self.at(n)),
            None => (self.contention > 0.0).then(|| self.rate / self.contention),
        }
    }
}

/// Least squares of relative errors: `X / N (1 + contention (N - 1) + crosstalk N (N - 1)) / rate` should be 1, which is
/// linear in `1 / rate` and its products with the others. None of the three is negative: where the best fit has one that
/// is, it is 0, and the rest is fitted anew.
fn constants(points: &[KneePoint]) -> Option<Constants> {
    let rows: Vec<[f64; 3]> = points
        .iter()
        .map(|point| {
            let (n, each) = (point.concurrency, point.throughput / point.concurrency);
            [each, each * (n - 1.0), each * n * (n - 1.0)]
        })
        .collect();
    let subsets = [&[0, 1, 2][..], &[0, 1], &[0, 2], &[0]];
    let fits = subsets.iter().filter_map(|chosen| {
        let found = least_squares(&rows, chosen)?;
        let error: f64 =
            rows.iter().map(|row| (1.0 - (0..3).map(|k| row[k] * found[k]).sum::<f64>()).powi(2)).sum();
        (found[0] > 0.0 && found.iter().all(|&value| value >= 0.0)).then_some((found, error))
    });
    let (found, _) = fits.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Constants { rate: 1.0 / found[0], contention: found[1] / found[0], crosstalk: found[2] / found[0] })
}

/// Solves for the `chosen` coefficients, all rows with the right side 1; the others are 0.
fn least_squares(rows: &[[f64; 3]], chosen: &[usize]) -> Option<[f64; 3]> {
    let size = chosen.len();
    let mut matrix = vec![vec![0.0; size + 1]; size];
    for row in rows {
        for (i, &a) in chosen.iter().enumerate() {
            for (j, &b) in chosen.iter().enumerate() {
                matrix[i][j] += row[a] * row[b];
            }
            matrix[i][size] += row[a];
        }
    }
    for column in 0..size {
        let pivot =
            (column..size).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        matrix.swap(column, pivot);
        let scale = matrix[column][column];
        if scale.abs() < 1e-300 {
            return None;
        }
        let lead: Vec<f64> = matrix[column].iter().map(|value| value / scale).collect();
        for (index, row) in matrix.iter_mut().enumerate() {
            let times = row[column];
            if index == column {
                row.clone_from(&lead);
            } else {
                row.iter_mut().zip(&lead).for_each(|(value, own)| *value -= times * own);
            }
        }
    }
    let mut found = [0.0; 3];
    chosen.iter().zip(&matrix).for_each(|(&index, row)| found[index] = row[size]);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(law: impl Fn(f64) -> f64, users: &[f64]) -> Vec<KneePoint> {
        let point = |&n: &f64| {
            let throughput = law(n);
            KneePoint {
                load: n,
                seconds: 30.0,
                throughput,
                latency: n / throughput,
                concurrency: n,
                steady: true,
            }
        };
        users.iter().map(point).collect()
    }

    #[test]
    fn the_constants_of_the_law_come_back() {
        // R package usl, data set specsdm91: 90 users at most, from Gunther, Guerrilla Capacity Planning, table 5.
        let law = Constants { rate: 90.0, contention: 0.0277, crosstalk: 0.000_104 };
        let found =
            Usl::fit(&points(|n| law.at(n), &[1.0, 18.0, 36.0, 72.0, 108.0, 144.0, 216.0]), Seed(1)).unwrap();
        assert!((found.rate - 90.0).abs() < 1e-6 && (found.contention - 0.0277).abs() < 1e-9, "{found:?}");
        assert!((found.concurrency_max.unwrap() - 96.69).abs() < 0.01, "{found:?}");
        let most = found.throughput_max.unwrap();
        assert!(
            most.low <= most.value && most.value <= most.high && (most.value - law.at(96.69)).abs() < 1e-3
        );
    }

    #[test]
    fn without_crosstalk_throughput_only_levels_off() {
        let found = Usl::fit(
            &points(|n| 10.0 * n / (1.0 + 0.1 * (n - 1.0)), &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]),
            Seed(1),
        );
        let found = found.unwrap();
        assert_eq!(found.concurrency_max, None);
        assert!((found.throughput_max.unwrap().value - 100.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn what_is_not_described_is_refused() {
        let few = points(|n| n, &[1.0, 2.0, 3.0]);
        assert_eq!(Usl::fit(&few, Seed(1)), Err(UslError::TooFew(3)));
        let wild = points(|n| [1.0, 100.0, 10.0][n as usize % 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert!(matches!(Usl::fit(&wild, Seed(1)), Err(UslError::DoesNotFit(_))));
        let backlog: Vec<KneePoint> =
            points(|n| n, &[1.0; 9]).into_iter().map(|point| KneePoint { steady: false, ..point }).collect();
        assert_eq!(Usl::fit(&backlog, Seed(1)), Err(UslError::TooFew(0)));
    }
}
