//! What has been generated for an answer and has not been written.

use std::collections::VecDeque;

/// Events that wait to be written, in order of time, and how they end.
///
/// Equal events of one moment are stored once: a client that does not read costs little, however fast tokens come.
#[derive(Debug, Default)]
pub(super) struct Coming {
    runs: VecDeque<Run>,
    events: usize,
    pub(super) end: Option<End>,
}

/// An event: tokens of a job, or, without any, that it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// CLOCK_MONOTONIC, ns.
    pub(super) due: u64,
    /// Its place among the jobs of the request.
    pub(super) job: usize,
    pub(super) tokens: u32,
}

/// So many equal events.
#[derive(Debug)]
struct Run {
    chunk: Chunk,
    events: usize,
}

/// The engine has done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// CLOCK_MONOTONIC, ns.
    pub(super) due: u64,
    /// The rest is missing for want of time.
    pub(super) timed_out: bool,
}

impl Coming {
    /// An event.
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.events += 1;
        match self.runs.back_mut() {
            Some(last) if last.chunk == chunk => last.events += 1,
            _ => self.runs.push_back(Run { chunk, events: 1 }),
        }
    }

    /// Takes the first event.
    pub(super) fn pop(&mut self) -> Option<Chunk> {
        let run = self.runs.front_mut()?;
        let chunk = run.chunk;
        run.events -= 1;
        self.events -= 1;
        if run.events == 0 {
            self.runs.pop_front();
        }
        Some(chunk)
    }

    /// When the first `size` events are due together, or fewer at the end; nothing while some of them are missing.
    pub(super) fn group_due(&self, size: usize) -> Option<u64> {
        if self.end.is_none() && self.events < size {
            return None;
        }
        let mut before = 0;
        let last = self.runs.iter().find(|run| {
            before += run.events;
            before >= size
        });
        last.or(self.runs.back()).map(|run| run.chunk.due)
    }

    /// Events that wait.
    pub(super) fn len(&self) -> usize {
        self.events
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(due: u64, tokens: u32) -> Chunk {
        Chunk { due, job: 0, tokens }
    }

    #[test]
    fn events_come_out_as_they_went_in_and_equal_ones_are_one_entry() {
        let mut coming = Coming::default();
        let other = Chunk { job: 1, ..chunk(7, 2) };
        let events = [chunk(5, 1), chunk(5, 1), chunk(5, 2), chunk(7, 2), chunk(7, 2), other];
        events.into_iter().for_each(|event| coming.push(event));
        assert_eq!((coming.len(), coming.runs.len()), (6, 4));
        assert_eq!(std::iter::from_fn(|| coming.pop()).collect::<Vec<_>>(), events);
        assert!(coming.is_empty() && coming.runs.is_empty());
    }

    #[test]
    fn a_group_is_due_with_its_last_event_and_the_last_group_may_be_short() {
        let mut coming = Coming::default();
        assert_eq!(coming.group_due(1), None);
        for due in [5, 6, 7] {
            coming.push(chunk(due, 1));
        }
        assert_eq!(
            (1..=4).map(|size| coming.group_due(size)).collect::<Vec<_>>(),
            [Some(5), Some(6), Some(7), None]
        );
        coming.end = Some(End { due: 9, timed_out: false });
        assert_eq!(coming.group_due(4), Some(7));
        while coming.pop().is_some() {}
        assert_eq!(coming.group_due(1), None);
    }
}
