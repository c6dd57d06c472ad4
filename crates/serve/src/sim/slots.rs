//! The places where requests are answered, and the queue before them.

use std::collections::VecDeque;

use super::schedule::Key;

/// What happens to a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Granted,
    Queued,
    /// The queue is full.
    Refused,
}

/// So many requests are answered at once; the others wait, first come first served.
#[derive(Debug)]
pub(crate) struct Slots {
    free: u32,
    /// Those that wait. Some may be gone: `waiting` does not count them, and they are skipped when their turn comes.
    queue: VecDeque<Key>,
    waiting: u32,
    waiting_max: Option<u32>,
}

impl Slots {
    pub(crate) fn new(slots: u32, waiting_max: Option<u32>) -> Self {
        Slots { free: slots, queue: VecDeque::new(), waiting: 0, waiting_max }
    }

    pub(crate) fn admit(&mut self, key: Key) -> Admission {
        if self.free > 0 && self.waiting == 0 {
            self.free -= 1;
            return Admission::Granted;
        }
        // Slots that are free already belong to the first in the queue.
        let left_waiting = self.waiting.saturating_sub(self.free);
        if self.waiting_max.is_some_and(|max| left_waiting >= max) {
            return Admission::Refused;
        }
        self.queue.push_back(key);
        self.waiting += 1;
        Admission::Queued
    }

    /// A request that had a slot is over.
    pub(crate) fn release(&mut self) {
        self.free += 1;
    }

    /// A request that waited is gone.
    pub(crate) fn forget_one_waiting(&mut self) {
        self.waiting -= 1;
        if self.waiting == 0 {
            self.queue.clear();
        }
    }

    /// Grants a free slot to the one that has waited longest, of those that still do.
    pub(crate) fn grant_next(&mut self, still_waits: impl Fn(Key) -> bool) -> Option<Key> {
        if self.free == 0 || self.waiting == 0 {
            return None;
        }
        while let Some(key) = self.queue.pop_front() {
            if still_waits(key) {
                self.free -= 1;
                self.waiting -= 1;
                return Some(key);
            }
        }
        None
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u32) -> Key {
        Key { index, generation: 0 }
    }

    #[test]
    fn those_who_wait_are_served_in_order() {
        let mut slots = Slots::new(1, Some(2));
        let admitted: Vec<Admission> = (0..4).map(|index| slots.admit(key(index))).collect();
        assert_eq!(admitted, [Admission::Granted, Admission::Queued, Admission::Queued, Admission::Refused]);
        assert_eq!(slots.grant_next(|_| true), None);
        slots.release();
        assert_eq!(slots.admit(key(4)), Admission::Queued, "a newcomer does not overtake");
        assert_eq!(slots.grant_next(|_| true), Some(key(1)));
        slots.release();
        assert_eq!(slots.grant_next(|_| true), Some(key(2)));
    }

    #[test]
    fn those_who_left_are_skipped_and_not_counted() {
        let mut slots = Slots::new(1, Some(2));
        let admitted: Vec<Admission> = (0..3).map(|index| slots.admit(key(index))).collect();
        assert_eq!(admitted, [Admission::Granted, Admission::Queued, Admission::Queued]);
        slots.forget_one_waiting();
        assert_eq!(slots.admit(key(3)), Admission::Queued);
        slots.release();
        assert_eq!(slots.grant_next(|waiting| waiting != key(1)), Some(key(2)));
        assert_eq!(slots.waiting(), 1);
    }
}
