//! Folds the records of a long run into windows, in memory that holds two of them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metrics::{Samples, min_samples};
use crate::record::{Outcome, Phase, Record};
use crate::time::Offset;

/// What a server did in one window of a soak. Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoakWindow {
    /// Its beginning, from the start of the run.
    pub start: f64,
    /// Its length.
    pub length: f64,
    /// Requests that ended `ok` in it.
    pub ok: u64,
    /// Requests that failed in it.
    pub failed: u64,
    /// `latency` of those that ended `ok`.
    pub latency: Quantiles,
    /// `ttft` of those.
    pub ttft: Quantiles,
    /// `tpot` of those.
    pub tpot: Quantiles,
    /// Memory of the server's process: the median of its readings, bytes.
    pub resident_bytes: Option<f64>,
    /// Files and sockets that the server's process has open: the median of the readings.
    pub open_files: Option<f64>,
    /// Share of the KV cache in use: the median of the readings.
    #[serde(default)]
    pub kv_usage: Option<f64>,
    /// Memory of the accelerators in use: the median of the readings, bytes.
    #[serde(default)]
    pub gpu_memory_bytes: Option<f64>,
}

/// Percentiles of one quantity; `None` where a window has too few samples for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The median.
    pub p50: Option<f64>,
    /// The 90th percentile.
    pub p90: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
}

impl Quantiles {
    fn of(samples: &Samples) -> Self {
        let at = |p: f64| {
            let nanos = samples.percentile(p).filter(|_| samples.n() >= min_samples(p))?;
            Some(nanos as f64 / 1e9)
        };
        Quantiles { p50: at(50.0), p90: at(90.0), p95: at(95.0), p99: at(99.0) }
    }
}

/// One reading of what a server's process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceSample {
    /// When, from the start of the run.
    pub at: Offset,
    /// Resident memory, bytes.
    pub resident_bytes: Option<u64>,
    /// Open files and sockets.
    pub open_files: Option<u64>,
    /// Share of the KV cache in use, 0 to 1.
    #[serde(default)]
    pub kv_usage: Option<f64>,
    /// Memory of the accelerators in use, bytes.
    #[serde(default)]
    pub gpu_memory_bytes: Option<u64>,
}

/// Folds records, in about the order in which they ended, into windows of equal length from the start of the measured
/// part on. A request belongs to the window in which it ended.
#[derive(Debug)]
pub struct Windows {
    begin: Offset,
    length: Duration,
    /// Those that are not complete; the first has the number `first`.
    open: VecDeque<Open>,
    first: u64,
}

/// Windows that are open at once. Records come a fraction of a second out of order; one that comes later than its
/// window was closed counts in the oldest that is open.
const OPEN: u64 = 2;

#[derive(Debug, Default)]
struct Open {
    ok: u64,
    failed: u64,
    latency: Samples,
    ttft: Samples,
    tpot: Samples,
}

impl Windows {
    /// Windows of `length`, above zero, from `begin` on.
    pub fn new(begin: Offset, length: Duration) -> Self {
        Windows { begin, length: length.max(Duration::from_millis(1)), open: VecDeque::new(), first: 0 }
    }

    /// Adds a record, and gives the windows that are complete with it. Only what was measured counts, and only what the
    /// server ended or failed to.
    pub fn add(&mut self, record: &Record) -> Vec<SoakWindow> {
        let Some(ended) = record.done.or(record.sent) else { return Vec::new() };
        let counted = record.outcome == Outcome::Ok || record.outcome.is_failure();
        if record.phase != Phase::Measure || !counted {
            return Vec::new();
        }
        let number = self.number(ended);
        let complete = self.close_before(number.saturating_sub(OPEN - 1));
        let place = number.saturating_sub(self.first) as usize;
        while self.open.len() <= place {
            self.open.push_back(Open::default());
        }
        self.open[place].add(record);
        complete
    }

    /// The windows that are complete at `end`, when no more records come.
    pub fn finish(mut self, end: Offset) -> Vec<SoakWindow> {
        let last = self.number(end);
        self.close_before(last)
    }

