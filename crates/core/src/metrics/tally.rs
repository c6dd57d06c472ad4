//! Folds the records and windows of a run, one at a time and in any order, in memory that does not grow with them.

use super::errors::Errors;
use super::histogram::Samples;
use super::quantities::{QUANTITIES, connect};
use super::speculation::Speculation;
use super::timeline::Timeline;
use super::tokens::{self, TokenTally, input_token_arrival, inter_token_latencies, output_token_arrivals};
use super::truth::ClientErrors;
use crate::record::{Outcome, Phase, Record, ThreadWindow};
use crate::time::Offset;

/// Everything that a summary needs to know of the records of a run.
///
/// Only `ok` requests of the measured window enter the distributions. Rates count what arose within the window,
/// whichever request it belongs to. Memory: about 4 MB of histograms and 150 bytes per second of the run.
#[derive(Clone, Debug)]
pub struct Tally {
    /// One entry per quantity of [`QUANTITIES`].
    pub(super) quantities: Vec<Samples>,
    pub(super) chunk_gap: Samples,
    pub(super) itl: Samples,
    /// `sent - scheduled` of all sent requests of the measured window.
    pub(super) send_lag: Samples,
    /// The same without the time that a new connection took to open: that is the server's and the network's.
    pub(super) own_lag: Samples,
    pub(super) counts: Requests,
    pub(super) arisen: Arisen,
    pub(super) tokens: TokenTally,
    pub(super) errors: Errors,
    pub(super) client_errors: ClientErrors,
    pub(super) speculation: Speculation,
    totals: Totals,
}

/// Requests, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    /// Of the measured window, by outcome.
    pub(super) outcomes: std::collections::BTreeMap<Outcome, u64>,
    /// Of the measured window, sent.
    pub(super) sent: u64,
    /// Bytes of those.
    pub(super) bytes_sent: u64,
    /// Bytes received for them.
    pub(super) bytes_received: u64,
    /// Of the measured window, failed before they could be sent.
    pub(super) refused: u64,
}

/// What arose, by its moment.
#[derive(Clone, Debug)]
pub(super) struct Arisen {
    pub(super) scheduled: Timeline,
    pub(super) sent: Timeline,
    pub(super) completed: Timeline,
    pub(super) output_tokens: Timeline,
    pub(super) input_tokens: Timeline,
    /// Request-nanoseconds in flight.
    pub(super) in_flight: Timeline,
    /// The same, by what the records say: from `sent` to `done`.
    pub(super) resident: Timeline,
    /// Most requests in flight, by thread and second.
    pub(super) in_flight_max: Vec<Vec<u32>>,
}

/// Requests of the whole run so far, whatever their phase.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Records seen.
    pub records: u64,
    /// Those that ended `ok`.
    pub ok: u64,
    /// Those that failed.
    pub failed: u64,
    /// Bytes received by `ok` requests, heads included.
    pub ok_bytes_received: u64,
    /// `latency` of `ok` requests, nanoseconds.
    pub latency: Samples,
    /// Output tokens of all streamed requests.
    pub streamed_output_tokens: u64,
    /// Events with content of all requests.
    pub content_events: u64,
}

impl Tally {
    /// An empty tally of a run whose measured window begins at `measure_start`.
    pub fn new(measure_start: Offset) -> Self {
        let line = || Timeline::new(measure_start);
        Tally {
            quantities: vec![Samples::default(); QUANTITIES.len()],
            chunk_gap: Samples::default(),
            itl: Samples::default(),
            send_lag: Samples::default(),
            own_lag: Samples::default(),
            counts: Requests::default(),
            arisen: Arisen {
                scheduled: line(),
                sent: line(),
                completed: line(),
                output_tokens: line(),
                input_tokens: line(),
                in_flight: line(),
                resident: line(),
                in_flight_max: Vec::new(),
            },
            tokens: TokenTally::default(),
            errors: Errors::default(),
            client_errors: ClientErrors::default(),
            speculation: Speculation::default(),
            totals: Totals::default(),
        }
    }

    /// Says that the measured window ends at `end`. Rates are exact if this is said before records that go beyond
    /// `end` are added; if it is said only by the summary, the last tenth of a second is interpolated.
    pub fn measured_until(&mut self, end: Offset) {
        let Arisen { scheduled, sent, completed, output_tokens, input_tokens, in_flight, resident, .. } =
            &mut self.arisen;
        [scheduled, sent, completed, output_tokens, input_tokens, in_flight, resident]
            .into_iter()
            .for_each(|line| line.end_at(end));
    }

    /// Adds one request.
    pub fn add(&mut self, record: &Record) {
        self.totals.add(record);
        self.errors.add(record);
        self.arisen.add(record);
        if record.phase == Phase::Measure {
            self.add_measured(record);
        }
    }

    /// Adds what an I/O thread did in a window.
    pub fn add_window(&mut self, window: &ThreadWindow) {
        let line = &mut self.arisen.in_flight;
        match &window.in_flight_tenths[..] {
            [] => line.spread(window.start, window.start + window.length, window.in_flight_nanos),
            tenths => tenths.iter().for_each(|part| line.spread(part.from, part.to, part.nanos)),
        }
        let second = (window.start.as_nanos().saturating_add(500_000_000) / 1_000_000_000) as usize;
        let threads = &mut self.arisen.in_flight_max;
        let thread = usize::from(window.thread);
        if thread >= threads.len() {
            threads.resize(thread + 1, Vec::new());
        }
        raise(&mut threads[thread], second, window.in_flight_max);
    }

