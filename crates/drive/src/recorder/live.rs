//! The last seconds of a run that is going on, for people who watch it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use plimsoll_core::metrics::{Samples, Totals};
use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::slo::SloVerdict;
use plimsoll_core::time::Offset;

use super::series::{WindowRow, seconds};

/// Seconds that the rates and percentiles of a snapshot cover.
const SPAN: usize = 5;
/// Records reach the recorder within this time.
const SETTLED_MIN: Duration = Duration::from_secs(1);

/// A run as it is now. Rates and percentiles are those of the last five complete seconds.
#[derive(Clone, Debug, Default)]
pub struct LiveSnapshot {
    /// When it was taken.
    pub at: Offset,
    /// Requests scheduled per second.
    pub offered_rate: f64,
    /// Requests sent per second.
    pub sent_rate: f64,
    /// `ok` completions per second.
    pub completed_rate: f64,
    /// Output tokens per second.
    pub output_token_rate: f64,
    /// Requests in flight.
    pub in_flight: u32,
    /// Time to the first token, seconds.
    pub ttft_p50: Option<f64>,
    /// See `ttft_p50`.
    pub ttft_p99: Option<f64>,
    /// Latency, seconds.
    pub latency_p50: Option<f64>,
    /// See `latency_p50`.
    pub latency_p99: Option<f64>,
    /// Requests ended since the start, whatever their end.
    pub ended: u64,
    /// Those that ended `ok`.
    pub ok: u64,
    /// Those that failed.
    pub failed: u64,
    /// Failures since the start by class.
    pub errors: Vec<LiveError>,
    /// What the requests so far say of the objectives, at most a second ago; those that may be in flight count for nothing
    /// yet.
    pub objectives: Vec<SloVerdict>,
    /// Why results are no longer kept, if so: the run has failed and need not go on.
    pub failure: Option<String>,
}

/// Failures of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveError {
    /// How they ended.
    pub outcome: Outcome,
    /// HTTP status, if any.
    pub status: Option<u16>,
    /// How many.
    pub count: u64,
}

/// The last complete seconds and the failures so far.
#[derive(Debug, Default)]
pub(super) struct Recent {
    rows: VecDeque<WindowRow>,
    errors: BTreeMap<(Outcome, Option<u16>), u64>,
}

impl Recent {
    /// Counts `record` if it failed.
    pub(super) fn add(&mut self, record: &Record) {
        if record.outcome.is_failure() {
            *self.errors.entry((record.outcome, record.status)).or_default() += 1;
        }
    }

    /// Adds the row of the next second.
    pub(super) fn push(&mut self, row: WindowRow) {
        if self.rows.len() == SPAN {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    /// Up to where about everything that was scheduled has ended, at `at`: as long ago as the slowest of the last answers
    /// took.
    pub(super) fn settled(&self, at: Offset) -> Offset {
        let slowest = self.rows.iter().filter_map(|row| row.latency.max()).max().unwrap_or(0);
        let ago = Duration::from_nanos(slowest).max(SETTLED_MIN);
        Offset::from_nanos(at.since(Offset::ZERO).saturating_sub(ago).as_nanos() as u64)
    }

    /// The run as it is at `at`.
    pub(super) fn snapshot(
        &self,
        at: Offset,
        totals: &Totals,
        objectives: Vec<SloVerdict>,
        failure: Option<String>,
    ) -> LiveSnapshot {
        let per_second = |read: fn(&WindowRow) -> f64| {
            self.rows.iter().map(read).sum::<f64>() / self.rows.len().max(1) as f64
        };
        let (mut latency, mut ttft) = (Samples::default(), Samples::default());
        for row in &self.rows {
            latency.merge(&row.latency);
            ttft.merge(&row.ttft);
        }
        let error = |(&(outcome, status), &count): (&(Outcome, Option<u16>), &u64)| LiveError {
            outcome,
            status,
            count,
        };
        LiveSnapshot {
            at,
            offered_rate: per_second(|row| row.scheduled as f64),
            sent_rate: per_second(|row| row.sent as f64),
            completed_rate: per_second(|row| row.completed as f64),
            output_token_rate: per_second(|row| row.output_tokens),
            in_flight: self.rows.back().map_or(0, |row| row.in_flight),
            ttft_p50: seconds(&ttft, 50.0),
            ttft_p99: seconds(&ttft, 99.0),
            latency_p50: seconds(&latency, 50.0),
            latency_p99: seconds(&latency, 99.0),
            ended: totals.records,
            ok: totals.ok,
            failed: totals.failed,
            errors: self.errors.iter().map(error).collect(),
            objectives,
            failure,
        }
    }
}
