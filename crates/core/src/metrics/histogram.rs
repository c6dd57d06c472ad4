//! Samples of one quantity: an HDR histogram with exact moments, and the distribution that reports show.

use hdrhistogram::Histogram;

use super::order_statistics::{PERCENTILES, percentile, rank};
use crate::summary::Distribution;

/// Significant digits of a histogram: values are right to 0.05 %.
const DIGITS: u8 = 3;

/// What the whole numbers of a histogram are, and what they become in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, reported in seconds.
    Time,
    /// Tokens, reported as such.
    Tokens,
}

impl Unit {
    /// Histogram units in one unit of the report.
    pub const fn scale(self) -> f64 {
        match self {
            Unit::Time => 1e9,
            Unit::Tokens => 1.0,
        }
    }
}

/// Samples of one quantity, in bounded memory (about 200 kB up to a value of some seconds).
///
/// Mean, standard deviation, least and greatest are exact; ranks are right to three digits. Merging two is the same
/// as having recorded all samples in one, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    histogram: Histogram<u64>,
    sum: u128,
    sum_of_squares: u128,
    min: u64,
    max: u64,
}

impl Default for Samples {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "fails only for more than five digits")]
        let histogram = Histogram::new(DIGITS).expect("three digits are accepted");
        Samples { histogram, sum: 0, sum_of_squares: 0, min: u64::MAX, max: 0 }
    }
}

