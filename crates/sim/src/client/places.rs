//! The user's cap on requests in flight, and those whom it keeps waiting.

use std::collections::VecDeque;

use plimsoll_core::load::{ConcurrencyCap, WhenFull};

/// Places under the cap of an open loop.
#[derive(Debug)]
pub(super) struct Places<T> {
    cap: Option<ConcurrencyCap>,
    taken: u32,
    waiting: VecDeque<T>,
    /// Requests that met a full cap.
    pub(super) reached: u64,
}

/// What becomes of a request that is due.
pub(super) enum Placed<T> {
    /// It may be sent.
    Taken(T),
    /// It waits for a place.
    Waits,
    /// It is never sent.
    Shed(T),
}

impl<T> Places<T> {
    pub(super) fn new(cap: Option<ConcurrencyCap>) -> Self {
        Places { cap, taken: 0, waiting: VecDeque::new(), reached: 0 }
    }

    /// A request is due.
    pub(super) fn take(&mut self, request: T) -> Placed<T> {
        match self.cap {
            Some(cap) if self.taken >= cap.max.get() => {
                self.reached += 1;
                match cap.when_full {
                    WhenFull::Shed => Placed::Shed(request),
                    WhenFull::Lag => {
                        self.waiting.push_back(request);
                        Placed::Waits
                    }
                }
            }
            _ => {
                self.taken += 1;
                Placed::Taken(request)
            }
        }
    }

    /// A place is free again; gives the request that has waited longest, which takes it.
    pub(super) fn free(&mut self) -> Option<T> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.taken -= 1;
        }
        next
    }

    /// Those who still wait, as the run is given up.
    pub(super) fn give_up(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.waiting)
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
