//! Which conditions there are, and which numbers make sense for them.

use std::time::Duration;

use plimsoll_core::time::Offset;
use thiserror::Error;

use super::Stall;

/// What happens to a server. The default is nothing: it is ready, stays well, and any restart takes no time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConditionOptions {
    /// Whether it is started at [`Offset::ZERO`], and loads first; else it is ready and warm by then.
    pub starts_cold: bool,
    /// From each start until it takes requests: the weights are loaded.
    pub load: Duration,
    /// How it is slow after a start.
    pub warm_up: Option<WarmUp>,
    /// When it does nothing for a while.
    pub stall: Option<Stall>,
    /// Bytes of the server process's memory after a start.
    pub resident: u64,
    /// Memory that requests leave behind.
    pub leak: Option<Leak>,
    /// How much longer work takes for each hour since the start, as a share: 0.1 is a tenth in the first hour.
    pub drift_per_hour: f64,
    /// When it crashes.
    pub crash: Option<Crash>,
    /// From a crash to the next start; `None`: it stays down.
    pub restart_after: Option<Duration>,
    /// The longest time from a request's arrival to its end; it is given up then.
    pub request_timeout: Option<Duration>,
    /// How many requests are let through to it.
    pub rate_limit: Option<RateLimit>,
}

/// A rate limit as gateways have one: a bucket of tokens, of which each request takes one, and without which it is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Tokens that are put into the bucket each second, above 0.
    pub per_second: f64,
    /// Tokens that the bucket holds, 1 or more. It is full at first.
    pub burst: u32,
}

/// A server is slow after a start as long as either of these has not passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// Time since it was ready.
    pub time: Duration,
    /// Steps, batches or tokens since it was ready: the pieces in which its engine works.
    pub steps: u32,
    /// How many times longer work takes, 1 or more.
    pub factor: f64,
}

/// Memory that is never given back before the next start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leak {
    /// Bytes for each request that was served.
    pub bytes_per_request: u64,
    /// Resident bytes at which it takes effect.
    pub limit: u64,
    /// What happens then.
    pub then: Exhausted,
}

/// What a server does that has no memory left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exhausted {
    /// Work takes so many times longer, 1 or more: it swaps.
    Slow(f64),
    /// It is killed.
    Crash,
}

/// When a server crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Once, at this moment.
    At(Offset),
    /// When it has served so many requests, 1 or more, since each start.
    AfterRequests(u64),
}

/// Conditions that cannot be.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ConditionsError {
    /// Something that makes work longer, and is below 1 or not a number.
    #[error("{name} is {value}, but must be 1 or more: so many times longer does work take")]
    Factor {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A drift that is negative or not a number.
    #[error(
        "the drift is {0} per hour, but must be 0 or more: 0.1 makes work take a tenth longer in an hour"
    )]
    Drift(f64),
    /// Stalls that follow each other too closely.
    #[error("stalls of {length:?} come every {every:?}, but must leave at least 1 ms between them")]
    Stall {
        /// How long each lasts.
        length: Duration,
        /// From the start of one to the start of the next.
        every: Duration,
    },
    /// A rate limit that lets nothing through, ever.
    #[error(
        "a rate limit of {per_second} requests per second and {burst} at once: give more than 0, and 1 or more"
    )]
    RateLimit {
        /// Tokens per second.
        per_second: f64,
        /// Tokens that the bucket holds.
        burst: u32,
    },
    /// A crash after no requests at all.
    #[error("a crash after 0 requests: give 1 or more, or a server that never starts")]
    CrashAfterNone,
}

impl ConditionOptions {
    /// Whether these can be.
    ///
    /// # Errors
    /// Says which cannot, and what it may be.
    pub fn check(&self) -> Result<(), ConditionsError> {
        let factor = |name, value: f64| match value.is_finite() && value >= 1.0 {
            true => Ok(()),
            false => Err(ConditionsError::Factor { name, value }),
        };
        if let Some(warm_up) = self.warm_up {
            factor("the factor of the warm-up", warm_up.factor)?;
        }
        if let Some(Leak { then: Exhausted::Slow(value), .. }) = self.leak {
            factor("the factor of a server without memory", value)?;
        }
        if !(self.drift_per_hour.is_finite() && self.drift_per_hour >= 0.0) {
            return Err(ConditionsError::Drift(self.drift_per_hour));
        }
        if self.crash == Some(Crash::AfterRequests(0)) {
            return Err(ConditionsError::CrashAfterNone);
        }
        if let Some(RateLimit { per_second, burst }) = self.rate_limit
            && !(per_second.is_finite() && per_second > 0.0 && burst > 0)
        {
            return Err(ConditionsError::RateLimit { per_second, burst });
        }
        self.stall.as_ref().map_or(Ok(()), Stall::check)
    }
}
