//! The end of the feed that lies on the recorder's thread.

use std::sync::Arc;

use plimsoll_core::metrics::{LocustMetric, Totals as SoFar};
use plimsoll_core::record::Record;
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::super::{Counts, Feed, FeedThread, Outlet};
use super::batch::{Author, Item};
use super::rows::{RequestRow, start_of, wall};
use super::settings::{PostgresError, PostgresSettings};
use super::test_run::{End, ExitCodeOf, TestRun, Totals};
use super::writer::{Writer, begin};
use crate::clock::Clock;
use crate::recorder::WindowRow;

/// Items that wait for a database that is slow or away: with the usual ten rows for a request some 60 MB.
const CAPACITY: usize = 100_000;

/// Feeds a database with one run.
pub struct PostgresFeed {
    clock: Clock,
    metrics: Vec<LocustMetric>,
    outlet: Outlet<Item>,
    thread: FeedThread,
    end: oneshot::Sender<End>,
    exit_code: ExitCodeOf,
    totals: Totals,
    clients: u32,
    /// The end of the ramp, as long as it has not been told.
    ramp_end: Option<Offset>,
}

impl PostgresFeed {
    /// Connects, makes the tables that are missing, and writes that the run has begun. `exit_code` gives the exit code
    /// that a summary deserves.
    ///
    /// # Errors
    /// The database cannot be reached or written to, or its tables are others.
    pub fn start(
        settings: PostgresSettings,
        run: TestRun,
        clock: Clock,
        exit_code: ExitCodeOf,
    ) -> Result<Self, PostgresError> {
        let (ramp_end, clients) = (run.ramp_end, run.clients);
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        let author = Author { run, id: wall(clock, Offset::ZERO), pid };
        // Not by the feed's own thread: that gives way to everybody, and here somebody waits.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(begin(&settings, &author))?;

        let counts = Arc::new(Counts::default());
        let (outlet, items) = Outlet::new(CAPACITY, counts.clone());
        let (end, ended) = oneshot::channel();
        let name = format!("PostgreSQL feed to {settings}");
        let thread = FeedThread::start(name, "requests", counts, move |counts| {
            Writer::new(settings, author, counts).run(items, ended)
        })?;
        let metrics = LocustMetric::all();
        Ok(PostgresFeed {
            clock,
            metrics,
            outlet,
            thread,
            end,
            exit_code,
            totals: Totals::default(),
            clients,
            ramp_end,
        })
    }
}

impl Feed for PostgresFeed {
    fn on_record(&mut self, record: &Record, _: Option<&str>) {
        let row = RequestRow::of(record, self.clock, &self.metrics);
        self.totals.add(record, start_of(record), row.response_time);
        self.outlet.give(Item::Request(Box::new(row)), 1);
    }

    fn on_window(&mut self, row: &WindowRow, _: &SoFar) {
        let end = Offset::from_nanos((row.second + 1) * 1_000_000_000);
        self.outlet.give(Item::Users(wall(self.clock, end), row.in_flight), 0);
        if let Some(ramp_end) = self.ramp_end.take_if(|ramp_end| *ramp_end <= end) {
            self.outlet.give(Item::RampComplete(wall(self.clock, ramp_end), self.clients), 0);
        }
    }

    fn close(self: Box<Self>, summary: &Summary) -> Vec<FeedThread> {
        let at = wall(self.clock, self.clock.now());
        let end = End { at, exit_code: (self.exit_code)(summary), totals: self.totals };
        let _ = self.end.send(end);
        // With the outlet the writer's items end.
        vec![self.thread]
    }
}