    fn number(&self, at: Offset) -> u64 {
        u64::try_from(at.since(self.begin).as_nanos() / self.length.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Closes all windows whose number is below `number`.
    fn close_before(&mut self, number: u64) -> Vec<SoakWindow> {
        let mut complete = Vec::new();
        // A server that answers nothing for a while leaves windows in which nothing ended; beyond a year's worth of
        // them something else is wrong.
        while self.first < number && complete.len() < 100_000 {
            let open = self.open.pop_front().unwrap_or_default();
            complete.push(open.close(self.first, self.begin, self.length));
            self.first += 1;
        }
        complete
    }
}

impl Open {
    fn add(&mut self, record: &Record) {
        if record.outcome != Outcome::Ok {
            self.failed += 1;
            return;
        }
        self.ok += 1;
        for (samples, seconds) in [
            (&mut self.latency, record.latency()),
            (&mut self.ttft, record.ttft()),
            (&mut self.tpot, record.tpot()),
        ] {
            if let Some(seconds) = seconds {
                samples.record((seconds * 1e9).round() as u64);
            }
        }
    }

    fn close(self, number: u64, begin: Offset, length: Duration) -> SoakWindow {
        SoakWindow {
            start: begin.as_secs_f64() + number as f64 * length.as_secs_f64(),
            length: length.as_secs_f64(),
            ok: self.ok,
            failed: self.failed,
            latency: Quantiles::of(&self.latency),
            ttft: Quantiles::of(&self.ttft),
            tpot: Quantiles::of(&self.tpot),
            ..SoakWindow::default()
        }
    }
}

impl SoakWindow {
    /// Takes the median of the readings that lie in it.
    pub fn read_resources(&mut self, samples: &[ResourceSample]) {
        let inside = |sample: &&ResourceSample| {
            let at = sample.at.as_secs_f64();
            at >= self.start && at < self.start + self.length
        };
        let of = |value: fn(&ResourceSample) -> Option<f64>| {
            let values: Vec<f64> = samples.iter().filter(inside).filter_map(value).collect();
            crate::stats::median(&values)
        };
        self.resident_bytes = of(|sample| sample.resident_bytes.map(|bytes| bytes as f64));
        self.open_files = of(|sample| sample.open_files.map(|files| files as f64));
        self.kv_usage = of(|sample| sample.kv_usage);
        self.gpu_memory_bytes = of(|sample| sample.gpu_memory_bytes.map(|bytes| bytes as f64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RequestId;

    fn record(second: f64, outcome: Outcome) -> Record {
        let mut record = Record::due(RequestId(0), Phase::Measure, 0, Offset::from_secs_f64(second - 0.5));
        record.sent = Some(record.scheduled);
        record.done = Some(Offset::from_secs_f64(second));
        record.outcome = outcome;
        record
    }

    #[test]
    fn records_fall_into_the_windows_in_which_they_ended() {
        let mut windows = Windows::new(Offset::from_secs_f64(10.0), Duration::from_secs(5));
        let mut complete = Vec::new();
        for (second, outcome) in [
            (11.0, Outcome::Ok),
            (16.0, Outcome::Ok),
            (14.9, Outcome::Http5xx), // out of order, and in time
            (21.0, Outcome::Ok),
            (14.9, Outcome::Ok), // too late: counts in the oldest window that is open
            (22.0, Outcome::Cancelled),
            (41.0, Outcome::Ok),
        ] {
            complete.extend(windows.add(&record(second, outcome)));
        }
        let counts: Vec<_> = complete.iter().map(|window| (window.start, window.ok, window.failed)).collect();
        assert_eq!(counts, [(10.0, 1, 1), (15.0, 2, 0), (20.0, 1, 0), (25.0, 0, 0), (30.0, 0, 0)]);
        let rest = windows.finish(Offset::from_secs_f64(44.9));
        assert_eq!(rest.len(), 1, "the last one is not complete: {rest:?}");
    }

    #[test]
    fn percentiles_need_their_samples() {
        let mut windows = Windows::new(Offset::ZERO, Duration::from_secs(10));
        (0..20).for_each(|_| assert!(windows.add(&record(1.0, Outcome::Ok)).is_empty()));
        let window = windows.finish(Offset::from_secs_f64(10.0)).remove(0);
        assert_eq!(window.latency, Quantiles { p50: Some(0.5), p90: Some(0.5), p95: Some(0.5), p99: None });
        assert_eq!(window.ttft, Quantiles::default());
    }

    #[test]
    fn readings_belong_to_their_window() {
        let at = |second: f64, bytes| ResourceSample {
            at: Offset::from_secs_f64(second),
            resident_bytes: Some(bytes),
            kv_usage: Some(bytes as f64 / 1000.0),
            ..ResourceSample::default()
        };
        let mut window = SoakWindow { start: 10.0, length: 5.0, ..SoakWindow::default() };
        window.read_resources(&[at(9.9, 1), at(10.0, 100), at(12.0, 300), at(14.0, 200), at(15.0, 9)]);
        assert_eq!((window.resident_bytes, window.open_files), (Some(200.0), None));
        assert_eq!((window.kv_usage, window.gpu_memory_bytes), (Some(0.2), None));
    }
}
