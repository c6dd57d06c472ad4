//! When requests start: load models and the schedules they produce.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Offset, Rate};

mod by_hand;
mod closed;
mod describe;
mod figures;
mod gaps;
mod law;
pub mod proof;
mod quota;
mod schedule;
mod stages;
mod times;
pub mod trace;
mod validate;

pub use by_hand::{ByHand, HandLoad, Intervention, Turn};
pub use closed::UserPacer;
pub use quota::Quota;
pub use schedule::{Schedule, Share};
pub use times::Times;
pub use validate::{ClosedLoopError, LoadError, ScheduleError};

/// A user who found no connection waits this long before the next try: a server that is away must not make the
/// client spin.
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// While those on their way may be all the requests that a run wants ([`Quota`]), an open loop looks this often whether
/// it takes more after all.
pub const CLAIM_PAUSE: Duration = Duration::from_millis(5);

/// How load is put on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadModel {
    /// Closed loop: a number of users, each with at most one request at a time.
    Closed(ClosedLoop),
    /// Open loop: requests start on a schedule, whatever the server does.
    Open(OpenLoop),
}

/// A closed loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedLoop {
    /// Users, each with at most one request in flight.
    pub users: NonZeroU32,
    /// How the users come to be active.
    pub shape: ClosedShape,
    /// Pause of a user between the end of a response and the next request.
    pub think: ThinkTime,
}

/// How the users of a closed loop come to be active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedShape {
    /// User `k` starts at `k / spawn_rate`; without a spawn rate all start at once.
    Steady {
        /// Users added per second.
        spawn_rate: Option<Rate>,
    },
    /// All users fire together at each multiple of the period; one whose response takes longer fires as soon as it
    /// is free again, and that lag is recorded. There is no think time: the period is the pacing.
    Burst {
        /// From one burst to the next.
        period: Duration,
        /// Users added per second.
        spawn_rate: Option<Rate>,
    },
    /// One user for the warm-up, then a number that grows geometrically until all are active.
    Ramp {
        /// Time with one user.
        warmup: Duration,
        /// Time from one user to all of them.
        time: Duration,
    },
}

/// Pause between the end of a response and the next request of the same user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkTime {
    /// None.
    #[default]
    Zero,
    /// Always the same.
    Constant(Duration),
    /// Uniform between the two.
    Uniform(Duration, Duration),
    /// Exponential with this mean.
    Exponential(Duration),
}

/// An open loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenLoop {
    /// When requests are due.
    pub arrivals: Arrivals,
    /// The most requests in flight, if the user set one.
    pub cap: Option<ConcurrencyCap>,
}

/// The user's own limit on requests in flight in an open loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyCap {
    /// Requests in flight at most, over all threads.
    pub max: NonZeroU32,
    /// What becomes of a request that is due while the cap is reached.
    pub when_full: WhenFull,
}

/// What becomes of a request that is due while the cap on concurrency is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It starts late, in order, and its `send_lag` says so.
    #[default]
    Lag,
    /// It is recorded as shed and never sent.
    Shed,
}

/// When the requests of an open loop are due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// A process with one rate.
    Process {
        /// Mean rate.
        rate: Rate,
        /// The distribution of the gaps.
        gaps: GapDistribution,
    },
    /// A rate that moves linearly from stage to stage, as in k6.
    Stages {
        /// Rate at the start, events per second; 0 is allowed.
        start: f64,
        /// The stages, in order.
        stages: Vec<Stage>,
        /// The distribution of the gaps around the momentary rate.
        gaps: GapDistribution,
    },
    /// Timestamps of a recorded trace.
    Replay(Replay),
}

/// One stage of a staged rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How long it lasts.
    pub duration: Duration,
    /// Rate at its end, events per second; 0 is allowed.
    pub target: f64,
}

/// The distribution of the gaps between arrivals, with mean `1 / rate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapDistribution {
    /// All equal.
    #[default]
    Constant,
    /// Uniform on `[0, 2 / rate]`.
    Uniform,
    /// Exponential: a Poisson process.
    Poisson,
    /// Gamma with this coefficient of variation (1 is Poisson, above 1 burstier, below 1 smoother).
    Gamma {
        /// Coefficient of variation of the gaps, within [`GapDistribution::CV_MIN`]..=[`GapDistribution::CV_MAX`].
        cv: f64,
    },
}

impl GapDistribution {
    /// The least coefficient of variation accepted: below it gaps are equal for every purpose.
    pub const CV_MIN: f64 = 1e-6;
    /// The greatest coefficient of variation accepted.
    pub const CV_MAX: f64 = 1e3;
}

/// A recorded trace to replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Where it was read from.
    pub source: String,
    /// Time runs this many times as fast.
    pub speed: f64,
    /// The due instants, already cut to the window and rescaled, ascending from about 0.
    #[serde(skip)]
    pub due: std::sync::Arc<[Offset]>,
}
