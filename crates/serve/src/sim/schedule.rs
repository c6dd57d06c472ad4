//! When which connection has something to do, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A connection: its place in the table, and which of the place's successive tenants it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// A queue of absolute moments (CLOCK_MONOTONIC, ns). Entries of connections that are gone stay until they are due.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    heap: BinaryHeap<Reverse<(u64, Key)>>,
}

impl Schedule {
    pub(crate) fn add(&mut self, due: u64, key: Key) {
        self.heap.push(Reverse((due, key)));
    }

    /// The earliest moment.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes the earliest entry if it is due at `now`.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Key> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, key))| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_never_early() {
        let key = |index| Key { index, generation: 0 };
        let mut schedule = Schedule::default();
        for (due, index) in [(30, 3), (10, 1), (20, 2)] {
            schedule.add(due, key(index));
        }
        assert_eq!((schedule.next_due(), schedule.pop_due(9)), (Some(10), None));
        assert_eq!((schedule.pop_due(25), schedule.pop_due(25)), (Some(key(1)), Some(key(2))));
        assert_eq!((schedule.pop_due(25), schedule.pop_due(30)), (None, Some(key(3))));
        assert_eq!((schedule.next_due(), schedule.pop_due(99)), (None, None));
    }
}
