//! The client's error: what it measured against what the embedded server stamped on the same clock.

use super::histogram::{Samples, Unit};
use super::order_statistics::{PERCENTILES, percentile};
use crate::record::Record;
use crate::summary::{Distribution, Truth};
use crate::time::Offset;

/// Errors of the first and of the last token.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ClientErrors {
    first_token: Signed,
    last_token: Signed,
}

impl ClientErrors {
    /// Compares one record with its stamps, if it has any.
    pub(super) fn add(&mut self, record: &Record) {
        let Some(stamps) = record.stamps else { return };
        self.first_token.record(record.first_token(), stamps.first_token);
        self.last_token.record(record.last_token(), stamps.last_token);
    }

    pub(super) fn merge(&mut self, other: &ClientErrors) {
        self.first_token.merge(&other.first_token);
        self.last_token.merge(&other.last_token);
    }

    /// The errors, unless nothing was stamped.
    pub(super) fn truth(&self) -> Option<Truth> {
        let truth = Truth {
            first_token_error: self.first_token.distribution(),
            last_token_error: self.last_token.distribution(),
        };
        (truth.first_token_error.n + truth.last_token_error.n > 0).then_some(truth)
    }
}

/// Samples of either sign, nanoseconds: a histogram has no negative values, so there are two.
#[derive(Clone, Debug, Default, PartialEq)]
struct Signed {
    /// Magnitudes of those below zero.
    below: Samples,
    above: Samples,
}

impl Signed {
    fn record(&mut self, measured: Option<Offset>, stamped: Option<Offset>) {
        let (Some(measured), Some(stamped)) = (measured, stamped) else {
            return;
        };
        let (measured, stamped) = (measured.as_nanos(), stamped.as_nanos());
        match measured.checked_sub(stamped) {
            Some(late) => self.above.record(late),
            None => self.below.record(stamped - measured),
        }
    }

    fn merge(&mut self, other: &Signed) {
        self.below.merge(&other.below);
        self.above.merge(&other.above);
    }

    /// The sample with this rank, from 1, least first: the greatest magnitude below zero comes first.
    fn at_rank(&self, rank: u64) -> f64 {
        let below = self.below.n();
        if rank <= below {
            -(self.below.at_rank(below - rank + 1) as f64)
        } else {
            self.above.at_rank(rank - below) as f64
        }
    }

    fn distribution(&self) -> Distribution {
        let n = self.below.n() + self.above.n();
        let count = n as f64;
        let scale = Unit::Time.scale();
        let at_rank = |rank| self.at_rank(rank) / scale;
        let mean = (n > 0).then(|| (self.above.sum() as f64 - self.below.sum() as f64) / count);
        let squares = (self.below.sum_of_squares() + self.above.sum_of_squares()) as f64;
        let stdev = mean
            .filter(|_| n > 1)
            .map(|mean| ((squares - count * mean * mean).max(0.0) / (count - 1.0)).sqrt() / scale);
        Distribution {
            n,
            mean: mean.map(|mean| mean / scale),
            stdev,
            min: (n > 0).then(|| at_rank(1)),
            max: (n > 0).then(|| at_rank(n)),
            percentiles: PERCENTILES.iter().map(|&p| percentile(n, p, &at_rank)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_signs_are_ranked_together() {
        let mut seen = Signed::default();
        // Errors of -300, -100, 200 and 600 ns.
        for (measured, stamped) in [(1_000, 1_300), (1_000, 1_100), (1_200, 1_000), (1_600, 1_000)] {
            seen.record(Some(Offset::from_nanos(measured)), Some(Offset::from_nanos(stamped)));
        }
        seen.record(None, Some(Offset::ZERO));
        let ranked: Vec<f64> = (1..=4).map(|rank| seen.at_rank(rank)).collect();
        assert_eq!(ranked, [-300.0, -100.0, 200.0, 600.0]);
        let shown = seen.distribution();
        assert_eq!((shown.n, shown.mean), (4, Some(1e-7)));
        assert_eq!(shown.percentile(50.0), Some(-1e-7));
        // Deviations -400, -200, 100, 500: squares sum to 460000.
        assert!((shown.stdev.unwrap() - (460_000.0_f64 / 3.0).sqrt() / 1e9).abs() < 1e-15);
    }
}
