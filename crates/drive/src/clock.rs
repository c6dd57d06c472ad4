//! The one clock of a process: monotonic nanoseconds, tied once to wall time.

use std::time::Duration;

use plimsoll_core::time::Offset;

/// A monotonic clock whose zero is the start of the run. Copies are the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// CLOCK_MONOTONIC at the start of the run, nanoseconds.
    origin: u64,
    /// Wall time at the start of the run, nanoseconds since the Unix epoch.
    wall: u64,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Clock {
            origin: now(libc::CLOCK_MONOTONIC),
            wall: now(libc::CLOCK_REALTIME),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Offset {
        self.offset_of(now(libc::CLOCK_MONOTONIC))
    }

    /// The moment of a CLOCK_MONOTONIC reading in nanoseconds; readings before the run become its start.
    pub fn offset_of(&self, monotonic_nanos: u64) -> Offset {
        Offset::from_nanos(monotonic_nanos.saturating_sub(self.origin))
    }

    /// The CLOCK_MONOTONIC reading of a moment, nanoseconds: what timers of the kernel and other processes share.
    pub fn monotonic_nanos(&self, at: Offset) -> u64 {
        self.origin.saturating_add(at.as_nanos())
    }

    /// Wall time of a moment since the Unix epoch, by the tie made at the start.
    pub fn wall(&self, at: Offset) -> Duration {
        Duration::from_nanos(self.wall.saturating_add(at.as_nanos()))
    }
}

/// Reads a kernel clock, in nanoseconds.
pub(crate) fn now(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for the result. The call fails only for an unknown clock, and these exist on
    // every kernel that runs this program.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
