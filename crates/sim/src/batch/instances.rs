//! The copies of the model, and the batches that they work on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use plimsoll_core::time::Offset;

use super::line::Job;
use crate::engine::JobId;

/// A number of instances, each with at most one batch.
#[derive(Clone, Debug)]
pub(super) struct Instances {
    free: Vec<u32>,
    batches: Vec<Running>,
    /// When which instance finishes.
    ends: BinaryHeap<Reverse<(Offset, u32)>>,
    /// Requests in the batches whose clients have not left.
    running: u32,
    /// Nanoseconds of all instances at work up to `seen`.
    busy_nanos: u64,
    seen: Offset,
}

/// A batch at work. Its room is kept when it ends: nothing is allocated per batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    pub started: Offset,
    pub items: u64,
    pub jobs: Vec<Job>,
}

impl Instances {
    pub(super) fn new(count: u32) -> Self {
        Instances {
            free: (0..count).rev().collect(),
            batches: vec![Running::default(); count as usize],
            ends: BinaryHeap::new(),
            running: 0,
            busy_nanos: 0,
            seen: Offset::ZERO,
        }
    }

    pub(super) fn any_free(&self) -> bool {
        !self.free.is_empty()
    }

    pub(super) fn running(&self) -> u32 {
        self.running
    }

    /// Instances at work, and all there are.
    pub(super) fn busy_of(&self) -> (usize, usize) {
        (self.batches.len() - self.free.len(), self.batches.len())
    }

    /// Nanoseconds of work up to `now`, of all instances together.
    pub(super) fn busy_nanos(&self, now: Offset) -> u64 {
        let since = now.as_nanos().saturating_sub(self.seen.as_nanos());
        self.busy_nanos.saturating_add(since.saturating_mul(self.busy_of().0 as u64))
    }

    /// When the next batch ends.
    pub(super) fn next_end(&self) -> Option<Offset> {
        self.ends.peek().map(|Reverse((at, _))| *at)
    }

    /// Gives a free instance a batch to fill, until [`Instances::launch`] says when it ends.
    pub(super) fn take(&mut self, at: Offset) -> Option<(u32, &mut Running)> {
        self.account(at);
        let index = self.free.pop()?;
        let batch = self.batches.get_mut(index as usize)?;
        batch.started = at;
        batch.items = 0;
        batch.jobs.clear();
        Some((index, batch))
    }

    pub(super) fn launch(&mut self, index: u32, end: Offset) {
        self.running += self.batches[index as usize].jobs.len() as u32;
        self.ends.push(Reverse((end, index)));
    }

    /// A batch that is over at `at`.
    pub(super) fn finish(&mut self, at: Offset) -> Option<&Running> {
        if self.next_end()? > at {
            return None;
        }
        self.account(at);
        let Reverse((_, index)) = self.ends.pop()?;
        self.free.push(index);
        let batch = &self.batches[index as usize];
        self.running -= batch.jobs.len() as u32;
        Some(batch)
    }

    /// The oldest request in the batches at work.
    pub(super) fn oldest(&self) -> Option<&Job> {
        let firsts =
            self.ends.iter().filter_map(|Reverse((_, index))| self.batches[*index as usize].jobs.first());
        firsts.min_by_key(|job| job.arrived)
    }

    /// Stops all work at once; tells what was in it.
    pub(super) fn clear(&mut self, at: Offset) -> impl Iterator<Item = Job> {
        self.account(at);
        self.running = 0;
        let stopped = std::mem::take(&mut self.ends).into_iter().map(|Reverse((_, index))| index);
        stopped.flat_map(|index| {
            self.free.push(index);
            std::mem::take(&mut self.batches[index as usize].jobs)
        })
    }

    /// Takes out a request whose client left. Its batch goes on: a kernel on an accelerator is not called back.
    pub(super) fn remove(&mut self, id: JobId) {
        for Reverse((_, index)) in &self.ends {
            let jobs = &mut self.batches[*index as usize].jobs;
            if let Some(place) = jobs.iter().position(|job| job.id == id) {
                jobs.remove(place);
                self.running -= 1;
                return;
            }
        }
    }

    fn account(&mut self, at: Offset) {
        self.busy_nanos = self.busy_nanos(at);
        self.seen = self.seen.max(at);
    }
}