impl Samples {
    /// Adds one sample.
    pub fn record(&mut self, value: u64) {
        // Grows as needed; with three digits every 64-bit value has a place.
        let placed = self.histogram.record(value);
        debug_assert!(placed.is_ok());
        let wide = u128::from(value);
        self.sum += wide;
        self.sum_of_squares = self.sum_of_squares.saturating_add(wide * wide);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds all samples of `other`.
    pub fn merge(&mut self, other: &Samples) {
        let placed = self.histogram.add(&other.histogram);
        debug_assert!(placed.is_ok());
        self.sum += other.sum;
        self.sum_of_squares = self.sum_of_squares.saturating_add(other.sum_of_squares);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
        (self.sum, self.sum_of_squares, self.min, self.max) = (0, 0, u64::MAX, 0);
    }

    /// How many there are.
    pub fn n(&self) -> u64 {
        self.histogram.len()
    }

    /// The least, if there is any.
    pub fn min(&self) -> Option<u64> {
        (self.n() > 0).then_some(self.min)
    }

    /// The greatest, if there is any.
    pub fn max(&self) -> Option<u64> {
        (self.n() > 0).then_some(self.max)
    }

    /// Sum of all samples, exact.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The mean, exact.
    pub fn mean(&self) -> Option<f64> {
        (self.n() > 0).then(|| self.sum as f64 / self.n() as f64)
    }

    /// The standard deviation of the sample (divisor `n - 1`); `None` below two samples.
    pub fn stdev(&self) -> Option<f64> {
        stdev(
            self.n(),
            self.sum as f64,
            || {
                // n Σx² - (Σx)² in whole numbers: the difference of two large floats would lose its digits.
                let squares = u128::from(self.n()).checked_mul(self.sum_of_squares)?;
                Some(squares.checked_sub(self.sum.checked_mul(self.sum)?)? as f64)
            },
            self.sum_of_squares as f64,
        )
    }

    /// The sample with this rank, from 1, right to three digits; ranks beyond the last give the greatest.
    pub fn at_rank(&self, rank: u64) -> u64 {
        match self.n() {
            0 => 0,
            n if rank >= n => self.max,
            n => {
                // Half a rank below, so that rounding in the quotient cannot step to the next sample.
                let value = self.histogram.value_at_quantile((rank as f64 - 0.5) / n as f64);
                self.histogram.median_equivalent(value).clamp(self.min, self.max)
            }
        }
    }

    /// Percentile `p`, 0 to 100, by nearest rank, however few samples there are: for views of the last seconds and
    /// for tables of other tools. Results use [`Samples::distribution`], which knows when there are too few.
    pub fn percentile(&self, p: f64) -> Option<u64> {
        (self.n() > 0).then(|| self.at_rank(rank(self.n(), p)))
    }

    /// The distribution as reports show it.
    pub fn distribution(&self, unit: Unit) -> Distribution {
        let n = self.n();
        let scale = unit.scale();
        let at_rank = |rank| self.at_rank(rank) as f64 / scale;
        Distribution {
            n,
            mean: self.mean().map(|mean| mean / scale),
            stdev: self.stdev().map(|stdev| stdev / scale),
            min: self.min().map(|min| min as f64 / scale),
            max: self.max().map(|max| max as f64 / scale),
            percentiles: PERCENTILES.iter().map(|&p| percentile(n, p, &at_rank)).collect(),
        }
    }

    /// Sum of the squares of all samples.
    pub(super) fn sum_of_squares(&self) -> u128 {
        self.sum_of_squares
    }
}

/// Standard deviation from `n Σx² - (Σx)²`, exact if `spread` can give it, else in floating point.
fn stdev(n: u64, sum: f64, spread: impl FnOnce() -> Option<f64>, sum_of_squares: f64) -> Option<f64> {
    let count = n as f64;
    let spread =
        (n > 1).then(|| spread().unwrap_or_else(|| (count * sum_of_squares - sum * sum).max(0.0)))?;
    Some((spread / count / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples(values: &[u64]) -> Samples {
        let mut samples = Samples::default();
        values.iter().for_each(|&value| samples.record(value));
        samples
    }

    #[test]
    fn moments_are_exact() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squared deviations 32.
        let seen = samples(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!(seen.mean(), Some(5.0));
        assert_eq!(seen.stdev(), Some((32.0_f64 / 7.0).sqrt()));
        assert_eq!((seen.min(), seen.max(), seen.n()), (Some(2), Some(9), 8));
        // A spread of 1 ns on top of a second is not lost in rounding.
        assert_eq!(samples(&[1_000_000_000, 1_000_000_002]).stdev(), Some(2.0_f64.sqrt()));
    }

    #[test]
    fn of_few_samples_only_what_is_defined_is_reported() {
        let none = Samples::default().distribution(Unit::Time);
        assert_eq!((none.n, none.mean, none.min, none.max, none.stdev), (0, None, None, None, None));
        assert!(none.percentiles.iter().all(|entry| entry.value.is_none()));

        let one = samples(&[7]).distribution(Unit::Tokens);
        assert_eq!((one.mean, one.stdev, one.percentile(50.0)), (Some(7.0), None, None));

        let hundred = samples(&(1..=100).collect::<Vec<_>>()).distribution(Unit::Tokens);
        assert_eq!(hundred.percentile(99.0), Some(99.0));
        assert_eq!(hundred.percentile(99.9), None);
        let median = hundred.percentiles[0];
        assert_eq!((median.value, median.low, median.high), (Some(50.0), Some(40.0), Some(61.0)));
        let p99 = hundred.percentiles[4];
        assert_eq!((p99.low, p99.high), (Some(97.0), None));
    }

    #[test]
    fn times_are_reported_in_seconds() {
        let seen = samples(&[50_000_000; 200]).distribution(Unit::Time);
        assert_eq!((seen.mean, seen.percentile(99.0)), (Some(0.05), Some(0.05)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn ranks_are_right_to_three_digits(mut values in prop::collection::vec(0..u64::MAX / 4, 1..200)) {
            let seen = samples(&values);
            values.sort_unstable();
            for (index, &value) in values.iter().enumerate() {
                let found = seen.at_rank(index as u64 + 1);
                prop_assert!(found.abs_diff(value) as f64 <= value as f64 * 0.000_51, "{found} for {value}");
            }
        }

        #[test]
        fn merging_is_recording_together(
            left in prop::collection::vec(0..1u64 << 40, 0..50),
            right in prop::collection::vec(0..1u64 << 40, 0..50),
        ) {
            let mut merged = samples(&left);
            merged.merge(&samples(&right));
            let together = samples(&[right, left].concat());
            prop_assert_eq!(merged.distribution(Unit::Time), together.distribution(Unit::Time));
        }
    }
}
