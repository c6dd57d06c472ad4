//! How a run is told to end, from a signal handler, a limit or the run itself.

use std::sync::Arc;

use plimsoll_core::time::Offset;
use tokio::sync::watch;

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopState {
    /// Requests start as the load model says.
    Running,
    /// No request starts after this moment; those in flight are followed to their end.
    Draining(Offset),
    /// Everything ends at once; the load itself ended at this moment.
    Now(Offset),
}

impl StopState {
    /// When the load was told to end.
    pub(crate) fn asked_at(self) -> Option<Offset> {
        match self {
            StopState::Running => None,
            StopState::Draining(at) | StopState::Now(at) => Some(at),
        }
    }
}

/// Ends a run. Clones end the same run.
#[derive(Clone, Debug)]
pub struct Stop {
    state: Arc<watch::Sender<StopState>>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Stop { state: Arc::new(watch::Sender::new(StopState::Running)) }
    }

    /// Starts no more requests from `at` on and lets those in flight complete. Only the first call counts.
    pub fn drain(&self, at: Offset) {
        self.state.send_if_modified(|state| {
            let first = *state == StopState::Running;
            if first {
                *state = StopState::Draining(at);
            }
            first
        });
    }

    /// Ends everything at once, the load at `at` if it had not been told to end before. What was measured is kept.
    pub fn now(&self, at: Offset) {
        self.state.send_modify(|state| *state = StopState::Now(state.asked_at().unwrap_or(at)));
    }

    /// Whether the end has been asked for.
    pub fn is_asked(&self) -> bool {
        self.state() != StopState::Running
    }

    pub(crate) fn state(&self) -> StopState {
        *self.state.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<StopState> {
        self.state.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_drain_counts_and_now_ends_all() {
        let stop = Stop::new();
        let seen = stop.watch();
        assert!(!stop.is_asked());
        stop.drain(Offset::from_nanos(5));
        stop.drain(Offset::from_nanos(9));
        assert_eq!(*seen.borrow(), StopState::Draining(Offset::from_nanos(5)));
        stop.now(Offset::from_nanos(9));
        stop.drain(Offset::from_nanos(9));
        assert_eq!(*seen.borrow(), StopState::Now(Offset::from_nanos(5)));
    }
}
