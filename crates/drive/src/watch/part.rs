//! The server's part of a run's summary.

use std::sync::Arc;

use plimsoll_core::metrics::Totals;
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;
use plimsoll_core::watch::Work;

use super::watcher::Watcher;
use crate::recorder::{WindowRow, WindowSink};

/// Adds what was watched to the summary when a run ends.
#[derive(Debug)]
pub struct ServerPart {
    watcher: Arc<Watcher>,
    measure_start: Offset,
}

impl ServerPart {
    /// The part of a run whose measured window begins at `measure_start`.
    pub fn new(watcher: Arc<Watcher>, measure_start: Offset) -> Self {
        ServerPart { watcher, measure_start }
    }
}

impl WindowSink for ServerPart {
    fn on_window(&mut self, _row: &WindowRow, _so_far: &Totals) {}

    fn ended(&mut self, summary: &mut Summary) {
        let start = self.measure_start.as_secs_f64();
        let work = Work {
            ok: summary.counts.ok,
            output_tokens: summary.tokens.output,
            overloaded: summary.validity.overloaded,
        };
        summary.server = self.watcher.finish(start, start + summary.window.measured, work);
    }
}
