//! The run second by second: `series.parquet`, and rows for whoever else wants a history.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_core::metrics::{Samples, Totals};
use plimsoll_core::record::{Outcome, Record, ThreadWindow};
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;

use super::columns::{Cell, Column, Table};

/// How long after its end a second is waited for when a thread has not reported it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Version of the columns of `series.parquet`.
const SERIES_FORMAT: u32 = 1;

/// What happened in one second, over all I/O threads.
#[derive(Clone, Debug, Default)]
pub struct WindowRow {
    /// The second, counted from the start of the run.
    pub second: u64,
    /// Requests whose scheduled instant lies in it.
    pub scheduled: u64,
    /// Requests sent in it.
    pub sent: u64,
    /// `ok` completions in it.
    pub completed: u64,
    /// Failures in it.
    pub failed: u64,
    /// Events with content received in it.
    pub content_events: u64,
    /// Output tokens received in it: its events times the tokens per event of all requests ended so far; without
    /// streaming the tokens of the requests that ended in it. The summary's rate is exact.
    pub output_tokens: f64,
    /// Time-weighted mean of requests in flight.
    pub concurrency_mean: f64,
    /// Most requests in flight (with several threads: the sum of their maxima).
    pub concurrency_max: u32,
    /// Requests in flight at its end.
    pub in_flight: u32,
    /// Open connections at its end.
    pub connections: u32,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
    /// The busiest I/O thread's share of its core, 0 to 1.
    pub busy: f64,
    /// The largest share of time in which an I/O thread waited for a core, 0 to 1.
    pub waiting: f64,
    /// The longest delay of a timer.
    pub timer_lag_max: Duration,
    /// Requests that ended in it and are `ok` and keep every limit for single requests; nothing without objectives.
    pub good: Option<u64>,
    /// Requests that ended in it, but for those that this client cancelled on purpose.
    pub judged: u64,
    /// `latency` of the `ok` requests that ended in it, nanoseconds.
    pub latency: Samples,
    /// `ttft` of the same requests, nanoseconds.
    pub ttft: Samples,
    /// Output tokens of requests that were not streamed and ended in it.
    pub(crate) whole_tokens: u64,
    /// I/O threads that have reported it.
    pub(crate) reports: usize,
}

/// Takes each second's row when it is complete, on the recorder's thread.
pub trait WindowSink: Send {
    /// Takes the row of the next second; `so_far` is the run up to now, which may be up to two seconds further.
    fn on_window(&mut self, row: &WindowRow, so_far: &Totals);

    /// The run is over: all records and seconds were given out, and `summary` is about to be stored. Whoever lost some,
    /// or saw what belongs there, adds it now. Nothing else is done meanwhile: return within seconds.
    fn ended(&mut self, _summary: &mut Summary) {}
}

/// The seconds that are not complete yet.
#[derive(Debug, Default)]
pub(super) struct Seconds {
    open: BTreeMap<u64, WindowRow>,
    /// The first second that has not been given out.
    next: u64,
}

impl Seconds {
    /// Adds whether a request is a good one to the second in which it ended, or to the earliest that is still open.
    pub(super) fn judge(&mut self, record: &Record, good: bool) {
        if record.outcome == Outcome::Cancelled {
            return;
        }
        let row = self.row(record.done.unwrap_or(record.scheduled).as_nanos() / 1_000_000_000);
        row.judged += 1;
        *row.good.get_or_insert(0) += u64::from(good);
    }

    /// Adds a record to the second in which it ended, or to the earliest that is still open.
    pub(super) fn add(&mut self, record: &Record) {
        let (Outcome::Ok, Some(done)) = (record.outcome, record.done) else {
            return;
        };
        let row = self.row(done.as_nanos() / 1_000_000_000);
        if let Some(sent) = record.sent {
            row.latency.record(nanos(sent, done));
            if let Some(first) = record.first_token() {
                row.ttft.record(nanos(sent, first));
            }
        }
        if record.deltas.is_empty() {
            row.whole_tokens += u64::from(record.usage.output_tokens.unwrap_or(0));
        }
    }

