//! How a server fares at a moment.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::bucket::Bucket;
use super::deadlines::Deadlines;
use super::{ConditionOptions, ConditionsError, Crash, Exhausted, WarmUp};
use crate::engine::{JobId, Phase, Refused};

/// The conditions of one server, from its first start on.
#[derive(Clone, Debug)]
pub struct Conditions {
    options: ConditionOptions,
    phase: Phase,
    /// When it became ready, or will.
    ready: Offset,
    /// When it crashes next, as far as that is known.
    crash: Option<Offset>,
    /// When it is started again, if it is down.
    restart: Option<Offset>,
    /// Whether it was started since the beginning; it is warm otherwise.
    was_started: bool,
    /// Requests served and steps made since the last start.
    served: u64,
    steps: u32,
    deadlines: Deadlines,
    bucket: Option<Bucket>,
}

/// What happened to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// All that was in it is lost.
    Crashed,
    /// It was started, and loads.
    Started,
    /// It takes requests.
    Ready,
}

impl Default for Conditions {
    /// Nothing happens.
    fn default() -> Self {
        Self::of(ConditionOptions::default())
    }
}

impl Conditions {
    /// A server at its beginning.
    ///
    /// # Errors
    /// `options` cannot be; see [`ConditionOptions::check`].
    pub fn new(options: ConditionOptions) -> Result<Self, ConditionsError> {
        options.check()?;
        Ok(Self::of(options))
    }

    fn of(options: ConditionOptions) -> Self {
        let deadlines = Deadlines::new(options.request_timeout);
        let bucket = options.rate_limit.map(Bucket::new);
        let mut conditions = Conditions {
            options,
            phase: Phase::Ready,
            ready: Offset::ZERO,
            crash: None,
            restart: None,
            was_started: false,
            served: 0,
            steps: 0,
            deadlines,
            bucket,
        };
        conditions.crash = conditions.announced_crash(Offset::ZERO);
        if conditions.options.starts_cold {
            conditions.start(Offset::ZERO);
        }
        conditions
    }

    /// The server is ready at `at`, just started: cold, but loaded.
    pub(crate) fn just_started(&mut self, at: Offset) {
        self.start(at);
        self.ready = at;
        self.phase = Phase::Ready;
    }

    /// The longest time from a request's arrival to its end. For an engine that finds the oldest request by itself;
    /// others use [`Conditions::next_timeout`].
    pub(crate) fn request_timeout(&self) -> Option<Duration> {
        self.options.request_timeout
    }

    /// What the server is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why the request that comes at `at` is not taken, if the server as a whole takes none; else it has passed the rate
    /// limit.
    pub(crate) fn refusal(&mut self, at: Offset) -> Option<Refused> {
        match self.phase {
            Phase::Ready => self.bucket.as_mut()?.take(at).err().map(Refused::RateLimited),
            Phase::Loading(until) => Some(Refused::Loading(until)),
            Phase::Down => Some(Refused::Down),
        }
    }

    /// When the phase changes next.
    pub(crate) fn next_change(&self) -> Option<Offset> {
        match self.phase {
            Phase::Ready => self.crash,
            Phase::Loading(until) => Some(self.crash.map_or(until, |crash| crash.min(until))),
            Phase::Down => self.restart,
        }
    }

    /// Lets the change at `at` happen, which [`Conditions::next_change`] told.
    pub(crate) fn change(&mut self, at: Offset) -> Change {
        if self.phase == Phase::Down {
            self.start(at);
            return Change::Started;
        }
        if self.crash.is_none_or(|crash| at < crash) {
            self.phase = Phase::Ready;
            return Change::Ready;
        }
        self.phase = Phase::Down;
        self.crash = None;
        self.restart = self.options.restart_after.map(|pause| at + pause);
        Change::Crashed
    }

    /// When a piece of work is over that begins at `begin` and takes `work` on a server that is well. It counts as one
    /// step of the warm-up.
    pub(crate) fn end_of(&mut self, begin: Offset, work: Duration) -> Offset {
        let slowdown = self.slowdown(begin);
        self.steps = self.steps.saturating_add(1);
        let work = if slowdown > 1.0 { work.mul_f64(slowdown.min(MOST)) } else { work };
        match &self.options.stall {
            Some(stall) => stall.end_of(begin, work),
            None => begin + work,
        }
    }

    /// How many times longer work takes that begins at `at`: warm-up, drift and want of memory multiply.
    pub fn slowdown(&self, at: Offset) -> f64 {
        let age = at.since(self.ready);
        let mut factor = 1.0 + self.options.drift_per_hour * age.as_secs_f64() / 3600.0;
        if let Some(warm_up) = self.options.warm_up
            && self.is_cold(age, warm_up)
        {
            factor *= warm_up.factor;
        }
        if let Some(leak) = self.options.leak
            && let Exhausted::Slow(slow) = leak.then
            && self.resident_bytes() >= leak.limit
        {
            factor *= slow;
        }
        factor
    }

    /// A request was served at `at`; it may have been one too many.
    pub(crate) fn served(&mut self, at: Offset) {
        self.served += 1;
        let exhausted = self
            .options
            .leak
            .is_some_and(|leak| leak.then == Exhausted::Crash && self.resident_bytes() >= leak.limit);
        let enough = matches!(self.options.crash, Some(Crash::AfterRequests(most)) if self.served >= most);
        if exhausted || enough {
            self.crash = Some(self.crash.map_or(at, |crash| crash.min(at)));
        }
    }

    /// Bytes of the server process's memory.
    pub fn resident_bytes(&self) -> u64 {
        if self.phase == Phase::Down {
            return 0;
        }
        let leaked = self.options.leak.map_or(0, |leak| leak.bytes_per_request.saturating_mul(self.served));
        self.options.resident.saturating_add(leaked)
    }

    /// Which share of the weights is in memory at `now`, 0 to 1.
    pub fn loaded_share(&self, now: Offset) -> f64 {
        match self.phase {
            Phase::Ready => 1.0,
            Phase::Loading(until) => {
                1.0 - (until.since(now).as_secs_f64() / self.options.load.as_secs_f64()).min(1.0)
            }
            Phase::Down => 0.0,
        }
    }

    /// A request came in at `at`.
    pub(crate) fn arrived(&mut self, at: Offset, job: JobId) {
        self.deadlines.arrived(at, job);
    }

    /// The request that is the next to take too long, and when.
    pub(crate) fn next_timeout(&self) -> Option<(Offset, JobId)> {
        self.deadlines.next()
    }

    /// To be called when requests ended, so that no timeout is announced of one that is over: `lives` tells.
    pub(crate) fn drop_over(&mut self, lives: impl Fn(JobId) -> bool) {
        self.deadlines.drop_over(lives);
    }

    fn start(&mut self, at: Offset) {
        self.ready = at + self.options.load;
        self.phase = Phase::Loading(self.ready);
        self.restart = None;
        self.crash = self.announced_crash(at);
        self.was_started = true;
        self.served = 0;
        self.steps = 0;
    }

    /// The crash that comes at a moment of its own, unless that has passed at `now`.
    fn announced_crash(&self, now: Offset) -> Option<Offset> {
        match self.options.crash {
            Some(Crash::At(at)) if now <= at => Some(at),
            _ => None,
        }
    }

    fn is_cold(&self, age: Duration, warm_up: WarmUp) -> bool {
        self.was_started && (self.steps < warm_up.steps || age < warm_up.time)
    }
}

/// No work takes more than a million times longer, so that durations stay in range.
const MOST: f64 = 1e6;
