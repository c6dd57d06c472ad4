//! When a warm-up is over, by what requests show.

use super::windows::{Cell, Windows};
use crate::record::{Outcome, Phase, Record};
use crate::stats::mser5;
use crate::time::Offset;

/// Throughput and latency of a run from a start on, to find where both become steady. Memory: some 40 kB.
#[derive(Clone, Debug)]
pub struct WarmUp {
    start: Offset,
    completed: Windows,
    latency: Windows,
}

/// Where a run became steady.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steady {
    /// From here on; at most half of the run is left out.
    pub from: Offset,
    /// Whether it became steady at all.
    pub found: bool,
}

impl WarmUp {
    /// Nothing is known yet of a run whose load is complete from `start` on.
    pub fn new(start: Offset) -> Self {
        WarmUp { start, completed: Windows::new(start), latency: Windows::new(start) }
    }

    /// Adds one request.
    pub fn add(&mut self, record: &Record) {
        let (Outcome::Ok, Some(done)) = (record.outcome, record.done) else { return };
        self.completed.add(done, Cell { n: 1, ..Cell::default() });
        if record.phase != Phase::Ramp
            && let Some(latency) = record.latency()
        {
            let sum = (latency * 1e9).round() as u128;
            self.latency.add(record.scheduled, Cell { n: 1, sum, ..Cell::default() });
        }
    }

    /// Where throughput and latency both have become steady by `end`, the end of the measured window: the later cut of two
    /// by MSER-5. Nothing if too few requests were answered to say.
    pub fn steady(&self, end: Offset) -> Option<Steady> {
        let completed: Vec<f64> =
            self.completed.between(self.start, end).iter().map(|cell| cell.n as f64).collect();
        let (at, latency): (Vec<usize>, Vec<f64>) = self
            .latency
            .between(self.start, end)
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.n > 0)
            .map(|(index, cell)| (index, cell.sum as f64 / cell.n as f64))
            .unzip();
        let (by_rate, by_latency) = (mser5(&completed)?, mser5(&latency)?);
        let cut_by_latency = at.get(by_latency.skip).copied().unwrap_or(0);
        let seconds = (by_rate.skip as f64 * self.completed.cell_seconds())
            .max(cut_by_latency as f64 * self.latency.cell_seconds());
        let half = end.since(self.start).as_secs_f64() / 2.0;
        Some(Steady {
            from: self.start + std::time::Duration::from_secs_f64(seconds.min(half)),
            found: by_rate.found && by_latency.found,
        })
    }
}
