//! How a user changes the load of a run while it goes on: pauses it, or asks for more or less of it.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::load::{ByHand, HandLoad, Intervention, LoadModel, Turn};
use plimsoll_core::time::Offset;
use tokio::sync::watch;

/// From a turn to the moment from which it counts: every I/O thread has heard of it by then, so that all let the plan of
/// an open loop go by alike.
const NOTICE: Duration = Duration::from_millis(50);

/// Changes the load of a run. Clones change the same run.
#[derive(Clone, Debug)]
pub struct Hand {
    state: Arc<watch::Sender<Arc<ByHand>>>,
}

impl Hand {
    pub(crate) fn new(load: &LoadModel, begin: Offset) -> Self {
        Hand { state: Arc::new(watch::Sender::new(Arc::new(ByHand::planned(load, begin)))) }
    }

    /// Changes the load from shortly after `now` on. False if it stays as it is.
    pub fn turn(&self, turn: Turn, now: Offset) -> bool {
        self.state.send_if_modified(|state| Arc::make_mut(state).turn(turn, now + NOTICE))
    }

    /// The load that was asked for last, where it is not the planned one.
    pub fn load(&self) -> Option<HandLoad> {
        self.state.borrow().load()
    }

    /// Whether there can be more or less of this load.
    pub fn can_be_changed(&self) -> bool {
        self.state.borrow().can_be_changed()
    }

    /// When the load was not the planned one, up to `end`.
    pub(crate) fn interventions(&self, end: Offset) -> Vec<Intervention> {
        self.state.borrow().interventions(end)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Arc<ByHand>> {
        self.state.subscribe()
    }
}