    /// Adds what a thread did in a window of about a second.
    pub(super) fn add_window(&mut self, window: &ThreadWindow) {
        // Threads begin their windows a little after the full second.
        let row = self.row(window.start.as_nanos().saturating_add(500_000_000) / 1_000_000_000);
        let length = window.length.as_nanos().max(1) as f64;
        row.scheduled += window.scheduled;
        row.sent += window.sent;
        row.completed += window.completed;
        row.failed += window.failed;
        row.content_events += window.content_events;
        row.concurrency_mean += window.in_flight_nanos as f64 / length;
        row.concurrency_max += window.in_flight_max;
        row.in_flight += window.in_flight;
        row.connections += window.connections;
        row.bytes_sent += window.bytes_sent;
        row.bytes_received += window.bytes_received;
        row.busy = row.busy.max(window.cpu.as_nanos() as f64 / length);
        row.waiting = row.waiting.max(window.waiting.as_nanos() as f64 / length);
        row.timer_lag_max = row.timer_lag_max.max(window.timer_lag_max);
        row.reports += 1;
    }

    /// The rows that are complete at `now`: all of `threads` reported them, or the patience with them is over.
    pub(super) fn complete(&mut self, now: Offset, threads: usize, so_far: &Totals) -> Vec<WindowRow> {
        let due = now.since(Offset::ZERO + PATIENCE).as_secs(); // seconds that ended a while ago
        let mut rows = Vec::new();
        while self.next < due || self.open.get(&self.next).is_some_and(|row| row.reports >= threads) {
            rows.push(self.take_next(so_far));
        }
        rows
    }

    /// The rows that are left at the end of a run.
    pub(super) fn rest(&mut self, so_far: &Totals) -> Vec<WindowRow> {
        let last = self.open.keys().next_back().copied();
        let mut rows = Vec::new();
        while last.is_some_and(|last| self.next <= last) {
            rows.push(self.take_next(so_far));
        }
        rows
    }

    fn take_next(&mut self, so_far: &Totals) -> WindowRow {
        let mut row = self.open.remove(&self.next).unwrap_or_default();
        row.second = self.next;
        let streamed_tokens = so_far.streamed_output_tokens as f64;
        let per_event =
            if so_far.content_events > 0 { streamed_tokens / so_far.content_events as f64 } else { 1.0 };
        row.output_tokens = row.content_events as f64 * per_event + row.whole_tokens as f64;
        self.next += 1;
        row
    }

    fn row(&mut self, second: u64) -> &mut WindowRow {
        self.open.entry(second.max(self.next)).or_default()
    }
}

const fn int(name: &'static str, read: fn(&WindowRow) -> Option<i64>) -> Column<WindowRow> {
    Column { name, cell: Cell::Int(read) }
}

const fn real(name: &'static str, read: fn(&WindowRow) -> Option<f64>) -> Column<WindowRow> {
    Column { name, cell: Cell::Real(read) }
}

static COLUMNS: [Column<WindowRow>; 24] = [
    int("start_ns", |row| i64::try_from(row.second).ok()?.checked_mul(1_000_000_000)),
    real("offered_rate", |row| Some(row.scheduled as f64)),
    real("sent_rate", |row| Some(row.sent as f64)),
    real("completed_rate", |row| Some(row.completed as f64)),
    real("failed_rate", |row| Some(row.failed as f64)),
    real("content_event_rate", |row| Some(row.content_events as f64)),
    real("output_token_rate", |row| Some(row.output_tokens)),
    real("concurrency_mean", |row| Some(row.concurrency_mean)),
    int("concurrency_max", |row| Some(i64::from(row.concurrency_max))),
    int("in_flight", |row| Some(i64::from(row.in_flight))),
    int("connections", |row| Some(i64::from(row.connections))),
    int("bytes_sent", |row| i64::try_from(row.bytes_sent).ok()),
    int("bytes_received", |row| i64::try_from(row.bytes_received).ok()),
    real("busy", |row| Some(row.busy)),
    real("waiting", |row| Some(row.waiting)),
    real("timer_lag_max", |row| Some(row.timer_lag_max.as_secs_f64())),
    real("latency_p50", |row| seconds(&row.latency, 50.0)),
    real("latency_p90", |row| seconds(&row.latency, 90.0)),
    real("latency_p99", |row| seconds(&row.latency, 99.0)),
    real("ttft_p50", |row| seconds(&row.ttft, 50.0)),
    real("ttft_p90", |row| seconds(&row.ttft, 90.0)),
    real("ttft_p99", |row| seconds(&row.ttft, 99.0)),
    real("goodput", |row| row.good.map(|good| good as f64)),
    real("attainment", |row| Some(row.good? as f64 / row.judged as f64)),
];

