//! Byte pair encoding: two neighbours become one where that is a token, those of the lowest rank first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many parts of `piece` are left when neighbours have become one wherever that is a token, from single bytes on. Of
/// equal ranks the first goes first. Takes n log n steps for n bytes.
pub(super) fn parts(piece: &[u8], rank: impl Fn(&[u8]) -> Option<u64>) -> usize {
    let mut parts = Parts::of_bytes(piece.len());
    let merge = |parts: &Parts, start: usize| {
        let end = parts.end_of_two(start)?;
        Some(Reverse((rank(&piece[start..end])?, start, end)))
    };
    let mut merges: BinaryHeap<_> = (0..piece.len()).filter_map(|start| merge(&parts, start)).collect();
    while let Some(Reverse((_, start, end))) = merges.pop() {
        // One of the two may have become part of something else since.
        if parts.end_of_two(start) == Some(end) {
            parts.join(start);
            merges.extend(merge(&parts, start));
            merges.extend(parts.before(start).and_then(|before| merge(&parts, before)));
        }
    }
    parts.count
}

/// A piece in parts, which follow each other without a gap.
struct Parts {
    /// Where the part ends that begins here; `None` if none does.
    end: Vec<Option<usize>>,
    /// Where the part begins that ends here.
    start: Vec<usize>,
    count: usize,
}

impl Parts {
    fn of_bytes(length: usize) -> Self {
        Parts {
            end: (0..length).map(|start| Some(start + 1)).collect(),
            start: (0..=length).map(|end| end.saturating_sub(1)).collect(),
            count: length,
        }
    }

    /// The end of the part after the one that begins at `start`.
    fn end_of_two(&self, start: usize) -> Option<usize> {
        let middle = self.end[start]?;
        *self.end.get(middle)?
    }

    /// Where the part before the one at `start` begins.
    fn before(&self, start: usize) -> Option<usize> {
        (start > 0).then(|| self.start[start])
    }

    /// Makes one of the part that begins at `start` and the one after it.
    fn join(&mut self, start: usize) {
        if let (Some(middle), Some(end)) = (self.end[start], self.end_of_two(start)) {
            self.end[middle] = None;
            self.end[start] = Some(end);
            self.start[end] = start;
            self.count -= 1;
        }
    }
}
