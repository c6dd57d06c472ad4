//! Which of many replicas has something to do next: a tournament tree.

use plimsoll_core::time::Offset;

/// The next moment of each replica. A change costs a walk from leaf to root, the first is there to be read.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    /// A heap-shaped tree of (moment, replica): the children of `n` are `2n` and `2n + 1`, the leaves are the second
    /// half.
    tree: Vec<(Offset, u32)>,
}

/// The moment of a replica with nothing to do.
const NEVER: Offset = Offset::MAX;

impl Agenda {
    pub(super) fn new() -> Self {
        Agenda { tree: vec![(NEVER, u32::MAX); 2] }
    }

    /// The earliest moment, and whose it is: at equal moments the lowest number's.
    pub(super) fn first(&self) -> Option<(Offset, u32)> {
        self.tree.get(1).copied().filter(|(at, _)| *at != NEVER)
    }

    /// Replica `index` has something to do next at `at`.
    pub(super) fn set(&mut self, index: u32, at: Option<Offset>) {
        while self.leaves() <= index as usize {
            self.grow();
        }
        let mut node = self.leaves() + index as usize;
        self.tree[node] = (at.unwrap_or(NEVER), index);
        while node > 1 {
            let first = self.tree[node].min(self.tree[node ^ 1]);
            node /= 2;
            if self.tree[node] == first {
                return;
            }
            self.tree[node] = first;
        }
    }

    fn leaves(&self) -> usize {
        self.tree.len() / 2
    }

    fn grow(&mut self) {
        let leaves = self.leaves();
        let mut tree = vec![(NEVER, u32::MAX); self.tree.len() * 2];
        tree[2 * leaves..3 * leaves].copy_from_slice(&self.tree[leaves..]);
        for node in (1..2 * leaves).rev() {
            tree[node] = tree[2 * node].min(tree[2 * node + 1]);
        }
        self.tree = tree;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_is_the_minimum(
            changes in prop::collection::vec((0_u32..40, prop::option::of(0_u64..20)), 1..200),
        ) {
            let mut agenda = Agenda::new();
            let mut plain = std::collections::BTreeMap::new();
            for (index, at) in changes {
                agenda.set(index, at.map(Offset::from_nanos));
                plain.insert(index, at);
                let least = plain.iter().filter_map(|(index, at)| at.map(|at| (Offset::from_nanos(at), *index))).min();
                prop_assert_eq!(agenda.first(), least);
            }
        }
    }
}
