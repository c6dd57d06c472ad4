//! What all I/O threads of a run share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use plimsoll_core::load::{LoadModel, Quota, Times, WhenFull};
use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::slo::{Breach, Watch};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use tokio::sync::Semaphore;

use super::hand::Hand;
use super::stop::Stop;
use crate::clock::Clock;
use crate::protocol::Mask;

/// What all I/O threads of a run share.
pub(crate) struct Shared {
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    /// What the user changes by hand.
    pub(crate) hand: Hand,
    pub(crate) times: Times,
    /// The user's cap on requests in flight.
    pub(crate) cap: Option<(Arc<Semaphore>, WhenFull)>,
    /// Requests that met a full cap.
    pub(crate) cap_reached: AtomicU64,
    /// The requests of the run against those that the user wants, if there is such a number.
    quota: Option<Mutex<Quota>>,
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
            hand: Hand::new(&spec.load, times.begin),
            times,
            cap: cap.map(|cap| (Arc::new(Semaphore::new(cap.max.get() as usize)), cap.when_full)),
            cap_reached: AtomicU64::new(0),
            quota: spec.phases.max_requests.map(|wanted| Mutex::new(Quota::new(wanted))),
            prompts_late,
            watch: (!spec.objectives.abort_on.is_empty())
                .then(|| Mutex::new(Watch::new(&spec.objectives.abort_on))),
            breach: OnceLock::new(),
            mask: Mask::of(&spec.target),
            spec,
        }
    }

    /// Claims the right to start a request; see [`Quota::claim`].
    pub(crate) fn claim(&self) -> bool {
        self.quota().is_none_or(|mut quota| quota.claim())
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

    /// A claimed request ended. The last that the user wants ends the run.
    pub(crate) fn ended(&self, outcome: Outcome) {
        let Some(mut quota) = self.quota() else { return };
        quota.ended(outcome);
        if quota.is_met() {
            self.stop.drain(self.clock.now());
        }
    }

    /// Whether the load ended because too many requests had not gone well.
    pub(crate) fn is_given_up(&self) -> bool {
        self.quota().is_some_and(|quota| quota.is_given_up())
    }

    fn quota(&self) -> Option<MutexGuard<'_, Quota>> {
        let quota = self.quota.as_ref()?;
        // Numbers stay numbers, wherever a thread that held them came to grief.
        Some(quota.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
