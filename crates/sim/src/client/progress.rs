//! How far a run is: whether requests may still start, and when it ends.

use plimsoll_core::load::{Quota, Times};
use plimsoll_core::record::Outcome;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;

/// How far a run is.
#[derive(Debug)]
pub(super) struct Progress {
    quota: Option<Quota>,
    /// When the last request that the user wants had ended.
    enough: Option<Offset>,
    measure_end: Option<Offset>,
    /// When the schedule came to an end by itself.
    pub(super) schedule_ended: Option<Offset>,
    /// When the load ended.
    pub(super) ended: Option<Offset>,
}

impl Progress {
    pub(super) fn new(spec: &RunSpec, times: &Times) -> Self {
        Progress {
            quota: spec.phases.max_requests.map(Quota::new),
            enough: None,
            measure_end: times.measure_end,
            schedule_ended: None,
            ended: None,
        }
    }

    /// See [`Quota::claim`].
    pub(super) fn claim(&mut self) -> bool {
        self.quota.as_mut().is_none_or(Quota::claim)
    }

    /// A request ended at `now`.
    pub(super) fn request_ended(&mut self, now: Offset, outcome: Outcome) {
        if let Some(quota) = &mut self.quota {
            quota.ended(outcome);
            if quota.is_met() {
                self.enough.get_or_insert(now);
            }
        }
    }

    /// Whether requests may still start.
    pub(super) fn is_running(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether the load was ended by the number of requests.
    pub(super) fn had_enough(&self) -> bool {
        self.enough.is_some()
    }

    /// Ends the load if its time has come by `now`.
    pub(super) fn look_at_the_end(&mut self, now: Offset) {
        if self.ended.is_none() {
            let planned = self.measure_end.filter(|&end| now >= end);
            self.ended = [self.enough, planned, self.schedule_ended].into_iter().flatten().min();
        }
    }

    /// Requests that are due from this moment on do not start.
    pub(super) fn last(&self) -> Option<Offset> {
        [self.measure_end, self.ended].into_iter().flatten().min()
    }

    /// The end of the measured window of a load that had drained at `drained`.
    pub(super) fn measure_end(&self, times: &Times, drained: Offset) -> Offset {
        let end = [self.enough, times.measure_end, self.schedule_ended].into_iter().flatten().min();
        end.unwrap_or(drained).max(times.measure_start)
    }
}
