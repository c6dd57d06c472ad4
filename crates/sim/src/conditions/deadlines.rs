//! When the requests in a server become too old.

use std::collections::VecDeque;
use std::time::Duration;

use plimsoll_core::time::Offset;

use crate::engine::JobId;

/// Requests in order of arrival, which is the order of their deadlines: all have the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    timeout: Option<Duration>,
    due: VecDeque<(Offset, JobId)>,
}

impl Deadlines {
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Deadlines { timeout, due: VecDeque::new() }
    }

    pub(super) fn arrived(&mut self, at: Offset, job: JobId) {
        if let Some(timeout) = self.timeout {
            self.due.push_back((at + timeout, job));
        }
    }

    pub(super) fn next(&self) -> Option<(Offset, JobId)> {
        self.due.front().copied()
    }

    /// Drops those in front that are over; `lives` tells.
    pub(super) fn drop_over(&mut self, lives: impl Fn(JobId) -> bool) {
        while let Some(&(_, job)) = self.due.front()
            && !lives(job)
        {
            self.due.pop_front();
        }
    }
}
