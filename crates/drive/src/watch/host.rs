//! This machine: its processors and its memory, from `/proc` (man 5 proc).

use std::fs;
use std::sync::Arc;

use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Canonical, Sample, Source};

use crate::process::kilobytes;

/// This machine, and how far its processors had come.
#[derive(Debug)]
pub(super) struct Host {
    target: usize,
    before: Option<Ticks>,
}

/// Time of all processors since the machine started, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl Host {
    pub(super) fn new(target: usize) -> Self {
        Host { target, before: None }
    }

    /// Reads what there is.
    pub(super) fn read(&mut self, at: Offset) -> Vec<Sample> {
        let sample = |metric, value| Sample {
            at,
            target: self.target,
            source: Source::Host,
            metric,
            instance: Arc::from(""),
            value,
            events: None,
        };
        let mut samples = Vec::new();
        if let Some(now) = fs::read_to_string("/proc/stat").ok().as_deref().and_then(ticks) {
            let busy = self.before.and_then(|before| share_busy(before, now));
            samples.extend(busy.map(|busy| sample(Canonical::HostCpu, busy)));
            self.before = Some(now);
        }
        if let Some((used, total)) = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(memory) {
            samples.push(sample(Canonical::HostMemoryUsed, used as f64));
            samples.push(sample(Canonical::HostMemoryUsage, used as f64 / total as f64));
        }
        samples
    }
}

/// The line of all processors: user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of user and nice.
fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let [_, _, _, idle, waiting, ..] = fields.as_slice() else { return None };
    Some(Ticks { all: fields.iter().sum(), idle: idle + waiting })
}

fn share_busy(before: Ticks, now: Ticks) -> Option<f64> {
    let all = now.all.checked_sub(before.all).filter(|&all| all > 0)?;
    let idle = now.idle.saturating_sub(before.idle).min(all);
    Some(1.0 - idle as f64 / all as f64)
}

/// Bytes in use, and bytes in all.
fn memory(meminfo: &str) -> Option<(u64, u64)> {
    let total = kilobytes(meminfo, "MemTotal:").filter(|&total| total > 0)?;
    let available = kilobytes(meminfo, "MemAvailable:")?;
    Some((total.saturating_sub(available), total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_understood() {
        let before = ticks("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(before, Ticks { all: 1000, idle: 850 });
        let now = ticks("cpu  200 0 100 900 50 0 0 50 7 7\n").unwrap();
        assert!((share_busy(before, now).unwrap() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(share_busy(now, now), None);
        assert_eq!((ticks(""), ticks("cpu  1 2 x\n")), (None, None));
        let meminfo = "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n";
        assert_eq!(memory(meminfo), Some((400 * 1024, 1000 * 1024)));
    }

    #[test]
    fn this_machine_can_be_read() {
        let mut host = Host::new(3);
        let metrics = |samples: Vec<Sample>| samples.iter().map(|sample| sample.metric).collect::<Vec<_>>();
        assert_eq!(metrics(host.read(Offset::ZERO)), [Canonical::HostMemoryUsed, Canonical::HostMemoryUsage]);
        host.before = Some(Ticks { all: 0, idle: 0 });
        assert!(metrics(host.read(Offset::ZERO)).contains(&Canonical::HostCpu));
    }
}
