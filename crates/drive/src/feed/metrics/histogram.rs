//! A histogram as Prometheus keeps it, in both ways at once: with fixed bounds, and native with exponential buckets.

use std::collections::BTreeMap;

/// The schema of native histograms: bounds are the powers of 2^(2^-6), 1.1 % apart, so that a quantile found in a bucket
/// is within 1.1 % of the truth wherever it lies there. OpenTelemetry calls the same the scale.
pub const SCHEMA: i32 = 6;
/// Buckets between a number and its double.
const BUCKETS_PER_DOUBLING: f64 = (1 << SCHEMA) as f64;
/// Smaller values count as zero: the usual threshold of Prometheus' libraries, 2^-128.
pub const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;
/// The classic bounds within a power of ten.
const MANTISSAS: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// Counts of values that are not negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Upper bounds of the classic buckets, inclusive and rising.
    bounds: &'static [f64],
    /// One count for each bound, and one for what exceeds all.
    classic: Vec<u64>,
    /// Counts of native buckets by index: `i` ends with 2^(i / 2^[`SCHEMA`]), inclusive.
    native: BTreeMap<i32, u64>,
    zero: u64,
    count: u64,
    sum: f64,
}

impl Histogram {
    /// An empty histogram with these classic bounds, which rise.
    pub fn new(bounds: &'static [f64]) -> Self {
        let classic = vec![0; bounds.len() + 1];
        Histogram { bounds, classic, native: BTreeMap::new(), zero: 0, count: 0, sum: 0.0 }
    }

    /// Counts a value, 0 or more.
    pub fn observe(&mut self, value: f64) {
        self.classic[self.bounds.partition_point(|&bound| bound < value)] += 1;
        match value <= ZERO_THRESHOLD {
            true => self.zero += 1,
            false => *self.native.entry(native_index(value)).or_default() += 1,
        }
        self.count += 1;
        self.sum += value;
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Values that count as zero.
    pub fn zero(&self) -> u64 {
        self.zero
    }

    /// Each classic bound with the number of values up to it; the last bound is infinite.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.classic).scan(0, |below, (bound, count)| {
            *below += count;
            Some((bound, *below))
        })
    }

    /// The native buckets that hold something, in stretches without a gap.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (&index, &count) in &self.native {
            match spans.last_mut().filter(|span| span.first + span.counts.len() as i32 == index) {
                Some(span) => span.counts.push(count),
                None => spans.push(Span { first: index, counts: vec![count] }),
            }
        }
        spans
    }
}

/// Native buckets without a gap between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the first.
    pub first: i32,
    /// Their counts.
    pub counts: Vec<u64>,
}

/// The index of the native bucket of a value above zero: the least whose upper bound reaches it.
fn native_index(value: f64) -> i32 {
    let index = (value.log2() * BUCKETS_PER_DOUBLING).ceil() as i32;
    // The logarithm of a bound itself may be rounded up.
    if upper_bound(index - 1) >= value { index - 1 } else { index }
}

/// The upper bound of a native bucket.
fn upper_bound(index: i32) -> f64 {
    (f64::from(index) / BUCKETS_PER_DOUBLING).exp2()
}

/// Classic bounds from 10^`from` to 7 · 10^`to`: six in each power of ten.
pub(super) fn decades(from: i32, to: i32) -> Vec<f64> {
    let decade = |power: i32| {
        // A division by a power of ten rounds once: 0.003 and not 0.0030000000000000001.
        MANTISSAS.map(|mantissa| match power < 0 {
            true => mantissa / 10_f64.powi(-power),
            false => mantissa * 10_f64.powi(power),
        })
    };
    (from..=to).flat_map(decade).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_counts_in_the_first_bucket_that_reaches_it() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        [0.0, 1.0, 1.5, 2.0, 2.0, 2.1, 1e6].into_iter().for_each(|value| histogram.observe(value));
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(1.0, 2), (2.0, 5), (f64::INFINITY, 7)]);
        assert_eq!((histogram.count(), histogram.zero(), histogram.sum()), (7, 1, 1_000_008.6));
        let spans = histogram.spans();
        let firsts: Vec<_> = spans.iter().map(|span| (span.first, span.counts.clone())).collect();
        // 1 = 2^0 ends bucket 0; 1.5 = 2^0.585, 0.585 * 64 = 37.4; 2 = 2^1 ends bucket 64; 2.1: 68.5; 1e6: 1275.6.
        let expected = [(0, 1), (38, 1), (64, 2), (69, 1), (1276, 1)];
        assert_eq!(firsts, expected.map(|(first, count)| (first, vec![count])));
    }

    #[test]
    fn neighbours_are_one_span() {
        let mut histogram = Histogram::new(&[]);
        [1.0, 1.01, 1.02, 1.03, 4.0].into_iter().for_each(|value| histogram.observe(value));
        let spans = histogram.spans();
        assert_eq!(spans[0], Span { first: 0, counts: vec![1, 1, 1, 1] });
        assert_eq!(spans[1], Span { first: 128, counts: vec![1] });
    }

    #[test]
    fn classic_bounds_read_well() {
        let bounds = decades(-3, 2);
        let text: Vec<String> = bounds.iter().map(f64::to_string).collect();
        assert_eq!((bounds.len(), text[0].as_str(), text[3].as_str()), (36, "0.001", "0.003"));
        assert_eq!(text[35], "700");
        assert!(text.iter().all(|text| text.len() <= 6), "{text:?}");
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
    }

    proptest! {
        #[test]
        fn a_native_bucket_holds_its_values_and_is_narrow(value in 1e-9_f64..1e9) {
            let index = native_index(value);
            prop_assert!(upper_bound(index - 1) < value && value <= upper_bound(index));
            prop_assert!(upper_bound(index) / upper_bound(index - 1) < 1.011);
        }

        #[test]
        fn bounds_belong_to_the_bucket_that_they_end(index in -1500_i32..1500) {
            prop_assert_eq!(native_index(upper_bound(index)), index);
        }
    }
}
