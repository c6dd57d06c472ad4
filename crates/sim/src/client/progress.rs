//! How far a run is: whether requests may still start, and when it ends.

use plimsoll_core::load::Times;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;

/// How far a run is.
#[derive(Debug)]
pub(super) struct Progress {
    max_requests: Option<u64>,
    /// Requests that have ended well or are on their way, against `max_requests`.
    claims: u64,
    ok: u64,
    /// When the last request that the user wants had ended well.
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
            max_requests: spec.phases.max_requests,
            claims: 0,
            ok: 0,
            enough: None,
            measure_end: times.measure_end,
            schedule_ended: None,
            ended: None,
        }
    }

    /// Claims the right to start a request; false once as many as the user wants are on their way or done.
    pub(super) fn claim(&mut self) -> bool {
        let free = self.max_requests.is_none_or(|max| self.claims < max);
        self.claims += u64::from(free);
        free
    }

    /// A request ended at `now`. A failed one gives its claim back.
    pub(super) fn request_ended(&mut self, now: Offset, ok: bool) {
        if !ok {
            self.claims = self.claims.saturating_sub(1);
            return;
        }
        self.ok += 1;
        if Some(self.ok) == self.max_requests {
            self.enough.get_or_insert(now);
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
