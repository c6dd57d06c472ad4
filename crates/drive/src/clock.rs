//! The one clock of a run: monotonic nanoseconds, tied once to wall time. It is the machine's, or simulated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::time::Offset;

/// A monotonic clock whose zero is the start of the run. Copies are the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// CLOCK_MONOTONIC at the start of the run, nanoseconds.
    origin: u64,
    /// Wall time at the start of the run, nanoseconds since the Unix epoch.
    wall: u64,
    /// The present moment in nanoseconds, where time is simulated.
    simulated: Option<&'static AtomicU64>,
}

impl Clock {
    /// The machine's clock, which starts now.
    pub fn start() -> Self {
        Clock { origin: now(libc::CLOCK_MONOTONIC), wall: now(libc::CLOCK_REALTIME), simulated: None }
    }

    /// The machine's clock, as if it had been started `ago`.
    pub fn started(ago: Duration) -> Self {
        let (clock, ago) = (Clock::start(), ago.as_nanos() as u64);
        Clock { origin: clock.origin.saturating_sub(ago), wall: clock.wall.saturating_sub(ago), ..clock }
    }

    /// A clock that stands at the start of the run until the run itself moves it. Only its wall time is real.
    pub fn simulated() -> Self {
        // Copies are the same clock, so its present has to outlive them all: eight bytes for each simulated run.
        Clock { simulated: Some(Box::leak(Box::default())), ..Clock::start() }
    }

    /// Whether time is simulated.
    pub fn is_simulated(&self) -> bool {
        self.simulated.is_some()
    }

    /// The present moment.
    pub fn now(&self) -> Offset {
        match self.simulated {
            None => self.offset_of(now(libc::CLOCK_MONOTONIC)),
            Some(present) => Offset::from_nanos(present.load(Ordering::Acquire)),
        }
    }

    /// Moves simulated time on to `at`; it never goes back. The machine's clock cannot be moved.
    pub(crate) fn move_to(&self, at: Offset) {
        if let Some(present) = self.simulated {
            present.fetch_max(at.as_nanos(), Ordering::AcqRel);
        }
    }

    /// The clock of people who watch: this one, or one of the machine that starts now if this one is simulated.
    pub(crate) fn of_the_machine(&self) -> Clock {
        if self.is_simulated() { Clock::start() } else { *self }
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

/// Sleeps until the monotonic clock reads `nanos`. A signal may end the sleep early.
pub(crate) fn sleep_until(nanos: u64) {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(nanos / 1_000_000_000).unwrap_or(libc::time_t::MAX),
        tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
    };
    // SAFETY: the time is valid for the call; what is left of it is not asked for.
    unsafe {
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &time, std::ptr::null_mut());
    }
}

/// Lets the kernel end the sleeps of the current thread on time, rather than up to 50 microseconds late so that it can
/// end several at once. A refusal is harmless.
pub(crate) fn sleep_precisely() {
    // SAFETY: a plain system call; the slack is one nanosecond.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
    }
}

/// Reads a kernel clock, in nanoseconds.
pub(crate) fn now(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result. The call fails only for an unknown clock, and these exist on
    // every kernel that runs this program.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_have_been_started_before() {
        let ago = Duration::from_millis(15);
        let (clock, started) = (Clock::start(), Clock::started(ago));
        assert!(started.now() >= Offset::ZERO + ago);
        // What was the zero of the one comes after that in the other.
        assert!(started.monotonic_nanos(Offset::ZERO + ago) >= clock.monotonic_nanos(Offset::ZERO));
    }
}
