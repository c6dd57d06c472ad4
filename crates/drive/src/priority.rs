//! Which threads give way to which.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Lets the current thread run only where a core would otherwise be idle, so that it never delays an I/O thread.
///
/// A nicer thread is not enough: for up to a time slice of some milliseconds the kernel would let it finish what it is
/// at before it gave the core to an I/O thread that woke. A refusal is harmless, and so is a system without this.
pub fn only_when_idle() {
    set_policy(0, libc::SCHED_IDLE);
}

/// How long an I/O thread wants to keep a core before others have their turn, at most. The kernel takes no less.
const TURN_NANOS: u64 = 100_000;

/// Lets the current thread have its core soon after it woke, although somebody else is at work there: from Linux 6.12 on
/// those who ask for short turns come first, as long as they take no more than their share. Elsewhere without effect.
pub(crate) fn soon_after_waking() {
    let Some(mut attributes) = attributes() else { return };
    // Whoever gave the thread another policy knows better.
    if attributes.sched_policy != libc::SCHED_OTHER.unsigned_abs() {
        return;
    }
    attributes.sched_runtime = TURN_NANOS;
    // SAFETY: the attributes are valid for the call, their length is among them, and 0 is the calling thread.
    unsafe {
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
    }
}

/// How the kernel schedules the current thread.
fn attributes() -> Option<libc::sched_attr> {
    // SAFETY: these are numbers, for which zeros are valid.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::sched_attr>();
    // SAFETY: the place for the attributes is as long as said, and 0 is the calling thread.
    let got = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    (got == 0).then_some(attributes)
}

/// Thread 0 is the calling one.
fn set_policy(thread: libc::pid_t, policy: libc::c_int) {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters are valid for the call; a thread that has gone is an error without effect.
    unsafe {
        libc::sched_setscheduler(thread, policy, &parameters);
    }
}

/// A thread that gives way to the I/O threads, but not for ever: who watches it can press it on.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    thread: AtomicI32,
    pressed: AtomicBool,
}

impl Courtesy {
    /// The current thread gives way from now on.
    pub(crate) fn begin(&self) {
        // SAFETY: a plain system call.
        self.thread.store(unsafe { libc::gettid() }, Ordering::Release);
        only_when_idle();
    }

    /// Somebody waits for what the thread does: it takes its share of a core like any other.
    pub(crate) fn press(&self) {
        let thread = self.thread.load(Ordering::Acquire);
        if thread != 0 && !self.pressed.swap(true, Ordering::AcqRel) {
            set_policy(thread, libc::SCHED_OTHER);
        }
    }

    /// The thread, which is the current one, has caught up and gives way again.
    pub(crate) fn relax(&self) {
        if self.pressed.swap(false, Ordering::AcqRel) {
            only_when_idle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_asks_for_short_turns_and_stays_as_it_is_otherwise() {
        std::thread::spawn(|| {
            let before = attributes().unwrap();
            soon_after_waking();
            let after = attributes().unwrap();
            assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
            // Older kernels tell nothing of turns, and know of none.
            assert!(before.sched_runtime == 0 || after.sched_runtime == TURN_NANOS);
            only_when_idle();
            soon_after_waking();
            assert_eq!(policy(), libc::SCHED_IDLE);
        })
        .join()
        .unwrap();
    }

    fn policy() -> libc::c_int {
        // SAFETY: a plain system call; 0 is the calling thread.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn a_courteous_thread_can_be_pressed_and_relaxes_again() {
        // In a thread of its own: the policy of the test runner's threads stays as it is.
        std::thread::spawn(|| {
            let courtesy = Courtesy::default();
            courtesy.press();
            assert_eq!(policy(), libc::SCHED_OTHER);
            courtesy.begin();
            assert_eq!(policy(), libc::SCHED_IDLE);
            courtesy.press();
            assert_eq!(policy(), libc::SCHED_OTHER);
            courtesy.relax();
            assert_eq!(policy(), libc::SCHED_IDLE);
        })
        .join()
        .unwrap();
    }
}
