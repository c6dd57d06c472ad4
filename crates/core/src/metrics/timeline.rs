//! Amounts by the moment at which they arose, so that a window can be laid over them when its end is known.

use crate::time::Offset;

/// Width of a bin, nanoseconds. Windows whose edges lie multiples of it after the start are answered exactly, others by
/// interpolation within the bins at their edges.
pub(super) const BIN: u64 = 100_000_000;
/// Bins at most: thirty days (200 MB, grown into as the run goes). What comes later counts in the last.
const BINS_MAX: u64 = 30 * 86_400 * 10;

/// Whole amounts (requests, tokens, request-nanoseconds) in bins of a tenth of a second, counted from a start that is known
/// until an end that may come to be known later.
///
/// An end that is set before anything after it is added makes the sum up to it exact: what arises later is left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Timeline {
    /// What arose before is left out, nanoseconds.
    from: u64,
    /// What arose after is left out, nanoseconds.
    until: u64,
    bins: Vec<u64>,
}

impl Timeline {
    /// An empty timeline from `from` on.
    pub(super) fn new(from: Offset) -> Self {
        Timeline { from: from.as_nanos(), until: u64::MAX, bins: Vec::new() }
    }

    /// Leaves out what arose after `end` from now on.
    pub(super) fn end_at(&mut self, end: Offset) {
        self.until = end.as_nanos();
    }

    /// Adds `amount` at `at`.
    pub(super) fn add(&mut self, at: Offset, amount: u64) {
        let nanos = at.as_nanos();
        if nanos < self.from || nanos > self.until {
            return;
        }
        // What arose exactly at the end belongs to the bin that the end closes.
        let bin = self.bin(nanos.min(self.until.saturating_sub(1))).min(BINS_MAX - 1) as usize;
        if bin >= self.bins.len() {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += amount;
    }

    /// Adds `amount` evenly over the time from `from` to `to`; at `to` if that is no later.
    pub(super) fn spread(&mut self, from: Offset, to: Offset, amount: u64) {
        let (start, end) = (from.as_nanos(), to.as_nanos());
        if end <= start || self.bin(end) >= BINS_MAX {
            return self.add(to, amount);
        }
        if start / BIN == (end - 1) / BIN && start >= self.from && end <= self.until {
            return self.add(from, amount); // all of it in one bin: nothing to divide
        }
        let due =
            |nanos: u64| (u128::from(amount) * u128::from(nanos - start) / u128::from(end - start)) as u64;
        let mut at = start.max(self.from);
        let last = end.min(self.until);
        while at < last {
            let edge = self.edge(self.bin(at) + 1).min(last);
            self.add(Offset::from_nanos(at), due(edge) - due(at));
            at = edge;
        }
    }

    /// What arose from `from` until `to`.
    pub(super) fn within(&self, from: Offset, to: Offset) -> f64 {
        let (start, end) = (from.as_nanos(), to.as_nanos());
        let first = self.bin(start).min(self.bins.len() as u64) as usize;
        let mut sum = 0.0;
        for (&amount, index) in self.bins[first..].iter().zip(first as u64..) {
            if self.edge(index) >= end {
                break;
            }
            // The part of the bin in which anything could arise, and the share of it that was asked for.
            let (low, high) = (self.edge(index), self.edge(index + 1).min(self.until));
            let overlap = high.min(end).saturating_sub(low.max(start));
            sum += if overlap == high - low {
                amount as f64
            } else {
                amount as f64 * overlap as f64 / (high - low) as f64
            };
        }
        sum
    }

    /// The bin of a moment; the first for what comes before.
    fn bin(&self, nanos: u64) -> u64 {
        nanos.saturating_sub(self.from) / BIN
    }

    /// Where a bin begins.
    fn edge(&self, bin: u64) -> u64 {
        self.from.saturating_add(bin * BIN)
    }

    /// Adds all amounts of `other`, which begins and ends alike.
    pub(super) fn merge(&mut self, other: &Timeline) {
        if other.bins.len() > self.bins.len() {
            self.bins.resize(other.bins.len(), 0);
        }
        self.bins.iter_mut().zip(&other.bins).for_each(|(mine, theirs)| *mine += theirs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Offset {
        Offset::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn windows_on_bin_edges_are_exact() {
        let mut line = Timeline::new(Offset::ZERO);
        for (moment, amount) in [(0, 1), (99, 2), (100, 4), (999, 8), (1_000, 16), (5_000, 32)] {
            line.add(at(moment), amount);
        }
        for (from, to, expected) in [
            (0, 100, 3.0),
            (100, 1_000, 12.0),
            (0, 1_000, 15.0),
            (1_000, 9_000, 48.0),
            (6_000, 9_000, 0.0),
            (500, 500, 0.0),
        ] {
            assert_eq!(line.within(at(from), at(to)), expected, "{from}..{to}");
        }
    }

    #[test]
    fn edges_within_a_bin_are_interpolated() {
        let mut line = Timeline::new(Offset::ZERO);
        line.add(at(0), 10);
        line.add(at(100), 20);
        assert_eq!(line.within(at(50), at(125)), 10.0);
    }

    #[test]
    fn spreading_keeps_the_total_and_is_even() {
        let mut line = Timeline::new(Offset::ZERO);
        line.spread(at(50), at(250), 101);
        assert_eq!(line.bins, [25, 50, 26]);
        line.spread(at(300), at(300), 7);
        assert_eq!(line.within(at(300), at(400)), 7.0);
    }

    #[test]
    fn nothing_before_the_start_or_after_the_end_counts() {
        let mut line = Timeline::new(at(50));
        line.add(at(49), 1);
        line.add(at(50), 2);
        line.add(at(220), 4);
        line.end_at(at(230));
        line.add(at(230), 8);
        line.add(at(231), 16);
        line.spread(at(0), at(300), 300);
        assert_eq!(line.within(at(50), at(230)), 194.0);
        // Bins begin with the start: this is the first half of that from 50 to 150 ms.
        assert_eq!(line.within(at(50), at(100)), 51.0);
    }

    #[test]
    fn an_absurd_moment_neither_panics_nor_fills_the_memory() {
        let mut line = Timeline::new(Offset::ZERO);
        line.spread(Offset::ZERO, Offset::MAX, 3);
        assert_eq!(line.bins.len() as u64, BINS_MAX);
        assert_eq!(line.bins.last(), Some(&3));
    }
}
