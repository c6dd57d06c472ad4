//! From page to page of one target: what its series say in canonical names.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::canonical::{Canonical, Pool, Source};
use super::exposition::{PageError, Series, walk_protobuf, walk_text};
use super::histogram::{Bucket, Gained, apart};
use super::maps::{self, Numbered, Reading, Rule};
use super::sample::Sample;
use crate::time::Offset;

/// Counters that are remembered of one target; the tables want a few for each accelerator and model.
const COUNTERS_MAX: usize = 20_000;

/// A page as it came.
#[derive(Clone, Copy, Debug)]
pub enum Page<'a> {
    /// Prometheus's text format or OpenMetrics.
    Text(&'a [u8]),
    /// Prometheus's protobuf.
    Protobuf(&'a [u8]),
}

/// What a page told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Its values in canonical names, those that need two pages from the second on.
    pub samples: Vec<Sample>,
    /// What its histograms gained since the page before.
    pub gained: Vec<Gained>,
    /// Series on it.
    pub series: usize,
    /// Series that the tables know.
    pub known: usize,
    /// Known series that could not be read.
    pub malformed: usize,
}

/// One target's memory: counters mean something only beside their value before.
#[derive(Debug, Default)]
pub struct Tracker {
    target: usize,
    /// When the last page was.
    last: Option<Offset>,
    counters: HashMap<(usize, u64), Counter>,
    values: Vec<Value>,
    places: HashMap<(Source, Canonical, u64), usize>,
    /// The buckets of this page, those of one histogram together.
    histograms: BTreeMap<(Canonical, Source, u64), Buckets>,
}

/// What the buckets of one histogram gained.
#[derive(Debug, Default)]
struct Buckets {
    /// Up to each bound.
    cumulative: Vec<(f64, f64)>,
    /// Those that count for themselves.
    own: Vec<Bucket>,
}

/// A counter when it was last seen.
#[derive(Debug)]
struct Counter {
    at: Offset,
    value: f64,
}

/// A canonical value under construction.
#[derive(Debug)]
struct Value {
    source: Source,
    metric: Canonical,
    instance: Arc<str>,
    /// What was gained since the first page.
    total: f64,
    parts: Parts,
}

/// The parts of a value that one page has.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    gauge: Option<f64>,
    rate: Option<f64>,
    has_total: bool,
    above: Option<f64>,
    below: Option<f64>,
    /// What the lower part gained: how many events the quotient is the mean of.
    events: Option<f64>,
}

impl Tracker {
    /// The memory for the target with this number.
    pub fn new(target: usize) -> Self {
        Tracker { target, ..Tracker::default() }
    }

