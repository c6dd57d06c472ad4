//! The client's own health: whether this process was fast enough to measure the server and not itself.

use hdrhistogram::Histogram;

/// The health of the client over the measured window.
#[derive(Clone, Debug, Default)]
pub struct ClientHealth {
    /// One entry per I/O thread.
    pub threads: Vec<ThreadHealth>,
    /// Whether arrivals are kernel receive timestamps (else the time of the read).
    pub kernel_timestamps: bool,
    /// Records that could not be kept.
    pub records_lost: u64,
    /// Requests that were due before their prompt had been built.
    pub prompts_late: u64,
}

/// The health of one I/O thread over the measured window.
#[derive(Clone, Debug)]
pub struct ThreadHealth {
    /// The thread.
    pub thread: u16,
    /// Share of the window in which it used its core, 0 to 1.
    pub busy: f64,
    /// Share of the window in which it was ready to run but something else had its core, 0 to 1.
    pub waiting: f64,
    /// Share of the time of the cores on which it may run that other processes used, 0 to 1.
    pub others: f64,
    /// Share of that time that the host of a virtual machine took away, 0 to 1.
    pub stolen: f64,
    /// How late timers fired, nanoseconds.
    pub timer_lag: Histogram<u64>,
    /// From the kernel's receive timestamp to the read, nanoseconds; empty without kernel timestamps.
    pub read_lag: Histogram<u64>,
}
