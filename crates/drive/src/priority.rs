//! Which threads give way to which.

/// Lets the current thread run only where a core would otherwise be idle, so that it never delays an I/O thread.
///
/// A nicer thread is not enough: for up to a time slice of some milliseconds the kernel would let it finish what it is
/// at before it gave the core to an I/O thread that woke. A refusal is harmless, and so is a system without this.
pub(crate) fn only_when_idle() {
    #[cfg(target_os = "linux")]
    {
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the parameters are valid for the call, and 0 means the calling thread.
        unsafe {
            libc::sched_setscheduler(0, libc::SCHED_IDLE, &parameters);
        }
    }
}
