//! Ctrl+C, listened to from the first trial to the last, so that none between two of them is lost.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How the user ended a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// Not at all.
    No,
    /// Once: what was in flight completed.
    Gracefully,
    /// Twice: at once.
    Twice,
}

/// The signals that end a trial.
pub(crate) struct Interrupts {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Begins to listen. From now on Ctrl+C does not end the process.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate) = runtime.block_on(async {
            anyhow::Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
        })?;
        Ok(Interrupts { runtime, interrupt, terminate })
    }

    /// Waits for the next signal, but no longer than `time`. True if one came, or had come since the last wait.
    pub(crate) fn within(&mut self, time: Duration) -> bool {
        let Interrupts { runtime, interrupt, terminate } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => true,
                _ = terminate.recv() => true,
                () = tokio::time::sleep(time) => false,
            }
        })
    }
}
