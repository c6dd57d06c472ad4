//! The client's own metrics at one moment, ready to be written in any format.

use std::time::Duration;

use super::histogram::Histogram;

/// What names of metrics begin with.
pub const PREFIX: &str = "plimsoll_";

/// All metrics of a run at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Start of the run, wall time since the Unix epoch.
    pub started: Duration,
    /// Wall time since the Unix epoch.
    pub at: Duration,
    /// The label that all series have: whose they are.
    pub testid: String,
    /// The families that have series.
    pub families: Vec<Family>,
}

impl Snapshot {
    /// All series, each with its family.
    pub fn series(&self) -> impl Iterator<Item = (&Family, &Series)> {
        self.families.iter().flat_map(|family| family.series.iter().map(move |series| (family, series)))
    }
}

/// The series of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// What it is.
    pub about: &'static About,
    /// Its series, in the order of their labels.
    pub series: Vec<Series>,
}

/// What a metric is: its line in docs/FEEDS.md.
#[derive(Debug, PartialEq, Eq)]
pub struct About {
    /// The name as Prometheus has it: prefix, unit, and `_total` for a counter.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// One sentence.
    pub help: &'static str,
}

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values are distributed.
    Histogram,
}

/// Units of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 1.
    Ratio,
    /// Things that are counted, by their name in braces: `{request}`.
    Of(&'static str),
}

impl Unit {
    /// As the last word of a name, and in OpenMetrics.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Unit::Seconds => Some("seconds"),
            Unit::Bytes => Some("bytes"),
            Unit::Ratio => Some("ratio"),
            Unit::Of(_) => None,
        }
    }

    /// By the Unified Code for Units of Measure, as OpenTelemetry has it.
    pub const fn ucum(self) -> &'static str {
        match self {
            Unit::Seconds => "s",
            Unit::Bytes => "By",
            Unit::Ratio => "1",
            Unit::Of(things) => things,
        }
    }
}

impl About {
    /// The name without the suffix of a counter: what OpenMetrics and OpenTelemetry call it.
    pub fn bare_name(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            Kind::Gauge | Kind::Histogram => self.name,
        }
    }
}

/// One series: its own labels beside `testid`, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Names and values, in the order of the names.
    pub labels: Vec<(&'static str, String)>,
    /// The value now.
    pub value: Value,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// A classic bound as it is written into the label `le`: as Prometheus itself writes it, so that a series has one name
/// whichever way it came.
pub fn le(bound: f64) -> String {
    if bound.is_infinite() { "+Inf".to_owned() } else { format!("{bound:?}") }
}
