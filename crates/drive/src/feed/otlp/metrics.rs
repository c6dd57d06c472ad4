//! Snapshots as OTLP metrics: sums, gauges and exponential histograms, cumulative since the start of the run.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use super::CONTENT_TYPE;
use super::message::{
    Buckets, Data, ExponentialHistogram, ExponentialPoint, Export, Gauge, KeyValue, Metric, NumberPoint, Sum,
    rejected, text,
};
use crate::feed::delivery::{Manner, Parcel};
use crate::feed::metrics::{
    About, Family, Histogram, Kind, PREFIX, SCHEMA, Series, Snapshot, Value, ZERO_THRESHOLD,
};

/// AGGREGATION_TEMPORALITY_CUMULATIVE.
const CUMULATIVE: i32 = 2;

/// Writes snapshots.
pub(in crate::feed) struct OtlpMetrics;

impl OtlpMetrics {
    /// How they are posted.
    pub(in crate::feed) const MANNER: Manner =
        Manner { path: "/v1/metrics", content_type: CONTENT_TYPE, fields: &[], rejected };

    /// A snapshot as it is posted.
    pub(in crate::feed) fn parcel(snapshot: &Snapshot) -> Parcel {
        let metrics = snapshot.families.iter().map(|family| metric(family, snapshot)).collect();
        let body = Export::of(&snapshot.testid, metrics).encode_to_vec();
        Parcel { body: Bytes::from(body), n: snapshot.series().count() as u64 }
    }
}

fn metric(family: &Family, snapshot: &Snapshot) -> Metric {
    let numbers = || family.series.iter().filter_map(|series| number(series, snapshot)).collect();
    let data = match family.about.kind {
        Kind::Counter => {
            Data::Sum(Sum { data_points: numbers(), temporality: CUMULATIVE, is_monotonic: true })
        }
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Histogram => Data::Exponential(ExponentialHistogram {
            data_points: family.series.iter().filter_map(|series| exponential(series, snapshot)).collect(),
            temporality: CUMULATIVE,
        }),
    };
    Metric {
        name: dotted(family.about),
        description: family.about.help.to_owned(),
        unit: family.about.unit.ucum().to_owned(),
        data: Some(data),
    }
}

/// `plimsoll_sent_bytes_total` as `plimsoll.sent`: who translates it back adds unit and `_total` again.
fn dotted(about: &About) -> String {
    let name = about.bare_name().strip_prefix(PREFIX).unwrap_or(about.name);
    let unit = about.unit.word().map(|word| format!("_{word}")).unwrap_or_default();
    format!("plimsoll.{}", name.strip_suffix(&unit).unwrap_or(name))
}

fn attributes(series: &Series, snapshot: &Snapshot) -> Vec<KeyValue> {
    let own = series.labels.iter().map(|(name, value)| text(name, value));
    std::iter::once(text("testid", &snapshot.testid)).chain(own).collect()
}

fn number(series: &Series, snapshot: &Snapshot) -> Option<NumberPoint> {
    let Value::Number(value) = series.value else { return None };
    Some(NumberPoint {
        start: nanos(snapshot.started),
        time: nanos(snapshot.at),
        value: Some(value),
        attributes: attributes(series, snapshot),
    })
}

fn exponential(series: &Series, snapshot: &Snapshot) -> Option<ExponentialPoint> {
    let Value::Histogram(histogram) = &series.value else { return None };
    Some(ExponentialPoint {
        attributes: attributes(series, snapshot),
        start: nanos(snapshot.started),
        time: nanos(snapshot.at),
        count: histogram.count(),
        sum: Some(histogram.sum()),
        scale: SCHEMA,
        zero_count: histogram.zero(),
        positive: buckets(histogram),
        zero_threshold: ZERO_THRESHOLD,
    })
}

/// All buckets from the first to the last that hold something. A bucket is numbered by its lower bound here, by its upper
/// bound in Prometheus: one less.
fn buckets(histogram: &Histogram) -> Option<Buckets> {
    let spans = histogram.spans();
    let first = spans.first()?.first;
    let mut counts = Vec::new();
    for span in spans {
        counts.resize(usize::try_from(span.first - first).unwrap_or(0), 0);
        counts.extend(span.counts);
    }
    Some(Buckets { offset: first - 1, counts })
}

fn nanos(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::metrics::{Meter, RunInfo, all, example};

    #[test]
    fn names_lose_what_receivers_add_again() {
        let shown: Vec<String> = all()
            .map(|about| format!("{} {}", dotted(about), about.unit.ucum()))
            .filter(|text| {
                ["sent", "latency", "requests", "client_busy"]
                    .iter()
                    .any(|name| text.starts_with(&format!("plimsoll.{name} ")))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "plimsoll.requests {request}",
                "plimsoll.sent By",
                "plimsoll.client_busy 1",
                "plimsoll.latency s"
            ]
        );
    }

    #[test]
    fn buckets_have_no_gaps_and_begin_one_lower() {
        let mut histogram = Histogram::new(&[]);
        // Prometheus' buckets 0, 1 and 4.
        [1.0, 1.01, 1.01, 1.04].into_iter().for_each(|value| histogram.observe(value));
        let found = buckets(&histogram).unwrap();
        assert_eq!((found.offset, found.counts), (-1, vec![1, 2, 0, 0, 1]));
        assert_eq!(buckets(&Histogram::new(&[])), None);
    }

    #[test]
    fn a_snapshot_is_read_back() {
        let mut meter = Meter::new(RunInfo {
            testid: "t".to_owned(),
            started: Duration::from_secs(1),
            ..RunInfo::default()
        });
        example(&mut meter);
        let snapshot = meter.snapshot(Duration::from_secs(2));
        let parcel = OtlpMetrics::parcel(&snapshot);
        let read = Export::<Metric>::decode(parcel.body.as_ref()).unwrap();
        let metrics = &read.resources[0].scopes[0].items;
        let points: usize = metrics
            .iter()
            .map(|metric| match metric.data.as_ref().unwrap() {
                Data::Gauge(gauge) => gauge.data_points.len(),
                Data::Sum(sum) => sum.data_points.len(),
                Data::Exponential(histogram) => histogram.data_points.len(),
            })
            .sum();
        assert_eq!((points as u64, metrics.len()), (parcel.n, snapshot.families.len()));
        let latency = metrics.iter().find(|metric| metric.name == "plimsoll.latency").unwrap();
        let Some(Data::Exponential(latency)) = &latency.data else { panic!("{latency:?}") };
        let point = &latency.data_points[0];
        assert_eq!((point.count, point.scale, point.start, point.time), (1, 6, 1_000_000_000, 2_000_000_000));
        assert_eq!(point.attributes, [text("testid", "t"), text("phase", "measure")]);
        // 0.1 s = 2^-3.32: the bucket from 2^(-213/64) to 2^(-212/64).
        assert_eq!(point.positive.as_ref().unwrap(), &Buckets { offset: -213, counts: vec![1] });
    }
}
