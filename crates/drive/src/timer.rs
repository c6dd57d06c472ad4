//! Precise timers for one I/O thread: one timerfd, armed a little early, then yields until the moment is there.
//!
//! tokio's own timers have slots of a millisecond: good for time limits, useless for pacing.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::task::{Poll, Waker};
use std::time::Duration;

use plimsoll_core::time::Offset;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;

use crate::clock::Clock;

/// The timers of one I/O thread.
pub(crate) struct Alarm {
    /// The timerfd; there is none in simulated time, in which the main loop moves the clock.
    fd: Option<AsyncFd<OwnedFd>>,
    clock: Clock,
    /// When the timerfd will ring; `Offset::MAX` when it is not armed.
    armed: Cell<Offset>,
    sleepers: RefCell<BinaryHeap<Reverse<Sleeper>>>,
    sleepers_seen: Cell<u64>,
}

/// A task that sleeps until a moment.
struct Sleeper {
    at: Offset,
    /// Order of going to sleep, so that equal moments wake in order.
    order: u64,
    waker: Waker,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl Alarm {
    /// The timers of the current I/O thread; must be made within its runtime.
    pub(crate) fn new(clock: Clock) -> io::Result<Self> {
        let fd = if clock.is_simulated() { None } else { Some(timerfd()?) };
        Ok(Alarm {
            fd,
            clock,
            armed: Cell::new(Offset::MAX),
            sleepers: RefCell::default(),
            sleepers_seen: Cell::new(0),
        })
    }

    /// Sleeps until `at`, as precisely as the thread's main loop turns.
    pub(crate) async fn sleep_until(&self, at: Offset) {
        let mut asleep = false;
        poll_fn(|cx| {
            if asleep || self.clock.now() >= at {
                return Poll::Ready(());
            }
            asleep = true;
            self.sleepers_seen.set(self.sleepers_seen.get() + 1);
            let sleeper = Sleeper { at, order: self.sleepers_seen.get(), waker: cx.waker().clone() };
            self.sleepers.borrow_mut().push(Reverse(sleeper));
            if at < self.armed.get() {
                self.arm(at);
            }
            Poll::Pending
        })
        .await;
    }

    /// Wakes everybody whose moment has come by `now`; returns the next moment somebody waits for.
    pub(crate) fn wake_due(&self, now: Offset) -> Option<Offset> {
        let mut sleepers = self.sleepers.borrow_mut();
        while let Some(Reverse(first)) = sleepers.peek() {
            if first.at > now {
                return Some(first.at);
            }
            if let Some(Reverse(sleeper)) = sleepers.pop() {
                sleeper.waker.wake();
            }
        }
        None
    }

    /// Wakes everybody, whatever they wait for: the load is over.
    pub(crate) fn wake_all(&self) {
        self.wake_due(Offset::MAX);
    }

    /// The next moment that somebody waits for.
    pub(crate) fn next_sleeper(&self) -> Option<Offset> {
        self.sleepers.borrow().peek().map(|Reverse(sleeper)| sleeper.at)
    }

    /// Makes the alarm ring at `at` and not before.
    pub(crate) fn arm(&self, at: Offset) {
        let Some(fd) = &self.fd else { return };
        let nanos = self.clock.monotonic_nanos(at).max(1);
        let value = libc::timespec {
            tv_sec: libc::time_t::try_from(nanos / 1_000_000_000).unwrap_or(libc::time_t::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
        };
        let never = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let setting = libc::itimerspec { it_interval: never, it_value: value };
        // SAFETY: the descriptor is a timerfd and `setting` is valid for the call, which cannot fail then.
        unsafe {
            libc::timerfd_settime(fd.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &setting, std::ptr::null_mut());
        }
        self.armed.set(at);
    }

    /// Waits until the alarm rings.
    ///
    /// The runtime only hears that it rang when it asks the kernel, and remembers it until told otherwise. What it heard of
    /// an alarm that has been set anew meanwhile is forgotten here, or the thread would wake for nothing after every one.
    pub(crate) async fn ring(&self) {
        let Some(fd) = &self.fd else { return };
        // An error of the reactor means that the runtime is shutting down: nobody waits any more.
        while let Ok(mut guard) = fd.readable().await {
            let rang = has_rung(guard.get_inner());
            // It rings again only when it has been set again, and the runtime hears of that anew.
            guard.clear_ready();
            if rang {
                self.armed.set(Offset::MAX);
                return;
            }
        }
    }
}

/// With spinning, the end of the way to a moment on which nobody else has a turn: the work of one task, about.
const SPIN: Duration = Duration::from_micros(30);

/// Comes nearer to `at`, which is not far off. All who can run have their turn first, however near it is: moments that
/// follow each other closely would otherwise leave them none. What is left of the way then is burnt if `spin` says so.
pub(crate) async fn approach(at: Offset, clock: Clock, spin: bool) {
    yield_now().await;
    if spin && at.since(clock.now()) <= SPIN {
        while clock.now() < at {
            std::hint::spin_loop();
        }
    }
}

/// Whether a timer has rung since it was last set or asked; from then on it has not.
fn has_rung(timer: &OwnedFd) -> bool {
    let mut count = 0_u64;
    // SAFETY: the buffer is eight bytes long, as a timerfd wants it.
    unsafe { libc::read(timer.as_raw_fd(), (&raw mut count).cast(), 8) == 8 }
}

/// A timer of the kernel on the clock of all records.
fn timerfd() -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the call takes no pointers; its result is checked.
    let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and belongs to nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the descriptor stays open, and the same, for as long as the registration: `AsyncFd` owns it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE)? })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Polls once whether the alarm rings, after the runtime has asked the kernel.
    async fn rings(alarm: &Alarm) -> bool {
        yield_now().await;
        poll_fn(|cx| Poll::Ready(std::pin::pin!(alarm.ring()).poll(cx).is_ready())).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_alarm_rings_once_each_time_it_is_set() {
        let clock = Clock::start();
        let alarm = Alarm::new(clock).unwrap();
        for round in 0..3 {
            alarm.arm(clock.now());
            alarm.ring().await;
            assert!(!rings(&alarm).await, "round {round}");
            // Rung, and set anew before anybody asked.
            alarm.arm(clock.now());
            while !alarm.fd.as_ref().is_some_and(|fd| is_readable(fd.get_ref())) {}
            alarm.arm(Offset::MAX);
            assert!(!rings(&alarm).await, "round {round}");
        }
    }

    fn is_readable(timer: &OwnedFd) -> bool {
        let mut asked = libc::pollfd { fd: timer.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid entry, as said.
        unsafe { libc::poll(&raw mut asked, 1, 0) == 1 }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn everybody_has_a_turn_on_the_way_to_every_moment() {
        let clock = Clock::start();
        for spin in [false, true] {
            for ahead in [Duration::ZERO, Duration::from_nanos(1), SPIN / 2, SPIN * 2] {
                let turns = Arc::new(AtomicU32::new(0));
                let counted = turns.clone();
                tokio::spawn(async move { counted.fetch_add(1, Ordering::Relaxed) });
                approach(clock.now() + ahead, clock, spin).await;
                assert_eq!(turns.load(Ordering::Relaxed), 1, "{spin} {ahead:?}");
            }
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_spins_does_not_arrive_early_where_it_is_near() {
        let clock = Clock::start();
        for _ in 0..20 {
            let at = clock.now() + SPIN;
            approach(at, clock, true).await;
            assert!(clock.now() >= at);
        }
    }
}
