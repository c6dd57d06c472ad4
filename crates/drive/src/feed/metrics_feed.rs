//! The feed of the client's own metrics: read by Prometheus, or pushed.

use std::io;
use std::sync::Arc;

use plimsoll_core::metrics::Totals;
use plimsoll_core::record::Record;
use plimsoll_core::summary::Summary;
use tokio::sync::watch;

use super::metrics::{Meter, RunInfo, Snapshot};
use super::otlp::OtlpMetrics;
use super::prometheus::{REMOTE_WRITE, Shown, WriteRequests};
use super::push::{self, Push};
use super::{Feed, FeedThread};
use crate::clock::Clock;
use crate::recorder::WindowRow;

/// Where the metrics of a run go.
#[derive(Clone, Debug, Default)]
pub struct MetricsOutlets {
    /// Who shows the newest ones to readers.
    pub exposition: Option<Shown>,
    /// Prometheus' remote write.
    pub remote_write: Option<Push>,
    /// OpenTelemetry's protocol.
    pub otlp: Option<Push>,
}

/// Folds a run into metrics and gives out a snapshot each second.
pub struct MetricsFeed {
    meter: Meter,
    clock: Clock,
    exposition: Option<Shown>,
    pushed: Vec<watch::Sender<Arc<Snapshot>>>,
    threads: Vec<FeedThread>,
}

impl MetricsFeed {
    /// Starts what pushes metrics. `clock` is the run's.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn start(info: RunInfo, clock: Clock, to: MetricsOutlets) -> io::Result<Self> {
        let (mut pushed, mut threads) = (Vec::new(), Vec::new());
        let mut outlet = || {
            let (sender, receiver) = watch::channel(Arc::default());
            pushed.push(sender);
            receiver
        };
        if let Some(push) = to.remote_write {
            let mut requests = WriteRequests::new(push.every);
            let write = move |snapshot: &Snapshot, is_last| requests.of(snapshot, is_last);
            threads.push(push::start("remote write", "samples", push, REMOTE_WRITE, outlet(), write)?);
        }
        if let Some(push) = to.otlp {
            let write = |snapshot: &Snapshot, _| vec![OtlpMetrics::parcel(snapshot)];
            threads.push(push::start(
                "OTLP metrics",
                "data points",
                push,
                OtlpMetrics::MANNER,
                outlet(),
                write,
            )?);
        }
        let feed = MetricsFeed { meter: Meter::new(info), clock, exposition: to.exposition, pushed, threads };
        feed.publish();
        Ok(feed)
    }

    fn publish(&self) {
        let snapshot = Arc::new(self.meter.snapshot(self.clock.wall(self.clock.now())));
        for outlet in &self.pushed {
            outlet.send_replace(snapshot.clone());
        }
        self.threads.iter().for_each(FeedThread::look_after);
        if let Some(exposition) = &self.exposition {
            exposition.show(snapshot);
        }
    }
}

impl Feed for MetricsFeed {
    fn on_record(&mut self, record: &Record, _: Option<&str>) {
        self.meter.add(record);
    }

    fn on_window(&mut self, row: &WindowRow, _: &Totals) {
        self.meter.add_window(row);
        self.publish();
    }

    fn close(mut self: Box<Self>, summary: &Summary) -> Vec<FeedThread> {
        self.meter.conclude(summary);
        self.publish();
        self.threads
    }
}