    /// Adds all that `other` has seen of the same run.
    pub fn merge(&mut self, other: &Tally) {
        let pairs = self.quantities.iter_mut().zip(&other.quantities);
        pairs.for_each(|(mine, theirs)| mine.merge(theirs));
        self.chunk_gap.merge(&other.chunk_gap);
        self.itl.merge(&other.itl);
        self.send_lag.merge(&other.send_lag);
        self.own_lag.merge(&other.own_lag);
        self.counts.merge(&other.counts);
        self.arisen.merge(&other.arisen);
        self.tokens.merge(&other.tokens);
        self.errors.merge(&other.errors);
        self.client_errors.merge(&other.client_errors);
        self.speculation.merge(&other.speculation);
        self.totals.merge(&other.totals);
    }

    /// The whole run so far.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The samples of the quantity called `name` (`latency`, `ttft` …) over the `ok` requests of the measured
    /// window, in nanoseconds or tokens: for percentiles that a [`crate::summary::Distribution`] does not list.
    pub fn samples(&self, name: &str) -> Option<&Samples> {
        match name {
            "chunk_gap" => Some(&self.chunk_gap),
            "itl" => Some(&self.itl),
            "send_lag" => Some(&self.send_lag),
            _ => self.quantities.get(QUANTITIES.iter().position(|quantity| quantity.name == name)?),
        }
    }

    fn add_measured(&mut self, record: &Record) {
        *self.counts.outcomes.entry(record.outcome).or_default() += 1;
        if let Some(sent) = record.sent {
            self.counts.sent += 1;
            self.counts.bytes_sent += record.bytes_sent;
            self.counts.bytes_received += record.bytes_received;
            let lag = nanos(record.scheduled, sent);
            self.send_lag.record(lag);
            self.own_lag.record(lag.saturating_sub((connect(record).unwrap_or(0.0) * 1e9) as u64));
        } else if record.outcome.is_failure() {
            self.counts.refused += 1;
        }
        self.tokens.add_events(record);
        if record.outcome == Outcome::Ok {
            self.add_ok(record);
        }
    }

    fn add_ok(&mut self, record: &Record) {
        self.tokens.add(record);
        self.client_errors.add(record);
        self.speculation.add(record);
        for (quantity, samples) in QUANTITIES.iter().zip(&mut self.quantities) {
            if let Some(value) = (quantity.of)(record) {
                samples.record((value * quantity.unit.scale()).round() as u64);
            }
        }
        record.chunk_gaps().for_each(|(gap, _)| self.chunk_gap.record(tokens::nanos(gap)));
        inter_token_latencies(record).for_each(|itl| self.itl.record(itl));
    }
}

impl Requests {
    fn merge(&mut self, other: &Requests) {
        for (&outcome, &count) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.sent += other.sent;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.refused += other.refused;
    }
}

impl Arisen {
    fn add(&mut self, record: &Record) {
        self.scheduled.add(record.scheduled, 1);
        if let Some(sent) = record.sent {
            self.sent.add(sent, 1);
            if let Some(done) = record.done {
                self.resident.spread(sent, done, nanos(sent, done));
            }
        }
        if let (Outcome::Ok, Some(done)) = (record.outcome, record.done) {
            self.completed.add(done, 1);
        }
        output_token_arrivals(record, |from, to, tokens| self.output_tokens.spread(from, to, tokens));
        if let Some((at, tokens)) = input_token_arrival(record) {
            self.input_tokens.add(at, tokens);
        }
    }

    fn merge(&mut self, other: &Arisen) {
        self.scheduled.merge(&other.scheduled);
        self.sent.merge(&other.sent);
        self.completed.merge(&other.completed);
        self.output_tokens.merge(&other.output_tokens);
        self.input_tokens.merge(&other.input_tokens);
        self.in_flight.merge(&other.in_flight);
        self.resident.merge(&other.resident);
        if other.in_flight_max.len() > self.in_flight_max.len() {
            self.in_flight_max.resize(other.in_flight_max.len(), Vec::new());
        }
        for (mine, theirs) in self.in_flight_max.iter_mut().zip(&other.in_flight_max) {
            theirs.iter().enumerate().for_each(|(second, &max)| raise(mine, second, max));
        }
    }
}

impl Totals {
    fn add(&mut self, record: &Record) {
        self.records += 1;
        self.failed += u64::from(record.outcome.is_failure());
        if !record.deltas.is_empty() {
            self.streamed_output_tokens += u64::from(record.usage.output_tokens.unwrap_or(0));
            self.content_events += record.deltas.len() as u64;
        }
        if record.outcome == Outcome::Ok {
            self.ok += 1;
            self.ok_bytes_received += record.bytes_received;
            if let (Some(sent), Some(done)) = (record.sent, record.done) {
                self.latency.record(nanos(sent, done));
            }
        }
    }

    fn merge(&mut self, other: &Totals) {
        self.records += other.records;
        self.ok += other.ok;
        self.failed += other.failed;
        self.ok_bytes_received += other.ok_bytes_received;
        self.latency.merge(&other.latency);
        self.streamed_output_tokens += other.streamed_output_tokens;
        self.content_events += other.content_events;
    }
}

/// Raises the entry at `second` to `value`.
fn raise(series: &mut Vec<u32>, second: usize, value: u32) {
    // A month of seconds is the most that a run is given room for.
    let second = second.min(30 * 86_400);
    if second >= series.len() {
        series.resize(second + 1, 0);
    }
    series[second] = series[second].max(value);
}

fn nanos(from: Offset, to: Offset) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

#[cfg(test)]
mod tests;