/// The table of a run that started at `wall` since the Unix epoch. Rates are per second, times in seconds; percentiles
/// are those of the few requests of a second, by nearest rank.
pub(super) fn table(wall: Duration) -> Table<WindowRow> {
    let notes = [
        ("plimsoll.series_format", SERIES_FORMAT.to_string()),
        ("plimsoll.start_unix_ns", wall.as_nanos().to_string()),
    ];
    Table::new(COLUMNS.iter().collect(), &notes)
}

/// A percentile in seconds.
pub(super) fn seconds(samples: &Samples, p: f64) -> Option<f64> {
    samples.percentile(p).map(|nanos| nanos as f64 / 1e9)
}

fn nanos(from: Offset, to: Offset) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::{Phase, RequestId};

    use super::*;

    fn window(thread: u16, start_millis: u64, sent: u64) -> ThreadWindow {
        ThreadWindow {
            thread,
            start: Offset::from_nanos(start_millis * 1_000_000),
            length: Duration::from_secs(1),
            sent,
            in_flight_nanos: 2_000_000_000,
            content_events: 10,
            cpu: Duration::from_millis(100 * u64::from(thread)),
            ..ThreadWindow::default()
        }
    }

    fn at(millis: u64) -> Offset {
        Offset::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_second_is_complete_when_all_threads_reported_it_or_it_is_long_over() {
        let mut seconds = Seconds::default();
        let none = Totals::default();
        seconds.add_window(&window(0, 3, 5));
        assert!(seconds.complete(at(1_100), 2, &none).is_empty());
        seconds.add_window(&window(1, 40, 7));
        let rows = seconds.complete(at(1_200), 2, &none);
        assert_eq!(rows.iter().map(|row| (row.second, row.sent)).collect::<Vec<_>>(), [(0, 12)]);
        assert_eq!((rows[0].concurrency_mean, rows[0].busy, rows[0].output_tokens), (4.0, 0.1, 20.0));

        seconds.add_window(&window(0, 2_001, 1));
        assert!(seconds.complete(at(2_999), 2, &none).is_empty(), "second 1 ended less than a second ago");
        let rows = seconds.complete(at(4_000), 2, &none);
        assert_eq!(rows.iter().map(|row| (row.second, row.sent)).collect::<Vec<_>>(), [(1, 0), (2, 1)]);

        seconds.add_window(&window(1, 2_002, 3));
        let rows = seconds.rest(&none);
        assert_eq!(
            rows.iter().map(|row| (row.second, row.sent)).collect::<Vec<_>>(),
            [(3, 3)],
            "late, not lost"
        );
    }

    #[test]
    fn latencies_belong_to_the_second_in_which_they_ended() {
        let mut seconds = Seconds::default();
        let mut record = Record::due(RequestId(0), Phase::Measure, 0, at(500));
        (record.sent, record.done, record.outcome) = (Some(at(500)), Some(at(1_700)), Outcome::Ok);
        record.usage.output_tokens = Some(8);
        seconds.add(&record);
        seconds.judge(&record, true);
        record.outcome = Outcome::Timeout;
        seconds.add(&record);
        seconds.judge(&record, false);
        let rows = seconds.rest(&Totals::default());
        assert_eq!(rows.iter().map(|row| row.latency.n()).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(rows[1].output_tokens, 8.0);
        assert_eq!((rows[0].good, rows[1].good, rows[1].judged), (None, Some(1), 2));
    }
}
