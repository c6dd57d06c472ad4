//! Everything that was watched during a run: samples in, the figures of each moment and of a window out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::canonical::{Canonical, Pool, Source};
use super::histogram::{Gained, History, ServerTimes};
use super::report::{Energy, ServerFigure, ServerSummary, TargetSummary, Work};
use super::sample::Sample;
use super::saturation;
use super::track::{Level, Track};
use crate::time::Offset;

/// Intervals after which the last value of a target that is silent counts no more.
const STALE: u32 = 3;

/// A figure of this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub metric: Canonical,
    /// Who says it.
    pub source: Source,
    /// All its instances together.
    pub value: f64,
}

/// Everything that was watched so far.
#[derive(Debug)]
pub struct Observed {
    interval: Duration,
    targets: Vec<TargetLog>,
    latest: BTreeMap<Key, Latest>,
    tracks: BTreeMap<(Canonical, Source), Series>,
    /// The histograms of times.
    histories: BTreeMap<(Canonical, Source), History>,
    /// Power as the energy counters have it, watts.
    power: Track,
    /// The last energy and its moment.
    energy: Option<(Offset, f64)>,
    closed: Option<Offset>,
}

type Key = (Canonical, Source, usize, Arc<str>);

#[derive(Clone, Copy, Debug)]
struct Latest {
    at: Offset,
    value: f64,
    /// Events that it is the mean of and that no interval has counted yet; nothing if it is a level.
    events: Option<f64>,
}

#[derive(Debug, Default)]
struct Series {
    track: Track,
    instances: u32,
}

/// How the scrapes of a target went.
#[derive(Debug, Default)]
struct TargetLog {
    summary: TargetSummary,
    duration_sum: f64,
}

impl Observed {
    /// Nothing was watched yet of these targets, which are asked once in each interval.
    pub fn new(interval: Duration, targets: Vec<String>) -> Self {
        let log =
            |name| TargetLog { summary: TargetSummary { name, ..Default::default() }, duration_sum: 0.0 };
        Observed {
            interval,
            targets: targets.into_iter().map(log).collect(),
            latest: BTreeMap::new(),
            tracks: BTreeMap::new(),
            histories: BTreeMap::new(),
            power: Track::default(),
            energy: None,
            closed: None,
        }
    }

    /// A scrape that succeeded within `took`; `series` are those of its page, of which `known` have a canonical name.
    pub fn scraped(
        &mut self,
        target: usize,
        took: Duration,
        (series, known): (usize, usize),
        samples: &[Sample],
    ) {
        if let Some(log) = self.targets.get_mut(target) {
            log.summary.scrapes += 1;
            log.duration_sum += took.as_secs_f64();
            log.summary.duration_max = log.summary.duration_max.max(took.as_secs_f64());
            (log.summary.series, log.summary.known) = (series as u64, known as u64);
            for sample in samples {
                if !log.summary.sources.contains(&sample.source) {
                    log.summary.sources.push(sample.source);
                }
            }
        }
        for sample in samples {
            let key = (sample.metric, sample.source, target, sample.instance.clone());
            let latest = Latest { at: sample.at, value: sample.value, events: sample.events };
            let uncounted = self.latest.get(&key).copied();
            self.latest.insert(key, latest.with(uncounted));
        }
    }

    /// What histograms gained until a scrape that succeeded.
    pub fn gained(&mut self, gained: &[Gained]) {
        for one in gained {
            self.histories.entry((one.metric, one.source)).or_default().push(one);
        }
    }

    /// A scrape that failed, and why, without secrets.
    pub fn failed(&mut self, target: usize, why: &str) {
        if let Some(log) = self.targets.get_mut(target) {
            log.summary.failures += 1;
            log.summary.last_error = Some(why.to_owned());
        }
    }

    /// A scrape that was left out because the one before was still going on.
    pub fn missed(&mut self, target: usize) {
        if let Some(log) = self.targets.get_mut(target) {
            log.summary.missed += 1;
        }
    }

    /// Ends an interval at `at`: what was said last stands for it. Gives the figures of this moment, of each metric that by
    /// the source which is to be believed.
    pub fn close(&mut self, at: Offset) -> Vec<Figure> {
        let from = self.closed.replace(at).unwrap_or(Offset::ZERO);
        let stale = self.interval * STALE;
        let fresh = |latest: &Latest| at.since(latest.at) <= stale;
        let mut figures: Vec<Figure> = Vec::new();
        let keys: Vec<(Canonical, Source)> = self.tracks_of_latest();
        for (metric, source) in keys {
            let range = (metric, source, 0, Arc::from(""))..;
            let all = self.latest.range_mut(range).take_while(|(key, _)| (key.0, key.1) == (metric, source));
            let told: Vec<Latest> = all.map(|(_, latest)| latest.count()).filter(fresh).collect();
            let Some(value) = pooled(metric.pool(), &told) else { continue };
            let series = self.tracks.entry((metric, source)).or_default();
            let (from, until) = (from.as_secs_f64(), at.as_secs_f64());
            match told.iter().filter_map(|latest| latest.events).reduce(|a, b| a + b) {
                Some(events) => series.track.push_mean(from, until, (value, events)),
                None => series.track.push(from, until, value),
            }
            series.instances = series.instances.max(told.len() as u32);
            if figures.last().is_none_or(|last| last.metric != metric) {
                figures.push(Figure { metric, source, value });
            }
        }
        self.note_energy(from, at, &figures);
        figures
    }

