//! The queue in front of the replicas.

use std::collections::VecDeque;

use plimsoll_core::time::Offset;

use super::options::Gateway;
use crate::engine::{Ask, JobId};

/// Requests that no replica has yet, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    options: Gateway,
    held: VecDeque<Held>,
}

/// A request that waits in the gateway.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub job: JobId,
    pub ask: Ask,
    arrived: Offset,
}

impl Waiting {
    pub(super) fn new(options: Gateway) -> Self {
        Waiting { options, held: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes a request in, if there is room.
    pub(super) fn push(&mut self, arrived: Offset, job: JobId, ask: &Ask) -> bool {
        let room = self.options.queue.is_none_or(|max| self.held.len() < max as usize);
        if room {
            self.held.push_back(Held { job, ask: ask.clone(), arrived });
        }
        room
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        self.held.pop_front()
    }

    /// When the oldest has waited too long.
    pub(super) fn expiry(&self) -> Option<Offset> {
        Some(self.held.front()?.arrived + self.options.timeout?)
    }

    /// Takes a request out. Those who give up are mostly the oldest, so the search begins there.
    pub(super) fn remove(&mut self, job: JobId) {
        if let Some(place) = self.held.iter().position(|held| held.job == job) {
            self.held.remove(place);
        }
    }
}
