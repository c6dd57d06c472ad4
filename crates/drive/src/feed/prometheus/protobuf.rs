//! Prometheus' messages of metrics, with classic and native histograms at once.

use plimsoll_core::watch::messages::{self, BucketSpan, LabelPair, Metric, MetricFamily, Number};
use prost::Message;

use super::super::metrics::{Family, Histogram, Kind, SCHEMA, Snapshot, Value, ZERO_THRESHOLD};

/// Native buckets in the form that both messages have: stretches, and each count as its difference from the one before.
pub(super) fn native(histogram: &Histogram) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::new(), Vec::new());
    let (mut end, mut before) = (0, 0);
    for span in histogram.spans() {
        spans.push(BucketSpan { offset: span.first - end, length: span.counts.len() as u32 });
        end = span.first + span.counts.len() as i32;
        for count in span.counts {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            deltas.push(count - before);
            before = count;
        }
    }
    (spans, deltas)
}

/// The metrics as messages, each with its length in front.
pub(super) fn delimited(snapshot: &Snapshot) -> Vec<u8> {
    let families = snapshot.families.iter().map(|family| message(family, &snapshot.testid));
    families.flat_map(|family| family.encode_length_delimited_to_vec()).collect()
}

fn message(family: &Family, testid: &str) -> MetricFamily {
    let about = family.about;
    let metric = |series: &super::super::metrics::Series| {
        let own = series.labels.iter().map(|(name, value)| (*name, value.as_str()));
        let label = std::iter::once(("testid", testid)).chain(own);
        let pair = |(name, value): (&str, &str)| LabelPair { name: name.to_owned(), value: value.to_owned() };
        let mut metric = Metric { label: label.map(pair).collect(), ..Metric::default() };
        match (&series.value, about.kind) {
            (Value::Histogram(histogram), _) => metric.histogram = Some(both(histogram)),
            (Value::Number(value), Kind::Counter) => metric.counter = Some(Number { value: Some(*value) }),
            (Value::Number(value), _) => metric.gauge = Some(Number { value: Some(*value) }),
        }
        metric
    };
    MetricFamily {
        name: about.name.to_owned(),
        help: about.help.to_owned(),
        kind: Some(match about.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Histogram => 4,
        }),
        metric: family.series.iter().map(metric).collect(),
        unit: about.unit.word().unwrap_or_default().to_owned(),
    }
}

fn both(histogram: &Histogram) -> messages::Histogram {
    let (positive_span, positive_delta) = native(histogram);
    let bucket = |(bound, below)| messages::Bucket {
        cumulative_count: Some(below),
        upper_bound: Some(bound),
        ..messages::Bucket::default()
    };
    messages::Histogram {
        sample_count: Some(histogram.count()),
        sample_sum: Some(histogram.sum()),
        bucket: histogram.cumulative().map(bucket).collect(),
        schema: Some(SCHEMA),
        zero_threshold: Some(ZERO_THRESHOLD),
        zero_count: Some(histogram.zero()),
        positive_span,
        positive_delta,
        ..messages::Histogram::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_buckets_are_stretches_and_differences() {
        let mut histogram = Histogram::new(&[]);
        // Buckets 0, 1, 1, 1 and 64.
        [1.0, 1.01, 1.01, 1.01, 2.0, 0.0].into_iter().for_each(|value| histogram.observe(value));
        let (spans, deltas) = native(&histogram);
        assert_eq!(
            spans,
            [BucketSpan { offset: 0, length: 2 }, BucketSpan { offset: 62, length: 1 }],
            "64 begins 62 after the end of the first stretch"
        );
        assert_eq!(deltas, [1, 2, -2]);
        let message = both(&histogram);
        assert_eq!((message.sample_count, message.zero_count, message.schema), (Some(6), Some(1), Some(6)));
    }

    #[test]
    fn families_are_read_back_one_after_the_other() {
        let meter = super::super::super::metrics::Meter::new(Default::default());
        let snapshot = meter.snapshot(std::time::Duration::ZERO);
        let bytes = delimited(&snapshot);
        let mut rest = bytes.as_slice();
        let mut names = Vec::new();
        while !rest.is_empty() {
            names.push(MetricFamily::decode_length_delimited(&mut rest).unwrap().name);
        }
        let expected: Vec<_> = snapshot.families.iter().map(|family| family.about.name).collect();
        assert_eq!(names, expected);
    }
}
