//! A histogram with fixed bounds: observing a value allocates nothing.

/// Counts of values by upper bound, as Prometheus keeps them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Upper bounds, inclusive and rising.
    bounds: Box<[f64]>,
    /// One count for each bound, and one for what exceeds all.
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram. Without bounds it still keeps count and sum.
    pub(super) fn new(bounds: impl Into<Box<[f64]>>) -> Self {
        let bounds = bounds.into();
        let counts = vec![0; bounds.len() + 1].into();
        Histogram { bounds, counts, sum: 0.0 }
    }

    pub(super) fn observe(&mut self, value: f64) {
        self.observe_many(value, 1);
    }

    /// The same value `count` times.
    pub(super) fn observe_many(&mut self, value: f64, count: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place] += count;
        self.sum += value * count as f64;
    }

    /// The same values in a unit of which one of theirs is `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Histogram {
        let bounds = self.bounds.iter().map(|bound| bound * factor).collect();
        Histogram { bounds, counts: self.counts.clone(), sum: self.sum * factor }
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// Each bound with the number of values up to it; the last bound is infinite.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((bound, *below))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_the_first_bucket_that_reaches_it() {
        let mut histogram = Histogram::new([1.0, 2.0]);
        for (value, count) in [(0.0, 1), (1.0, 2), (1.5, 4), (2.0, 8), (2.1, 16)] {
            histogram.observe_many(value, count);
        }
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(1.0, 3), (2.0, 15), (f64::INFINITY, 31)]);
        assert_eq!((histogram.count(), histogram.sum()), (31, 2.0 + 6.0 + 16.0 + 33.6));
    }

    #[test]
    fn without_bounds_there_is_one_bucket() {
        let mut histogram = Histogram::new([]);
        histogram.observe(7.0);
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(f64::INFINITY, 1)]);
    }
}
