//! Room for records that goes from the recorder back to the I/O threads: memory that is new costs the kernel more than all that
//! is written into it.

use std::sync::{Arc, Mutex};

use plimsoll_core::record::Record;

/// Most that are kept: two for each of a few threads.
const MOST: usize = 8;

/// Empty vectors that had records before; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Spares(Arc<Mutex<Vec<Vec<Record>>>>);

impl Spares {
    /// Room for records, used before if there is any. Never waits.
    pub(super) fn take(&self) -> Vec<Record> {
        self.0.try_lock().ok().and_then(|mut spares| spares.pop()).unwrap_or_default()
    }

    /// Gives room back, without its records.
    pub(super) fn give(&self, mut records: Vec<Record>) {
        records.clear();
        if records.capacity() > 0
            && let Ok(mut spares) = self.0.try_lock()
            && spares.len() < MOST
        {
            spares.push(records);
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::{Phase, RequestId};
    use plimsoll_core::time::Offset;

    use super::*;

    #[test]
    fn room_comes_back_empty_and_no_more_of_it_than_is_of_use() {
        let spares = Spares::default();
        assert_eq!(spares.take().capacity(), 0);
        spares.give(Vec::new());
        for id in 0..2 * MOST as u64 {
            spares.clone().give(vec![Record::due(RequestId(id), Phase::Measure, 0, Offset::ZERO)]);
        }
        let room: Vec<_> = std::iter::repeat_with(|| spares.take()).take(MOST + 1).collect();
        assert!(room.iter().all(Vec::is_empty));
        assert_eq!(room.iter().filter(|room| room.capacity() > 0).count(), MOST);
    }
}
