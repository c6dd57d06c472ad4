//! Percentiles from order statistics: which rank is the percentile, and between which ranks it lies with 95 % confidence.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::summary::Percentile;

/// The percentiles of every distribution in a report.
pub const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// Probability that the interval leaves on each side.
const TAIL: f64 = 0.025;

/// The samples that percentile `p` (above 0, below 100) needs to have a value: `1 / (1 - p / 100)`, so 2 for the
/// median, 100 for p99, 1000 for p99.9. With fewer it would be the maximum under another name.
pub fn min_samples(p: f64) -> u64 {
    // The ratio of such decimals may come out a hair above the whole number that it is.
    (100.0 / (100.0 - p) - 1e-6).ceil() as u64
}

/// The rank, from 1, of percentile `p` among `n` samples: the nearest-rank definition.
pub(crate) fn rank(n: u64, p: f64) -> u64 {
    ((n as f64 * p / 100.0 - 1e-6).ceil() as u64).clamp(1, n.max(1))
}

/// The ranks, from 1, between which percentile `p` lies with 95 % confidence, given `n` independent samples.
///
/// With `q = p / 100`, the lower rank `l` is the greatest with `P(Bin(n, q) < l) <= 2.5 %`, the upper rank `u` the
/// least with `P(Bin(n, q) >= u) <= 2.5 %` (David and Nagaraja, "Order Statistics", 7.1). An end that no sample can
/// give is `None`. Samples of one run are correlated near saturation, so the true interval is then wider.
pub fn interval(n: u64, p: f64) -> (Option<u64>, Option<u64>) {
    let Ok(successes) = Binomial::new(p / 100.0, n) else {
        return (None, None);
    };
    // P(Bin < r) grows with r, P(Bin >= r) falls.
    let above = first_rank(n, |rank| successes.cdf(rank - 1) > TAIL);
    let low = above.map_or(n, |rank| rank - 1);
    let high = first_rank(n, |rank| successes.sf(rank - 1) <= TAIL);
    ((low > 0).then_some(low), high)
}

/// The least rank in 1..=n for which `holds`, which stays true once it is.
fn first_rank(n: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = (1, n + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    (low <= n).then_some(low)
}

/// Percentile `p` of `n` samples, given the value at each rank.
pub(crate) fn percentile(n: u64, p: f64, at_rank: &impl Fn(u64) -> f64) -> Percentile {
    if n < min_samples(p) {
        return Percentile { p, ..Percentile::default() };
    }
    let (low, high) = interval(n, p);
    Percentile { p, value: Some(at_rank(rank(n, p))), low: low.map(at_rank), high: high.map(at_rank) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_p99_are_the_published_ranks() {
        for (n, low, high) in [
            (300, Some(293), None),
            (500, Some(490), Some(500)),
            (1_000, Some(983), Some(997)),
            (5_000, Some(4_936), Some(4_964)),
            (20_000, Some(19_772), Some(19_828)),
        ] {
            assert_eq!(interval(n, 99.0), (low, high), "n = {n}");
        }
    }

    #[test]
    fn intervals_of_the_median_are_those_of_the_sign_test() {
        // Tables of the sign test: of 10 samples the 2nd and the 9th, of 20 the 6th and the 15th; 5 are too few.
        for (n, low, high) in
            [(5, None, None), (10, Some(2), Some(9)), (20, Some(6), Some(15)), (0, None, None)]
        {
            assert_eq!(interval(n, 50.0), (low, high), "n = {n}");
        }
    }

    #[test]
    fn ends_have_at_most_their_share_outside_and_are_the_tightest_such() {
        for p in PERCENTILES {
            for n in [7, 40, 333, 4_321] {
                let successes = Binomial::new(p / 100.0, n).unwrap();
                let (low, high) = interval(n, p);
                if let Some(low) = low {
                    assert!(successes.cdf(low - 1) <= TAIL, "p{p} of {n}");
                    assert!(low == n || successes.cdf(low) > TAIL, "p{p} of {n}");
                }
                if let Some(high) = high {
                    assert!(successes.sf(high - 1) <= TAIL, "p{p} of {n}");
                    assert!(high == 1 || successes.sf(high - 2) > TAIL, "p{p} of {n}");
                }
            }
        }
    }

    #[test]
    fn a_percentile_needs_one_sample_beyond_it() {
        for (p, least) in [(50.0, 2), (75.0, 4), (90.0, 10), (95.0, 20), (99.0, 100), (99.9, 1_000)] {
            assert_eq!(min_samples(p), least, "p{p}");
        }
    }

    #[test]
    fn ranks_are_the_nearest() {
        for (n, p, expected) in [
            (100, 99.0, 99),
            (101, 99.0, 100),
            (1_000, 99.9, 999),
            (4, 75.0, 3),
            (5, 50.0, 3),
            (20, 95.0, 19),
            (10, 100.0, 10),
        ] {
            assert_eq!(rank(n, p), expected, "p{p} of {n}");
        }
    }
}