    /// Metrics and sources that were seen, in order.
    fn tracks_of_latest(&self) -> Vec<(Canonical, Source)> {
        let mut keys: Vec<_> = self.latest.keys().map(|key| (key.0, key.1)).collect();
        keys.dedup();
        keys
    }

    fn note_energy(&mut self, from: Offset, at: Offset, figures: &[Figure]) {
        let Some(figure) = figures.iter().find(|figure| figure.metric == Canonical::GpuEnergy) else {
            return;
        };
        if let Some((before, joules)) = self.energy.replace((at, figure.value)) {
            let seconds = at.since(before).as_secs_f64();
            // A target that went took its energy with it: that is no power.
            if seconds > 0.0 && figure.value >= joules {
                self.power.push(from.as_secs_f64(), at.as_secs_f64(), (figure.value - joules) / seconds);
            }
        }
    }

    /// A figure over the window from `start` to `end`, by the source that is to be believed.
    pub fn level(&self, metric: Canonical, start: f64, end: f64) -> Option<Level> {
        self.best(metric, start, end).map(|(_, _, level)| level)
    }

    fn best(&self, metric: Canonical, start: f64, end: f64) -> Option<(Source, &Series, Level)> {
        let of_metric = self.tracks.range((metric, Source::ALL[0])..).take_while(|(key, _)| key.0 == metric);
        of_metric
            .filter_map(|((_, source), series)| Some((*source, series, series.track.level(start, end)?)))
            .next()
    }

    /// What is to be said of the window from `start` to `end` seconds, in which the server did `work`.
    pub fn summary(&self, start: f64, end: f64, work: Work) -> ServerSummary {
        let figures: Vec<ServerFigure> = Canonical::ALL
            .into_iter()
            .filter(|metric| !matches!(metric, Canonical::GpuEnergy))
            .filter_map(|metric| {
                let (source, series, level) = self.best(metric, start, end)?;
                let unit = metric.unit();
                Some(ServerFigure { metric, unit, source, instances: series.instances, level })
            })
            .collect();
        let targets: Vec<TargetSummary> = self.targets.iter().map(TargetLog::summary).collect();
        let saturation = saturation::find(&figures, work.overloaded);
        let mut warnings = saturation::warnings(&figures, &saturation);
        warnings.extend(targets.iter().filter_map(TargetSummary::warning));
        ServerSummary {
            interval: self.interval.as_secs_f64(),
            energy: self.energy(start, end, work),
            saturation,
            targets,
            figures,
            times: self.times(start, end),
            profile: None,
            warnings,
        }
    }

    /// Quantiles of the server's histograms over the window, of each metric by the source that is to be believed.
    fn times(&self, start: f64, end: f64) -> Vec<ServerTimes> {
        let all = self.histories.iter().filter_map(|(key, history)| history.times(*key, start, end));
        let mut found: Vec<ServerTimes> = all.collect();
        found.dedup_by_key(|times| times.metric);
        found
    }

    /// By the energy counters where there are any, else by the power that was read.
    fn energy(&self, start: f64, end: f64, work: Work) -> Option<Energy> {
        let counted = self.power.level(start, end);
        let level = counted.or_else(|| self.level(Canonical::GpuPower, start, end))?;
        let joules = level.mean * (end - start);
        let per = |n: u64| (n > 0).then(|| joules / n as f64);
        Some(Energy {
            joules,
            mean_power: level.mean,
            per_request: per(work.ok),
            per_output_token: per(work.output_tokens),
            counted: counted.is_some(),
        })
    }
}

impl TargetLog {
    fn summary(&self) -> TargetSummary {
        let duration_mean = self.duration_sum / (self.summary.scrapes.max(1) as f64);
        let mut summary = TargetSummary { duration_mean, ..self.summary.clone() };
        summary.sources.sort_unstable();
        summary
    }
}

impl Latest {
    /// This value, and in it that of the page before if no interval has counted it yet.
    fn with(self, before: Option<Latest>) -> Latest {
        let earlier = before.and_then(|before| Some((before.value, before.events?)));
        match (self.events, earlier) {
            (Some(events), Some((value, more))) if events + more > 0.0 => {
                let value = (self.value * events + value * more) / (events + more);
                Latest { value, events: Some(events + more), ..self }
            }
            _ => self,
        }
    }

    /// What the interval that ends now makes of it: the value stands, its events are counted once.
    fn count(&mut self) -> Latest {
        let counted = *self;
        self.events = self.events.map(|_| 0.0);
        counted
    }
}

/// What was told of all instances as one. A mean is that of all events; where there were none lately, of what was told last.
fn pooled(pool: Pool, told: &[Latest]) -> Option<f64> {
    let values = || told.iter().map(|latest| latest.value);
    match pool {
        Pool::Sum => values().reduce(|a, b| a + b),
        Pool::Max => values().reduce(f64::max),
        Pool::Mean => {
            let events: f64 = told.iter().filter_map(|latest| latest.events).sum();
            let weight = |latest: &Latest| if events > 0.0 { latest.events.unwrap_or(0.0) } else { 1.0 };
            let all: f64 = told.iter().map(weight).sum();
            (all > 0.0).then(|| told.iter().map(|latest| weight(latest) * latest.value).sum::<f64>() / all)
        }
    }
}
