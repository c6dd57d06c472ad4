//! What the server holds while it is soaked: read from its process, or noted by the simulated one.

use std::sync::PoisonError;
use std::time::Duration;

use plimsoll_core::drift::{Limits, ResourceSample};
use plimsoll_core::time::Offset;
use plimsoll_drive::process::Process;
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
    None,
    Process(Process),
    Simulated(MemoryLog),
}

impl Resources {
    pub(super) fn none() -> Self {
        Resources::of(Source::None, None)
    }

    /// Those of a process, which may use so much memory, for windows of this length.
    pub(super) fn of_process(process: Process, memory_limit: Option<u64>, window: Duration) -> Self {
        let memory_limit = memory_limit.or_else(|| process.memory_max());
        Resources {
            every: EVERY.min(window / READINGS),
            ..Resources::of(Source::Process(process), memory_limit)
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
            Source::Process(process) => process.open_files_max(),
            Source::None | Source::Simulated(_) => None,
        };
        [("resident_bytes", self.memory_limit), ("open_files", files)]
            .into_iter()
            .filter_map(|(series, limit)| Some((series.to_owned(), limit? as f64)))
            .collect()
    }

    /// Reads the process, if that is due at `now`.
    pub(super) fn read(&mut self, now: Offset) {
        match &self.source {
            Source::Process(process) if now >= self.next => {
                self.samples.push(ResourceSample {
                    at: now,
                    resident_bytes: process.resident_bytes(),
                    open_files: process.open_files(),
                });
                self.next = now + self.every;
            }
            Source::None | Source::Process(_) | Source::Simulated(_) => {}
        }
    }

    /// All readings since the last time that are before `end` seconds.
    pub(super) fn take_before(&mut self, end: f64) -> Vec<ResourceSample> {
        if let Source::Simulated(log) = &self.source {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // A simulated server that holds nothing models no memory.
            self.samples.extend(log.drain(..).map(|(at, bytes)| ResourceSample {
                at,
                resident_bytes: (bytes > 0).then_some(bytes),
                open_files: None,
            }));
        }
        let later = self.samples.partition_point(|sample| sample.at.as_secs_f64() < end);
        self.samples.drain(..later).collect()
    }
}
