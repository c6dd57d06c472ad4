//! What all I/O threads of a run share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use plimsoll_core::load::{LoadModel, Times, WhenFull};
use plimsoll_core::record::Record;
use plimsoll_core::slo::{Breach, Watch};
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
    /// Watches for what must not happen, if anything.
    watch: Option<Mutex<Watch>>,
    /// What has ended the run.
    breach: OnceLock<Breach>,
    /// Hides the credentials of the run in what the server says.
    pub(crate) mask: Mask,
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
            watch: (!spec.objectives.abort_on.is_empty())
                .then(|| Mutex::new(Watch::new(&spec.objectives.abort_on))),
            breach: OnceLock::new(),
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

    /// Looks at requests that have ended, and ends the load if a rule is broken; returns whether this call did.
    pub(crate) fn watch(&self, ended: &[Record], now: Offset) -> bool {
        let Some(watch) = &self.watch else { return false };
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        ended.iter().for_each(|record| watch.add(record));
        if self.stop.is_asked() {
            return false;
        }
        let Some(breach) = watch.breach(self.times.begin, now) else { return false };
        let first = self.breach.set(breach).is_ok();
        self.stop.drain(now);
        first
    }

    /// The rule that ended the run.
    pub(crate) fn breach(&self) -> Option<Breach> {
        self.breach.get().copied()
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
}
