//! Fills Locust's four files from what the recorder sees.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_core::metrics::{LOCUST_METRIC, LocustMetric, Samples, Tally, Totals};
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::protocol::Route;
use plimsoll_drive::recorder::{WindowRow, WindowSink};

use crate::report::locust_csv::{FailureRow, HistoryRow, LocustFiles, LocustRow, PERCENTILES};

/// Seconds over which Locust takes its rates.
const RATE_SPAN: usize = 10;

/// The files of one run, shared by the recorder's thread, which adds to the history, and the end of the run.
#[derive(Clone)]
pub(crate) struct Locust {
    files: Arc<Mutex<LocustFiles>>,
    /// The method and the path of the requests.
    method: String,
    name: String,
    clock: Clock,
}

/// Takes each second's row.
pub(super) struct History {
    locust: Locust,
    recent: VecDeque<(u64, u64)>,
    /// The first error of writing; later rows are not tried.
    failed: bool,
}

impl Locust {
    pub(super) fn new(files: LocustFiles, route: &Route, clock: Clock) -> Self {
        let (method, name) = (route.method.to_string(), route.path.clone());
        Locust { files: Arc::new(Mutex::new(files)), method, name, clock }
    }

    /// What the recorder feeds.
    pub(super) fn history(&self) -> History {
        History { locust: self.clone(), recent: VecDeque::new(), failed: false }
    }

    /// Writes the final figures: those of the measured window, as the load test resets its statistics after the ramp.
    ///
    /// # Errors
    /// The files cannot be written.
    pub(crate) fn finish(&self, summary: &Summary, tally: &Tally) -> std::io::Result<()> {
        let seconds = summary.window.measured.max(1e-9);
        let (ok, failed) = (summary.counts.ok, summary.counts.failed);
        let size = mean_size(tally.totals());
        let requests = |kind: &str, name: &str| {
            let row = tally.samples("latency").map(|samples| figures(samples, 1e-6)).unwrap_or_default();
            LocustRow {
                kind: kind.to_owned(),
                name: name.to_owned(),
                requests: ok + failed,
                failures: failed,
                average_size: size,
                requests_per_s: (ok + failed) as f64 / seconds,
                failures_per_s: failed as f64 / seconds,
                ..row
            }
        };
        let mut rows = vec![requests(&self.method, &self.name)];
        rows.extend(LocustMetric::all().iter().filter_map(|metric| {
            let samples = tally.samples(metric.quantity()).filter(|samples| samples.n() > 0)?;
            Some(LocustRow {
                kind: LOCUST_METRIC.to_owned(),
                name: metric.name.to_owned(),
                requests_per_s: samples.n() as f64 / seconds,
                ..figures(samples, metric.per_sample())
            })
        }));
        rows.push(requests("", "Aggregated"));
        let begun = self.clock.wall(Offset::ZERO).as_secs_f64();
        let failures: Vec<_> = summary
            .errors
            .iter()
            .map(|class| FailureRow {
                method: self.method.clone(),
                name: self.name.clone(),
                error: format!("{}: {}", class.outcome.name(), class.example),
                occurrences: class.count,
                first_seen: begun + class.first,
                last_seen: begun + class.last,
            })
            .collect();
        self.files.lock().unwrap_or_else(PoisonError::into_inner).replace(&rows, &failures)
    }
}

impl WindowSink for History {
    fn on_window(&mut self, row: &WindowRow, so_far: &Totals) {
        if self.failed {
            return;
        }
        self.recent.push_back((row.completed + row.failed, row.failed));
        if self.recent.len() > RATE_SPAN {
            self.recent.pop_front();
        }
        let span = self.recent.len() as f64;
        let all: u64 = self.recent.iter().map(|(all, _)| all).sum();
        let failed: u64 = self.recent.iter().map(|(_, failed)| failed).sum();
        let moment = |kind: &str, name: &str| HistoryRow {
            timestamp: self.locust.clock.wall(Offset::from_nanos((row.second + 1) * 1_000_000_000)).as_secs(),
            users: row.in_flight,
            row: LocustRow {
                kind: kind.to_owned(),
                name: name.to_owned(),
                requests: so_far.ok + so_far.failed,
                failures: so_far.failed,
                average_size: mean_size(so_far),
                requests_per_s: all as f64 / span,
                failures_per_s: failed as f64 / span,
                ..figures(&so_far.latency, 1e-6)
            },
        };
        let rows = [moment(&self.locust.method, &self.locust.name), moment("", "Aggregated")];
        let mut files = self.locust.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = files.add_history(&rows) {
            self.failed = true;
            tracing::error!("the history of --csv ends here: {error}");
        }
    }
}

fn figures(samples: &Samples, scale: f64) -> LocustRow {
    let value = |value: Option<u64>| value.unwrap_or(0) as f64 * scale;
    LocustRow {
        requests: samples.n(),
        average: samples.mean().unwrap_or(0.0) * scale,
        min: value(samples.min()),
        max: value(samples.max()),
        percentiles: (samples.n() > 0).then(|| PERCENTILES.map(|p| value(samples.percentile(p)))),
        ..LocustRow::default()
    }
}

fn mean_size(totals: &Totals) -> f64 {
    if totals.ok == 0 { 0.0 } else { totals.ok_bytes_received as f64 / totals.ok as f64 }
}
