//! What the records of a run say of its objectives, folded one at a time and in any order, in bounded memory.

use crate::metrics::{Shares, input_token_arrival, output_token_arrivals};
use crate::record::{Outcome, Phase, Record};
use crate::time::Offset;

use super::metric::{Metric, Sort};
use super::objective::{Condition, Slo, Stat, Statistic};
use super::set::Slos;
use super::windows::{Cell, Windows, beyond};

/// Everything that the verdicts on some objectives need to know of the records of a run.
///
/// Requests of the measured window count, at the moment at which they were scheduled. Amounts per second count when they
/// arose, whichever request they belong to. A request that failed, was shed or did not end misses every objective about
/// percentiles and shares; in a mean it has no place. One that this client cancelled on purpose says nothing but that it
/// did not fail. Memory: some 20 kB and at most 16 histograms for each objective.
#[derive(Clone, Debug)]
pub struct Evidence {
    trackers: Vec<Tracker>,
    /// Goodput and attainment, whether or not there is an objective for them.
    good: Good,
    from: Offset,
    until: Offset,
}

/// One objective, and what arose of it.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    pub(super) slo: Slo,
    pub(super) windows: Windows,
}

impl Evidence {
    /// No evidence yet of a run whose measured window begins at `measure_start`.
    pub fn new(slos: &Slos, measure_start: Offset) -> Self {
        let windows = Windows::new(measure_start);
        let track = |slo: &Slo| Tracker { slo: slo.clone(), windows: Windows::new(measure_start) };
        Evidence {
            trackers: slos.iter().map(track).collect(),
            good: Good { limits: slos.each_request(), rate: windows.clone(), share: windows },
            from: measure_start,
            until: Offset::MAX,
        }
    }

    /// Adds one request, and says whether it is `ok` and keeps every limit for single requests.
    pub fn add(&mut self, record: &Record) -> bool {
        let good = self.good.add(record);
        for tracker in &mut self.trackers {
            tracker.add(record, good);
        }
        good
    }

    /// Says that only what was scheduled before `until` is complete: all of that has ended and was added. Needed while a
    /// run goes on, with the scheduled instant of the oldest request in flight: if later ones counted, the fast answers
    /// would come first and speak for all. Without it, and with [`Offset::MAX`], everything counts.
    pub fn complete_until(&mut self, until: Offset) {
        self.until = until;
    }

    /// Leaves out what came before `from`, where the warm-up turns out to have been longer than planned. The cut is made
    /// at a boundary of the histograms from `from` on, and returned; it is at most an eighth of the run so far later.
    pub fn steady_from(&mut self, from: Offset) -> Offset {
        let windows = self.trackers.iter().map(|tracker| &tracker.windows).chain([&self.good.share]);
        self.from = windows.map(|windows| windows.cut_after(from)).max().unwrap_or(from);
        self.from
    }

    /// From where on the evidence counts.
    pub fn from(&self) -> Offset {
        self.from
    }

    /// Up to where it is complete.
    pub fn until(&self) -> Offset {
        self.until
    }

    pub(super) fn good(&self) -> &Good {
        &self.good
    }

    pub(super) fn trackers(&self) -> &[Tracker] {
        &self.trackers
    }
}

/// Requests that are `ok` and keep every limit for single requests.
#[derive(Clone, Debug)]
pub(super) struct Good {
    pub(super) limits: Vec<Condition>,
    /// By their end.
    pub(super) rate: Windows,
    /// Requests by the scheduled instant; those that are not good are misses.
    pub(super) share: Windows,
}

impl Good {
    /// Adds a request, and says whether it is good.
    fn add(&mut self, record: &Record) -> bool {
        let good = record.outcome == Outcome::Ok && keeps(&self.limits, record);
        if let (true, Some(done)) = (good, record.done) {
            self.rate.add(done, Cell { n: 1, ..Cell::default() });
        }
        if record.phase == Phase::Measure && record.outcome != Outcome::Cancelled {
            self.share.add(record.scheduled, Cell { n: 1, misses: u64::from(!good), ..Cell::default() });
        }
        good
    }
}

/// Whether a request keeps all limits for single requests. A time that it does not have breaks none.
pub(crate) fn keeps(conditions: &[Condition], record: &Record) -> bool {
    conditions.iter().all(|condition| condition.metric.of(record).is_none_or(|value| condition.holds(value)))
}

