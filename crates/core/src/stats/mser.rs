//! Where a series becomes steady: the truncation rule MSER-5.

/// Values of the series in one batch.
const BATCH: usize = 5;
/// Batches below which nothing is said.
const BATCHES_MIN: usize = 10;

/// Where a series becomes steady.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steady {
    /// Values to leave out at its beginning: a multiple of five, at most half of all.
    pub(crate) skip: usize,
    /// Whether it became steady at all: not when the best place to cut is the last that is allowed.
    pub(crate) found: bool,
}

/// Finds where `series` becomes steady; nothing for fewer than fifty values.
///
/// The values become means of five. Of all cuts `d` in the first half of the `k` means that one is chosen for which
/// `sum((x_i - mean_d)^2, i > d) / (k - d)^2` is least: the squared standard error of the mean of what is left (White, "An
/// Effective Truncation Heuristic for Bias Reduction in Simulation Output", Simulation 69, 1997; batches of five: Spratt
/// 1998; the half: White and Robinson, Journal of Simulation 4, 2010).
pub(crate) fn mser5(series: &[f64]) -> Option<Steady> {
    let means: Vec<f64> =
        series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if means.len() < BATCHES_MIN {
        return None;
    }
    let last = means.len() / 2;
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (cut, value) in means.iter().enumerate().rev() {
        // Welford's update, from the end to the beginning.
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
        let error = squares / (count * count);
        // Of equal ones the earliest: nothing is left out for nothing.
        if cut <= last && error <= best.0 {
            best = (error, cut);
        }
    }
    Some(Steady { skip: best.1 * BATCH, found: best.1 < last })
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::seed::Seed;

    fn noisy(seed: u64, n: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut rng = Seed(seed).stream("mser test");
        (0..n).map(|index| of(index as f64) + rng.random_range(-1.0..1.0)).collect()
    }

    #[test]
    fn known_series_are_cut_where_they_become_steady() {
        let step =
            |at: usize, n: usize| (0..n).map(|index| if index < at { 9.0 } else { 1.0 }).collect::<Vec<_>>();
        for (what, series, expected) in [
            ("too short", vec![1.0; 49], None),
            ("constant", vec![1.0; 100], Some((0, true))),
            ("a step at the edge of a batch", step(20, 100), Some((20, true))),
            ("a step within a batch", step(22, 100), Some((25, true))),
            ("a step before the half", step(45, 100), Some((45, true))),
            ("a line, never steady", (0..100).map(f64::from).collect(), Some((50, false))),
        ] {
            let found = mser5(&series).map(|steady| (steady.skip, steady.found));
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn an_exponential_warm_up_is_cut_after_some_of_its_time_constants() {
        // 30 exp(-t / 20): below the noise of a batch, 0.26, after 95.
        for seed in 0..50 {
            let found = mser5(&noisy(seed, 600, |t| 10.0 - 30.0 * (-t / 20.0).exp())).unwrap();
            assert!(found.found && (50..=250).contains(&found.skip), "{seed}: {found:?}");
        }
    }

    #[test]
    fn a_steady_series_loses_little() {
        let cuts: Vec<usize> = (0..200).map(|seed| mser5(&noisy(seed, 600, |_| 5.0)).unwrap().skip).collect();
        let mean = cuts.iter().sum::<usize>() as f64 / cuts.len() as f64;
        assert!(mean < 60.0, "{mean} of 600");
    }
}
