//! Whether the thread of a feed gets on: it gives way to the I/O threads, but not for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::time::Offset;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::priority::Courtesy;

/// From beat to beat.
const BEAT: Duration = Duration::from_millis(500);
/// Without a beat for so long, a thread has been denied a core.
const LATE: Duration = Duration::from_secs(2);

/// The heart of one thread, for those who see it from outside.
#[derive(Debug)]
pub(super) struct Heart {
    clock: Clock,
    courtesy: Courtesy,
    /// When it beat last, nanoseconds.
    beat: AtomicU64,
}

impl Heart {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Heart { clock: Clock::start(), courtesy: Courtesy::default(), beat: AtomicU64::new(0) })
    }

    /// The current thread is the one, and runs on idle cores only from now on.
    pub(super) fn begin(&self) {
        self.courtesy.begin();
    }

    /// Beats for ever.
    pub(super) async fn beat(&self) {
        loop {
            self.beat.store(self.clock.now().as_nanos(), Ordering::Release);
            sleep(BEAT).await;
        }
    }

    /// Where no core is idle, a thread would feed nobody: one that is late takes its share like any other from then on.
    /// Call it about once a second.
    pub(super) fn look_after(&self) {
        let beat = Offset::from_nanos(self.beat.load(Ordering::Acquire));
        if self.clock.now().since(beat) > LATE {
            self.press();
        }
    }

    /// Somebody waits for it.
    pub(super) fn press(&self) {
        self.courtesy.press();
    }
}