    /// Reads the page of the scrape that began at `at`, which is later than the one before.
    ///
    /// A counter that is less than before has begun anew and has gained its value. What a counter gained while the target
    /// could not be reached is spread over that time. One that was not on the page before began there, from nothing: client
    /// libraries make a series when there is something to count. Of the first page nobody knows since when it counted.
    ///
    /// # Errors
    /// The page is none.
    pub fn take(&mut self, at: Offset, page: Page<'_>) -> Result<Taken, PageError> {
        self.values.iter_mut().for_each(|value| value.parts = Parts::default());
        let mut known = 0;
        let mut see = |series: Series<'_>| {
            known += 1;
            for numbered in maps::of(series.name) {
                self.see(at, numbered, &series);
            }
        };
        let walked = match page {
            Page::Text(text) => walk_text(text, maps::is_wanted, &mut see)?,
            Page::Protobuf(bytes) => walk_protobuf(bytes, maps::is_wanted, &mut see)?,
        };
        let gained = self.gained(at);
        self.last = Some(at);
        if self.counters.len() > COUNTERS_MAX {
            self.counters.retain(|_, counter| counter.at == at);
        }
        Ok(Taken {
            samples: self.samples(at),
            gained,
            series: walked.series,
            known,
            malformed: walked.malformed,
        })
    }

    fn see(&mut self, at: Offset, numbered: &Numbered, series: &Series<'_>) {
        let rule = numbered.rule;
        if series.value.is_nan() || !rule.only.takes(series.labels) {
            return;
        }
        if rule.reading == Reading::Buckets {
            return self.see_bucket(at, numbered, series);
        }
        let place = self.place(rule, series);
        let (value, seconds) = match rule.reading.is_counter() {
            false => (series.value, 0.0),
            true => match self.gain(at, numbered.number, series) {
                Some(gained) => gained,
                None => return,
            },
        };
        let value = value * rule.scale;
        let Some(found) = self.values.get_mut(place) else { return };
        let parts = &mut found.parts;
        match rule.reading {
            Reading::Gauge => parts.gauge = Some(pooled(rule.metric.pool(), parts.gauge, value)),
            Reading::Rate if seconds > 0.0 => *parts.rate.get_or_insert(0.0) += value / seconds,
            Reading::Rate => {}
            Reading::Total => {
                found.total += value;
                parts.has_total = true;
            }
            Reading::GaugeAbove | Reading::GainAbove => *parts.above.get_or_insert(0.0) += value,
            Reading::GaugeBelow => *parts.below.get_or_insert(0.0) += value,
            Reading::GainBelow => {
                *parts.below.get_or_insert(0.0) += value;
                *parts.events.get_or_insert(0.0) += value;
            }
            Reading::Buckets => {}
        }
    }

    /// Puts a bucket beside the others of its histogram: those whose labels are the same but for the bound.
    fn see_bucket(&mut self, at: Offset, numbered: &Numbered, series: &Series<'_>) {
        let rule = numbered.rule;
        let Some((count, _)) = self.gain(at, numbered.number, series) else { return };
        let mut hasher = DefaultHasher::new();
        series.labels.iter().filter(|(name, _)| *name != "le").for_each(|label| label.hash(&mut hasher));
        let of = self.histograms.entry((rule.metric, rule.source, hasher.finish())).or_default();
        let bound = || series.labels.get("le")?.parse::<f64>().ok().filter(|bound| !bound.is_nan());
        match (series.between, bound()) {
            (Some((above, upto)), _) if count > 0.0 => {
                of.own.push(Bucket { above: above * rule.scale, upto: upto * rule.scale, count });
            }
            (None, Some(bound)) => of.cumulative.push((bound * rule.scale, count)),
            _ => {}
        }
    }

    /// What the histograms of this page gained, those of several instances together.
    fn gained(&mut self, until: Offset) -> Vec<Gained> {
        let mut gained: Vec<Gained> = Vec::new();
        let from = self.last.unwrap_or(until);
        for ((metric, source, _), of) in std::mem::take(&mut self.histograms) {
            let buckets = of.own.into_iter().chain(apart(of.cumulative));
            match gained.last_mut().filter(|last| (last.metric, last.source) == (metric, source)) {
                Some(last) => last.buckets.extend(buckets),
                None => gained.push(Gained { from, until, source, metric, buckets: buckets.collect() }),
            }
        }
        gained.retain(|one| !one.buckets.is_empty());
        gained
    }

    /// What a counter gained since it was last seen, and in how many seconds; nothing on the first page.
    fn gain(&mut self, at: Offset, rule: usize, series: &Series<'_>) -> Option<(f64, f64)> {
        if !series.value.is_finite() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        series.labels.hash_into(&mut hasher);
        if let Some((_, upto)) = series.between {
            hasher.write_u64(upto.to_bits());
        }
        let now = Counter { at, value: series.value };
        let new = self.last.map(|at| Counter { at, value: 0.0 });
        let before = self.counters.insert((rule, hasher.finish()), now).or(new)?;
        let gained = if series.value < before.value { series.value } else { series.value - before.value };
        Some((gained, at.since(before.at).as_secs_f64()))
    }

    /// The place of the value that a series belongs to, made where there is none yet.
    fn place(&mut self, rule: &Rule, series: &Series<'_>) -> usize {
        let mut hasher = DefaultHasher::new();
        for label in rule.by {
            series.labels.get(label).hash(&mut hasher);
        }
        *self.places.entry((rule.source, rule.metric, hasher.finish())).or_insert_with(|| {
            let names = rule.by.iter().filter_map(|label| series.labels.get(label));
            let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
            self.values.push(Value {
                source: rule.source,
                metric: rule.metric,
                instance: names.join("/").into(),
                total: 0.0,
                parts: Parts::default(),
            });
            self.values.len() - 1
        })
    }

    fn samples(&self, at: Offset) -> Vec<Sample> {
        // An exporter's own process is not the server's.
        let is_exporter = self.values.iter().any(|value| {
            value.parts.value(value.total).is_some()
                && matches!(value.source, Source::Dcgm | Source::NodeExporter | Source::Gateway)
        });
        let found = self.values.iter().filter(|value| !(is_exporter && value.source == Source::Process));
        let sample = |value: &Value| {
            Some(Sample {
                at,
                target: self.target,
                source: value.source,
                metric: value.metric,
                instance: value.instance.clone(),
                value: value.parts.value(value.total).filter(|value| value.is_finite())?,
                events: value.parts.events,
            })
        };
        found.filter_map(sample).collect()
    }
}

impl Parts {
    fn value(&self, total: f64) -> Option<f64> {
        let quotient = self.above.zip(self.below).filter(|(_, below)| *below > 0.0);
        self.gauge
            .or(self.rate)
            .or(quotient.map(|(above, below)| above / below))
            .or(self.has_total.then_some(total))
    }
}

/// Two values of one instance as one. Those that are alike are taken as the greater: what would be a mean of two is never
/// put together series by series.
fn pooled(pool: Pool, known: Option<f64>, value: f64) -> f64 {
    match (pool, known) {
        (_, None) => value,
        (Pool::Sum, Some(known)) => known + value,
        (Pool::Max | Pool::Mean, Some(known)) => known.max(value),
    }
}
