//! Prometheus's protobuf (`io.prometheus.client`, delimited), in which native histograms come.
//!
//! Of a histogram, classic or native, its count, its sum and its buckets are shown as series (`_count`, `_sum`, `_bucket`).
//! Buckets of a native one have bounds in place of the label `le`; those below zero are left out, as times have none.

use prost::Message;
use prost::encoding::decode_varint;

use super::messages::MetricFamily;
use super::{Labels, PageError, Series, Walked};

/// What is asked for (`Accept`) and answered (`Content-Type`).
pub const PROTOBUF_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// The name alone, which is enough to know whether a family is wanted.
#[derive(Clone, PartialEq, Message)]
struct FamilyName {
    #[prost(string, tag = "1")]
    name: String,
}

/// Shows each series whose name is `wanted` to `visit`.
///
/// # Errors
/// The page is none, or is cut off.
pub fn walk_protobuf(
    page: &[u8],
    mut wanted: impl FnMut(&str) -> bool,
    mut visit: impl FnMut(Series<'_>),
) -> Result<Walked, PageError> {
    let mut walked = Walked::default();
    let mut rest = page;
    while !rest.is_empty() {
        let length = decode_varint(&mut rest).map_err(|error| PageError::Protobuf(error.to_string()))?;
        let length = usize::try_from(length).ok().filter(|&length| length <= rest.len());
        let length = length.ok_or_else(|| PageError::Protobuf("it is cut off".to_owned()))?;
        let (message, after) = rest.split_at(length);
        rest = after;
        let broken = |error: prost::DecodeError| PageError::Protobuf(error.to_string());
        let name = FamilyName::decode(message).map_err(broken)?.name;
        let (sum, count) = (format!("{name}_sum"), format!("{name}_count"));
        let bucket = Some(format!("{name}_bucket")).filter(|bucket| wanted(bucket));
        let (plain, totals) = (wanted(&name), [(wanted(&sum), &sum), (wanted(&count), &count)]);
        if !plain && !totals[0].0 && !totals[1].0 && bucket.is_none() {
            walked.series += 1;
            continue;
        }
        for metric in MetricFamily::decode(message).map_err(broken)?.metric {
            walked.series += 1;
            let pairs: Vec<(String, String)> =
                metric.label.into_iter().map(|label| (label.name, label.value)).collect();
            let labels = Labels::pairs(&pairs);
            let value = metric.gauge.or(metric.counter).or(metric.untyped);
            if let Some(value) = value.filter(|_| plain) {
                visit(Series { name: &name, labels, value: value.value(), between: None });
            }
            let found =
                metric.histogram.as_ref().map(|histogram| (histogram.sample_sum(), histogram.total()));
            let found =
                found.or(metric.summary.map(|summary| (summary.sample_sum(), summary.sample_count() as f64)));
            if let Some((sum, count)) = found {
                for ((wanted, name), value) in totals.into_iter().zip([sum, count]) {
                    if wanted {
                        visit(Series { name, labels, value, between: None });
                    }
                }
            }
            if let Some((histogram, name)) = metric.histogram.as_ref().zip(bucket.as_deref()) {
                for bucket in histogram.native() {
                    let (between, value) = (Some((bucket.above, bucket.upto)), bucket.count);
                    visit(Series { name, labels, value, between });
                }
                for (bound, value) in histogram.classic() {
                    let mut pairs = pairs.clone();
                    pairs.push(("le".to_owned(), bound.to_string()));
                    visit(Series { name, labels: Labels::pairs(&pairs), value, between: None });
                }
            }
        }
    }
    Ok(walked)
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Histogram, LabelPair, Metric, Number};
    use super::*;

    fn label(name: &str, value: &str) -> LabelPair {
        LabelPair { name: name.to_owned(), value: value.to_owned() }
    }

    fn page(families: &[MetricFamily]) -> Vec<u8> {
        families.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
    }

    fn example() -> Vec<u8> {
        let number = |value| Some(Number { value: Some(value) });
        let gauge = Metric { label: vec![label("gpu", "1")], gauge: number(0.5), ..Metric::default() };
        let counter = Metric { counter: number(7.0), ..Metric::default() };
        let of = |histogram| Metric { histogram: Some(histogram), ..Metric::default() };
        let classic = of(Histogram { sample_count: Some(4), sample_sum: Some(2.0), ..Histogram::default() });
        let native =
            of(Histogram { sample_count_float: Some(1.5), sample_sum: Some(3.0), ..Histogram::default() });
        let family =
            |name: &str, metric| MetricFamily { name: name.to_owned(), metric, ..MetricFamily::default() };
        page(&[
            family("g", vec![gauge]),
            family("c_total", vec![counter]),
            family("h", vec![classic, native]),
            family("not_wanted", vec![Metric::default()]),
        ])
    }

    #[test]
    fn gauges_counters_and_both_kinds_of_histograms_become_series() {
        let mut seen = Vec::new();
        let walked = walk_protobuf(
            &example(),
            |name| name != "not_wanted" && !name.starts_with("not_wanted_"),
            |series| {
                let gpu = series.labels.get("gpu").unwrap_or_default().into_owned();
                seen.push((series.name.to_owned(), gpu, series.value));
            },
        );
        assert_eq!(walked, Ok(Walked { series: 5, malformed: 0 }));
        let expected = [
            ("g", "1", 0.5),
            ("c_total", "", 7.0),
            ("h_sum", "", 2.0),
            ("h_count", "", 4.0),
            ("h_sum", "", 3.0),
            ("h_count", "", 1.5),
        ];
        assert_eq!(seen, expected.map(|(name, gpu, value)| (name.to_owned(), gpu.to_owned(), value)));
    }

    #[test]
    fn a_page_that_is_cut_or_foreign_is_refused_and_never_panics() {
        let whole = example();
        for length in 0..whole.len() {
            let _ = walk_protobuf(&whole[..length], |_| true, |_| {});
        }
        assert!(walk_protobuf(&whole[..whole.len() - 1], |_| true, |_| {}).is_err());
        assert!(walk_protobuf(b"# HELP a b\na 1\n", |_| true, |_| {}).is_err());
        assert!(walk_protobuf(&[0xff; 40], |_| true, |_| {}).is_err());
    }
}
