//! Prometheus's messages of metrics, `io.prometheus.client`: read from the pages of servers, written on the client's own.
//!
//! The numbers of fields are those of client_model's `metrics.proto`, as derived structs: no protoc, and no crate that
//! generates code. Of what can be left out without being 0, each reads as 0 where it is (`Histogram::schema()`).

use prost::Message;

/// A metric with all its series.
#[derive(Clone, PartialEq, Message)]
pub struct MetricFamily {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it means.
    #[prost(string, tag = "2")]
    pub help: String,
    /// COUNTER 0, GAUGE 1, HISTOGRAM 4.
    #[prost(int32, optional, tag = "3")]
    pub kind: Option<i32>,
    /// Its series.
    #[prost(message, repeated, tag = "4")]
    pub metric: Vec<Metric>,
    /// Its unit, which is part of its name too.
    #[prost(string, tag = "5")]
    pub unit: String,
}

/// One series; one of its values is there.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// What tells it from the other series.
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    /// What goes up and down.
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Number>,
    /// What only grows.
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Number>,
    /// A distribution by quantiles, which are not read.
    #[prost(message, optional, tag = "4")]
    pub summary: Option<Summary>,
    /// What nobody said the type of.
    #[prost(message, optional, tag = "5")]
    pub untyped: Option<Number>,
    /// A distribution by buckets.
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

/// A label.
#[derive(Clone, PartialEq, Message)]
pub struct LabelPair {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// The messages `Gauge`, `Counter` and `Untyped`, which are alike as far as they matter here.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Number {
    /// The value.
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
}

/// How many observations, and their sum.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Summary {
    /// Observations.
    #[prost(uint64, optional, tag = "1")]
    pub sample_count: Option<u64>,
    /// Their sum, in the unit of the metric.
    #[prost(double, optional, tag = "2")]
    pub sample_sum: Option<f64>,
}

/// A histogram: classic, native or both.
#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    /// Observations.
    #[prost(uint64, optional, tag = "1")]
    pub sample_count: Option<u64>,
    /// Their sum, in the unit of the metric.
    #[prost(double, optional, tag = "2")]
    pub sample_sum: Option<f64>,
    /// Classic buckets.
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    /// In place of `sample_count` where a native histogram counts in fractions; so are `…_float` and `positive_count` below.
    #[prost(double, optional, tag = "4")]
    pub sample_count_float: Option<f64>,
    /// How many native buckets there are in each power of two: 2 to the power of this, -4 to 8.
    #[prost(sint32, optional, tag = "5")]
    pub schema: Option<i32>,
    /// Up to here all counts as zero.
    #[prost(double, optional, tag = "6")]
    pub zero_threshold: Option<f64>,
    /// Observations that count as zero.
    #[prost(uint64, optional, tag = "7")]
    pub zero_count: Option<u64>,
    /// The same in fractions.
    #[prost(double, optional, tag = "8")]
    pub zero_count_float: Option<f64>,
    /// Where native buckets are.
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<BucketSpan>,
    /// The count of each native bucket, less that of the one before.
    #[prost(sint64, repeated, tag = "13")]
    pub positive_delta: Vec<i64>,
    /// The count of each native bucket, in fractions.
    #[prost(double, repeated, tag = "14")]
    pub positive_count: Vec<f64>,
}

/// A classic bucket.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Bucket {
    /// Observations that are not above its bound.
    #[prost(uint64, optional, tag = "1")]
    pub cumulative_count: Option<u64>,
    /// Its bound.
    #[prost(double, optional, tag = "2")]
    pub upper_bound: Option<f64>,
    /// The same observations in fractions.
    #[prost(double, optional, tag = "4")]
    pub cumulative_count_float: Option<f64>,
}

/// A stretch of native buckets, one after another; remote write has the same message.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct BucketSpan {
    /// How many buckets lie between the stretch before and this one; of the first one the number of its first bucket.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    /// How many buckets it has.
    #[prost(uint32, tag = "2")]
    pub length: u32,
}