impl Tracker {
    fn add(&mut self, record: &Record, good: bool) {
        let at = record.scheduled;
        let measured = record.phase == Phase::Measure;
        let statistic = match &self.slo {
            Slo::EachRequest(each) => {
                let kept = record.outcome == Outcome::Ok && keeps(&each.conditions, record);
                if measured {
                    self.trial(record, !kept);
                }
                return;
            }
            Slo::Statistic(statistic) => *statistic,
        };
        match statistic.metric.sort() {
            Sort::Rate => self.rate(statistic.metric, record, good),
            _ if !measured => {}
            Sort::Share => self.share(&statistic, record, good),
            Sort::Time => self.time(&statistic, record, at),
            Sort::PooledTime => self.pooled(&statistic, record, at),
        }
    }

    /// Counts a request that has no value of its own.
    fn trial(&mut self, record: &Record, miss: bool) {
        if record.outcome == Outcome::Cancelled {
            return;
        }
        let failed = u64::from(record.outcome != Outcome::Ok);
        self.windows.add(record.scheduled, Cell { n: 1, misses: u64::from(miss), failed, ..Cell::default() });
    }

    fn share(&mut self, statistic: &Statistic, record: &Record, good: bool) {
        let upper = statistic.comparison.is_upper();
        if statistic.metric == Metric::Attainment {
            return self.trial(record, good == upper);
        }
        let failed = record.outcome.is_failure();
        let cell =
            Cell { n: 1, misses: u64::from(failed == upper), failed: u64::from(failed), ..Cell::default() };
        self.windows.add(record.scheduled, cell);
    }

    fn time(&mut self, statistic: &Statistic, record: &Record, at: Offset) {
        if record.outcome == Outcome::Ok {
            if let Some(value) = statistic.metric.of(record) {
                self.value(statistic, at, value);
            }
        } else {
            self.unanswered(statistic, record);
        }
    }

    fn pooled(&mut self, statistic: &Statistic, record: &Record, at: Offset) {
        if record.outcome == Outcome::Ok {
            let shares = Shares::of(record);
            for (gap, tokens) in record.chunk_gaps() {
                let gap = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX);
                let itl = statistic.metric == Metric::Itl;
                let nanos = if itl { shares.per_token(gap, tokens) } else { gap };
                self.value(statistic, at, nanos as f64 / 1e9);
            }
        } else {
            self.unanswered(statistic, record);
        }
    }

    /// A request without an answer misses a percentile; in a mean it has no place.
    fn unanswered(&mut self, statistic: &Statistic, record: &Record) {
        if matches!(statistic.stat, Some(Stat::Percentile(_))) {
            self.trial(record, true);
        }
    }

    fn value(&mut self, statistic: &Statistic, at: Offset, seconds: f64) {
        let nanos = (seconds * 1e9).round() as u64;
        let limit = statistic.limit.value();
        let kept = statistic.comparison.holds(seconds, limit);
        let room = if statistic.comparison.is_upper() { limit / seconds } else { seconds / limit };
        let cell =
            Cell { n: 1, misses: u64::from(!kept), failed: 0, sum: u128::from(nanos), beyond: beyond(room) };
        self.windows.add_value(at, cell, nanos);
    }

    fn rate(&mut self, metric: Metric, record: &Record, good: bool) {
        let amount = |n: u64| Cell { n, ..Cell::default() };
        let done = record.done.filter(|_| record.outcome == Outcome::Ok);
        match (metric, done) {
            (Metric::Qps, Some(done)) => self.windows.add(done, amount(1)),
            (Metric::Goodput, Some(done)) if good => self.windows.add(done, amount(1)),
            (Metric::OutputTokenRate | Metric::TotalTokenRate, _) => {
                // What came in one piece counts at its end.
                output_token_arrivals(record, |_, at, tokens| self.windows.add(at, amount(tokens)));
            }
            _ => {}
        }
        if matches!(metric, Metric::InputTokenRate | Metric::TotalTokenRate)
            && let Some((at, tokens)) = input_token_arrival(record)
        {
            self.windows.add(at, amount(tokens));
        }
    }
}
