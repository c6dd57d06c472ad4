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

/// What a signal said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    /// The trial is to end.
    End,
    /// This process was stopped, and goes on.
    Continued,
}

/// The signals that end a trial, and the one that says that this process was stopped for a while.
pub(crate) struct Interrupts {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    continued: Signal,
}

impl Interrupts {
    /// Begins to listen. From now on Ctrl+C does not end the process.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate, continued) = runtime.block_on(async {
            let continued = signal(SignalKind::from_raw(libc::SIGCONT))?;
            anyhow::Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, continued))
        })?;
        Ok(Interrupts { runtime, interrupt, terminate, continued })
    }

    /// Waits for a signal that ends a trial, but no longer than `time`. True if one came, or had come since the last wait.
    pub(crate) fn within(&mut self, time: Duration) -> bool {
        self.hear(time) == Heard::End
    }

    /// Waits for the next signal, but no longer than `time`; also says what had come since the last wait.
    pub(crate) fn hear(&mut self, time: Duration) -> Heard {
        let Interrupts { runtime, interrupt, terminate, continued } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => Heard::End,
                _ = terminate.recv() => Heard::End,
                _ = continued.recv() => Heard::Continued,
                () = tokio::time::sleep(time) => Heard::Nothing,
            }
        })
    }
}
