//! Keeps the recorder on time although it gives way to the I/O threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::time::Offset;

use crate::priority::Courtesy;

/// The files are published every 0.4 s or so. With what an I/O thread holds for 0.2 s, and with the 0.1 s after which somebody
/// looks, a publication that is older than this endangers "at most the last second is lost".
const PATIENCE: Duration = Duration::from_millis(500);
/// A publication that was no later than this shows that there is a core for the recorder again.
const CAUGHT_UP: Duration = Duration::from_millis(50);

/// The recorder's courtesy, and when it last published.
#[derive(Debug)]
pub(super) struct Punctual {
    pub(super) courtesy: Courtesy,
    /// Nanoseconds since the start of the run.
    published: AtomicU64,
}

impl Punctual {
    pub(super) fn new(now: Offset) -> Self {
        Punctual { courtesy: Courtesy::default(), published: AtomicU64::new(now.as_nanos()) }
    }

    /// Called by the recorder: it has published at `now`, `late` after it wanted to.
    pub(super) fn ticked(&self, now: Offset, late: Duration) {
        self.published.store(now.as_nanos(), Ordering::Release);
        if late <= CAUGHT_UP {
            self.courtesy.relax();
        }
    }

    /// Called by who watches: presses the recorder on when its files are too old.
    pub(super) fn watch(&self, now: Offset) {
        if now.since(Offset::from_nanos(self.published.load(Ordering::Acquire))) > PATIENCE {
            self.courtesy.press();
        }
    }
}
