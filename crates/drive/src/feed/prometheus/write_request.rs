//! The body of a remote write: Prometheus' remote write protocol, version 1.0, with native and classic histograms.

use std::time::Duration;

use plimsoll_core::watch::messages::{BucketSpan, LabelPair};
use prost::Message;

use super::super::metrics::{Histogram, Kind, SCHEMA, Snapshot, Value, ZERO_THRESHOLD, le};
use super::protobuf::native;

/// The value that ends a series: a particular NaN (Prometheus' `value.StaleNaN`).
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    /// Sorted by name.
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<NativeHistogram>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    /// Milliseconds since the Unix epoch.
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct NativeHistogram {
    // Counts are alternatives to floating-point ones, so they are there even where they are 0.
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    /// COUNTER 1, GAUGE 2, HISTOGRAM 3.
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    metric_family_name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

impl WriteRequest {
    /// All series of a snapshot at its moment.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut request = WriteRequest::default();
        let at = millis(snapshot.at);
        for (family, series) in snapshot.series() {
            let labels = Labels { name: family.about.name, testid: &snapshot.testid, own: &series.labels };
            match &series.value {
                Value::Number(value) => request.sample(labels.with("", None), *value, at),
                Value::Histogram(histogram) => request.histogram(&labels, histogram, at),
            }
        }
        request
    }

    /// What the protocol says of names, units and meanings: told once is enough.
    pub(super) fn with_metadata(mut self, snapshot: &Snapshot) -> Self {
        let metadata = snapshot.families.iter().map(|family| Metadata {
            kind: match family.about.kind {
                Kind::Counter => 1,
                Kind::Gauge => 2,
                Kind::Histogram => 3,
            },
            metric_family_name: family.about.name.to_owned(),
            help: family.about.help.to_owned(),
            unit: family.about.unit.word().unwrap_or_default().to_owned(),
        });
        self.metadata = metadata.collect();
        self
    }

    /// The same series, each ended at `at`: queries after it do not see them go on with their last value.
    pub(super) fn ended(mut self, at: Duration) -> Self {
        let at = millis(at);
        for series in &mut self.timeseries {
            series.samples.iter_mut().for_each(|sample| *sample = Sample { value: STALE, timestamp: at });
            for histogram in &mut series.histograms {
                *histogram = NativeHistogram {
                    count: Some(0),
                    zero_count: Some(0),
                    sum: STALE,
                    timestamp: at,
                    ..NativeHistogram::default()
                };
            }
        }
        self.metadata.clear();
        self
    }

    /// How many samples it has, a native histogram being one.
    pub(super) fn samples(&self) -> u64 {
        self.timeseries.iter().map(|series| (series.samples.len() + series.histograms.len()) as u64).sum()
    }

    fn sample(&mut self, labels: Vec<LabelPair>, value: f64, timestamp: i64) {
        let samples = vec![Sample { value, timestamp }];
        self.timeseries.push(TimeSeries { labels, samples, histograms: Vec::new() });
    }

    fn histogram(&mut self, labels: &Labels<'_>, histogram: &Histogram, timestamp: i64) {
        for (bound, below) in histogram.cumulative() {
            self.sample(labels.with("_bucket", Some(le(bound))), below as f64, timestamp);
        }
        self.sample(labels.with("_sum", None), histogram.sum(), timestamp);
        self.sample(labels.with("_count", None), histogram.count() as f64, timestamp);
        let (positive_spans, positive_deltas) = native(histogram);
        let native = NativeHistogram {
            count: Some(histogram.count()),
            sum: histogram.sum(),
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: Some(histogram.zero()),
            positive_spans,
            positive_deltas,
            timestamp,
        };
        self.timeseries.push(TimeSeries {
            labels: labels.with("", None),
            samples: Vec::new(),
            histograms: vec![native],
        });
    }
}

/// The labels of a family's series, but for what its parts add.
struct Labels<'a> {
    name: &'a str,
    testid: &'a str,
    own: &'a [(&'static str, String)],
}

impl Labels<'_> {
    fn with(&self, suffix: &str, le: Option<String>) -> Vec<LabelPair> {
        let own = self.own.iter().map(|(name, value)| (*name, value.clone()));
        let mut labels: Vec<(&str, String)> = own.collect();
        labels.push(("__name__", format!("{}{suffix}", self.name)));
        labels.push(("testid", self.testid.to_owned()));
        labels.extend(le.map(|le| ("le", le)));
        labels.sort_unstable();
        labels.into_iter().map(|(name, value)| LabelPair { name: name.to_owned(), value }).collect()
    }
}

fn millis(at: Duration) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::super::metrics::{Meter, RunInfo, example};
    use super::*;

    fn snapshot() -> Snapshot {
        let mut meter = Meter::new(RunInfo { testid: "t".to_owned(), ..RunInfo::default() });
        example(&mut meter);
        meter.snapshot(Duration::from_millis(1_500))
    }

    fn shown(series: &TimeSeries) -> String {
        let labels: Vec<String> =
            series.labels.iter().map(|LabelPair { name, value }| format!("{name}={value}")).collect();
        labels.join(" ")
    }

    #[test]
    fn histograms_go_in_both_forms_and_labels_are_sorted() {
        let request = WriteRequest::of(&snapshot());
        for series in &request.timeseries {
            assert!(series.labels.is_sorted_by_key(|label| &label.name), "{}", shown(series));
            assert_eq!(series.samples.len() + series.histograms.len(), 1, "{}", shown(series));
        }
        let of_latency: Vec<&TimeSeries> = request
            .timeseries
            .iter()
            .filter(|series| series.labels[0].value.starts_with("plimsoll_latency_seconds"))
            .collect();
        assert_eq!(
            shown(of_latency[0]),
            "__name__=plimsoll_latency_seconds_bucket le=0.001 phase=measure testid=t"
        );
        let native = of_latency.iter().find(|series| !series.histograms.is_empty()).unwrap();
        assert_eq!(shown(native), "__name__=plimsoll_latency_seconds phase=measure testid=t");
        assert_eq!((native.histograms[0].count, native.histograms[0].timestamp), (Some(1), 1_500));
        assert_eq!(of_latency.len(), 37 + 2 + 1);
    }

    #[test]
    fn the_end_of_all_series_is_marked_a_moment_later() {
        let snapshot = snapshot();
        let request = WriteRequest::of(&snapshot).with_metadata(&snapshot);
        let end = request.clone().ended(Duration::from_millis(1_501));
        assert_eq!(end.samples(), request.samples());
        assert_eq!(request.metadata.len(), snapshot.families.len());
        assert!(end.metadata.is_empty());
        for series in &end.timeseries {
            let samples = series.samples.iter().map(|sample| (sample.value, sample.timestamp));
            let native = series.histograms.iter().map(|native| (native.sum, native.timestamp));
            for (value, at) in samples.chain(native) {
                assert_eq!((value.to_bits(), at), (0x7ff0_0000_0000_0002, 1_501), "{}", shown(series));
            }
        }
    }
}
