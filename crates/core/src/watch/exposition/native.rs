//! What histograms in Prometheus's protobuf say: classic buckets, and native ones whose bounds follow from their number.

use super::messages::{Bucket as Classic, Histogram};
use crate::watch::histogram::Bucket;

impl Histogram {
    pub(super) fn total(&self) -> f64 {
        whole_or_not(self.sample_count(), self.sample_count_float())
    }

    /// Bounds, and how many observations are not above them.
    pub(super) fn classic(&self) -> impl Iterator<Item = (f64, f64)> {
        let count =
            |bucket: &Classic| whole_or_not(bucket.cumulative_count(), bucket.cumulative_count_float());
        let buckets = if self.is_native() { &[] } else { self.bucket.as_slice() };
        // A page may leave out the last one, which has all.
        let is_cut = buckets.last().is_some_and(|last| last.upper_bound().is_finite());
        let all = is_cut.then_some((f64::INFINITY, self.total()));
        buckets.iter().map(move |bucket| (bucket.upper_bound(), count(bucket))).chain(all)
    }

    /// Whether it has native buckets: these are believed where there are both.
    fn is_native(&self) -> bool {
        !self.positive_span.is_empty() || self.zero_threshold() > 0.0
    }

    /// The native buckets that have observations. Bucket `i` of schema `s` ends at 2^(i / 2^s) and begins where the one
    /// before ends. Histograms with bounds of their own (schema -53) have none here.
    pub(super) fn native(&self) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        if !(-4..=8).contains(&self.schema()) {
            return buckets;
        }
        let zero = whole_or_not(self.zero_count(), self.zero_count_float());
        if zero > 0.0 {
            buckets.push(Bucket { above: 0.0, upto: self.zero_threshold(), count: zero });
        }
        let mut so_far = 0_i64;
        let whole = self.positive_delta.iter().map(|delta| {
            so_far = so_far.saturating_add(*delta);
            so_far as f64
        });
        let mut counts = whole.chain(self.positive_count.iter().copied());
        let bound = |number: i64| (number as f64 * 2_f64.powi(-self.schema())).exp2();
        let mut number = 0_i64;
        for span in &self.positive_span {
            number += i64::from(span.offset);
            for _ in 0..span.length {
                let Some(count) = counts.next() else { return buckets };
                if count > 0.0 {
                    buckets.push(Bucket { above: bound(number - 1), upto: bound(number), count });
                }
                number += 1;
            }
        }
        buckets
    }
}

/// A count that is whole, or else in fractions.
fn whole_or_not(whole: u64, fractions: f64) -> f64 {
    if whole > 0 { whole as f64 } else { fractions }
}

#[cfg(test)]
mod tests {
    use super::super::messages::BucketSpan;
    use super::*;

    #[test]
    fn native_buckets_have_the_bounds_of_their_numbers() {
        let histogram = Histogram {
            schema: Some(1), // two in each power of two
            zero_threshold: Some(1e-9),
            zero_count: Some(2),
            positive_span: vec![BucketSpan { offset: -1, length: 2 }, BucketSpan { offset: 3, length: 1 }],
            positive_delta: vec![3, -2, 4],
            ..Histogram::default()
        };
        let root = std::f64::consts::SQRT_2;
        let expected =
            [(0.0, 1e-9, 2.0), (0.5, 1.0 / root, 3.0), (1.0 / root, 1.0, 1.0), (2.0 * root, 4.0, 5.0)];
        let found = histogram.native();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (bucket, (above, upto, count)) in found.iter().zip(expected) {
            let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
            assert!(
                near(bucket.above, above) && near(bucket.upto, upto) && bucket.count == count,
                "{bucket:?}"
            );
        }
    }

    #[test]
    fn what_counts_in_fractions_is_read_too() {
        let span = BucketSpan { offset: 0, length: u32::MAX };
        let histogram = Histogram {
            sample_count_float: Some(1.5),
            positive_span: vec![span],
            positive_count: vec![1.5],
            ..Histogram::default()
        };
        assert_eq!(histogram.native(), [Bucket { above: 0.5, upto: 1.0, count: 1.5 }]);
        assert_eq!(histogram.total(), 1.5);
        assert!(Histogram { schema: Some(-53), ..histogram }.native().is_empty());
    }

    #[test]
    fn the_last_classic_bucket_is_always_there() {
        let bucket = |bound, count| Classic {
            cumulative_count: Some(count),
            upper_bound: Some(bound),
            ..Classic::default()
        };
        let histogram =
            Histogram { sample_count: Some(5), bucket: vec![bucket(1.0, 4)], ..Histogram::default() };
        assert_eq!(histogram.classic().collect::<Vec<_>>(), [(1.0, 4.0), (f64::INFINITY, 5.0)]);
        let histogram = Histogram { bucket: vec![bucket(f64::INFINITY, 5)], ..histogram };
        assert_eq!(histogram.classic().count(), 1);
        assert_eq!(Histogram::default().classic().count(), 0);
    }
}
