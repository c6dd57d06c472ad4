//! What the server holds while it is soaked: read from its process, told by its metrics, or noted by the simulated one.

use std::sync::PoisonError;
use std::time::Duration;

use plimsoll_core::drift::{Limits, ResourceSample};
use plimsoll_core::time::Offset;
use plimsoll_core::watch::Canonical;
use plimsoll_drive::process::Process;
use plimsoll_drive::watch::{Board, LatestFigures};
use plimsoll_serve::in_process::MemoryLog;

/// From one reading of a process to the next at most.
const EVERY: Duration = Duration::from_secs(1);
/// Readings in a window at least.
const READINGS: u32 = 4;

/// Where readings come from, and those that no window has yet.
pub(super) struct Resources {
    source: Source,
    memory_limit: Option<u64>,
    every: Duration,
    next: Offset,
    samples: Vec<ResourceSample>,
}

enum Source {
    /// Its metrics alone, if it has any.
    Metrics(Board),
    /// Its process, and what else its metrics say.
    Process(Process, Board),
    Simulated(MemoryLog),
}

impl Resources {
    /// What the server's metrics say.
    pub(super) fn of_metrics(board: Board) -> Self {
        Resources::of(Source::Metrics(board), None)
    }

    /// Those of a process, which may use so much memory, for windows of this length.
    pub(super) fn of_process(
        process: Process,
        board: Board,
        memory_limit: Option<u64>,
        window: Duration,
    ) -> Self {
        let memory_limit = memory_limit.or_else(|| process.memory_max());
        Resources {
            every: EVERY.min(window / READINGS),
            ..Resources::of(Source::Process(process, board), memory_limit)
        }
    }

    pub(super) fn of_simulated(log: MemoryLog) -> Self {
        Resources::of(Source::Simulated(log), None)
    }

    fn of(source: Source, memory_limit: Option<u64>) -> Self {
        Resources { source, memory_limit, every: EVERY, next: Offset::ZERO, samples: Vec::new() }
    }

    /// What there is of each.
    pub(super) fn limits(&self) -> Limits {
        let files = match &self.source {
            Source::Process(process, _) => process.open_files_max(),
            Source::Metrics(_) | Source::Simulated(_) => None,
        };
        // A cache has room for so much and no more.
        [("resident_bytes", self.memory_limit), ("open_files", files), ("kv_usage", Some(1))]
            .into_iter()
            .filter_map(|(series, limit)| Some((series.to_owned(), limit? as f64)))
            .collect()
    }

    /// Reads what there is to be read, if that is due at `now`.
    pub(super) fn read(&mut self, now: Offset) {
        if now < self.next {
            return;
        }
        let sample = match &self.source {
            Source::Simulated(_) => return,
            Source::Metrics(board) => told(now, &board.latest()),
            Source::Process(process, board) => ResourceSample {
                resident_bytes: process.resident_bytes(),
                open_files: process.open_files(),
                ..told(now, &board.latest())
            },
        };
        self.samples.push(sample);
        self.next = now + self.every;
    }

    /// All readings since the last time that are before `end` seconds.
    pub(super) fn take_before(&mut self, end: f64) -> Vec<ResourceSample> {
        if let Source::Simulated(log) = &self.source {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // A simulated server that holds nothing models no memory.
            self.samples.extend(log.drain(..).map(|(at, bytes)| ResourceSample {
                at,
                resident_bytes: (bytes > 0).then_some(bytes),
                ..ResourceSample::default()
            }));
        }
        let later = self.samples.partition_point(|sample| sample.at.as_secs_f64() < end);
        self.samples.drain(..later).collect()
    }
}

/// What the server's metrics say at `at`.
fn told(at: Offset, latest: &LatestFigures) -> ResourceSample {
    let bytes = |metric| latest.value(metric).map(|bytes| bytes as u64);
    ResourceSample {
        at,
        resident_bytes: bytes(Canonical::ResidentBytes),
        open_files: latest.value(Canonical::OpenFiles).map(|files| files as u64),
        kv_usage: latest.value(Canonical::KvUsage),
        gpu_memory_bytes: bytes(Canonical::GpuMemoryUsed),
    }
}
