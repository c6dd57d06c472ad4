//! A process of this machine that somebody named: its memory, its files, its processor time.

use std::sync::Arc;

use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Canonical, Sample, Source};

use crate::process::Process;

/// A process, and how far it had come.
#[derive(Debug)]
pub(super) struct OwnProcess {
    target: usize,
    process: Process,
    before: Option<(Offset, f64)>,
}

impl OwnProcess {
    pub(super) fn new(target: usize, process: Process) -> Self {
        OwnProcess { target, process, before: None }
    }

    /// Reads what it holds.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn read(&mut self, at: Offset) -> Result<Vec<Sample>, String> {
        if !self.process.lives() {
            return Err("it has ended".to_owned());
        }
        let sample = |(metric, value): (Canonical, f64)| Sample {
            at,
            target: self.target,
            source: Source::Pid,
            metric,
            instance: Arc::from(""),
            value,
            events: None,
        };
        let now = self.process.cpu_seconds().map(|seconds| (at, seconds));
        let cores = self.before.zip(now).and_then(|((then, before), (_, seconds))| {
            let passed = at.since(then).as_secs_f64();
            (passed > 0.0).then(|| (seconds - before).max(0.0) / passed)
        });
        self.before = now;
        let found = [
            (Canonical::ProcessCpu, cores),
            (Canonical::ResidentBytes, self.process.resident_bytes().map(|bytes| bytes as f64)),
            (Canonical::OpenFiles, self.process.open_files().map(|files| files as f64)),
        ];
        Ok(found.into_iter().filter_map(|(metric, value)| Some(sample((metric, value?)))).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn this_process_has_memory_files_and_from_the_second_reading_on_processor_time() {
        let process = Process::find(NonZeroU32::new(std::process::id()).unwrap()).unwrap();
        let mut own = OwnProcess::new(0, process);
        let metrics = |own: &mut OwnProcess, at| {
            let samples = own.read(Offset::from_secs_f64(at)).unwrap();
            samples.iter().map(|sample| sample.metric).collect::<Vec<_>>()
        };
        assert_eq!(metrics(&mut own, 0.0), [Canonical::ResidentBytes, Canonical::OpenFiles]);
        assert_eq!(metrics(&mut own, 1.0)[0], Canonical::ProcessCpu);
    }
}
