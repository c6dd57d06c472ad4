//! What all I/O threads of a run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::load::{Arrivals, LoadModel, WhenFull};
use plimsoll_core::record::Phase;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use tokio::sync::Semaphore;

use super::stop::Stop;
use crate::clock::Clock;
use crate::protocol::Mask;

/// What all I/O threads of a run share.
pub(crate) struct Shared {
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    pub(crate) times: Times,
    /// The user's cap on requests in flight.
    pub(crate) cap: Option<(Arc<Semaphore>, WhenFull)>,
    /// Requests that met a full cap.
    pub(crate) cap_reached: AtomicU64,
    /// Requests that have ended well or are on their way, against `max_requests`.
    claims: AtomicU64,
    ok: AtomicU64,
    pub(crate) prompts_late: Arc<AtomicU64>,
    /// Hides the credentials of the run in what the server says.
    pub(crate) mask: Mask,
}

/// From the start of the clock to the beginning of the load: time for files and threads to be ready.
const LEAD: Duration = Duration::from_millis(20);

/// The boundaries of the phases, as moments of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the load begins.
    pub begin: Offset,
    /// When all users are active.
    pub ramp_end: Offset,
    /// When the measured window begins.
    pub measure_start: Offset,
    /// When it ends, if that is known beforehand.
    pub measure_end: Option<Offset>,
}

impl Times {
    /// The times of a run on a clock that is started now.
    pub fn of(spec: &RunSpec) -> Self {
        let begin = Offset::ZERO + LEAD;
        let ramp_end = begin + spec.load.ramp_end();
        let measure_start = ramp_end + spec.phases.warmup;
        let asked = spec.phases.measure.map(|length| measure_start + length);
        let natural = natural_length(&spec.load).map(|length| begin + length);
        Times { begin, ramp_end, measure_start, measure_end: [asked, natural].into_iter().flatten().min() }
    }

    /// The phase of a request by its scheduled instant.
    pub(crate) fn phase(&self, scheduled: Offset) -> Phase {
        if scheduled < self.ramp_end {
            Phase::Ramp
        } else if scheduled < self.measure_start {
            Phase::WarmUp
        } else {
            Phase::Measure
        }
    }
}

/// How long a load is that ends by itself.
fn natural_length(load: &LoadModel) -> Option<Duration> {
    let LoadModel::Open(open) = load else { return None };
    match &open.arrivals {
        Arrivals::Process { .. } => None,
        Arrivals::Stages { stages, .. } => Some(stages.iter().map(|stage| stage.duration).sum()),
        Arrivals::Replay(replay) => {
            let last = replay.due.last()?.since(Offset::ZERO);
            // The last request has its gap after it as the others have.
            let gaps = u32::try_from(replay.due.len()).unwrap_or(u32::MAX).saturating_sub(1).max(1);
            Some(last + (last / gaps).max(Duration::from_nanos(1)))
        }
    }
}

impl Shared {
    pub(crate) fn new(spec: Arc<RunSpec>, clock: Clock, times: Times, prompts_late: Arc<AtomicU64>) -> Self {
        let cap = match &spec.load {
            LoadModel::Open(open) => open.cap,
            LoadModel::Closed(_) => None,
        };
        Shared {
            clock,
            stop: Stop::new(),
            times,
            cap: cap.map(|cap| (Arc::new(Semaphore::new(cap.max.get() as usize)), cap.when_full)),
            cap_reached: AtomicU64::new(0),
            claims: AtomicU64::new(0),
            ok: AtomicU64::new(0),
            prompts_late,
            mask: Mask::of(&spec.target),
            spec,
        }
    }

    /// Claims the right to start a request; false once as many as the user wants are on their way or done.
    pub(crate) fn claim(&self) -> bool {
        let Some(max) = self.spec.phases.max_requests else {
            return true;
        };
        self.claims
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |claims| (claims < max).then_some(claims + 1))
            .is_ok()
    }

    /// A claimed request ended. A failed one gives its claim back; the last good one ends the run.
    pub(crate) fn ended(&self, ok: bool) {
        let Some(max) = self.spec.phases.max_requests else {
            return;
        };
        if !ok {
            self.claims.fetch_sub(1, Ordering::Relaxed);
        } else if self.ok.fetch_add(1, Ordering::Relaxed) + 1 == max {
            self.stop.drain(self.clock.now());
        }
    }

    /// When what is in flight at `end` is given up.
    pub(crate) fn drain_deadline(&self, end: Offset) -> Offset {
        // The longest limit that a user can mean; it keeps the sum within range.
        end + self.spec.phases.drain_timeout.min(Duration::from_secs(86_400 * 365))
    }
}
