//! What a search found.

use serde::{Deserialize, Serialize};

/// What a search found, tier by tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Each tier.
    pub tiers: Vec<TierCapacity>,
    /// Trials that were made.
    pub trials: usize,
    /// Seconds that they took.
    pub seconds: f64,
    /// Whether the search ended for lack of time (`--budget`, Ctrl+C) and not because it was done.
    pub cut_short: bool,
}

/// The capacity of one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierCapacity {
    /// Its name; empty where there is only one.
    pub name: String,
    /// The certified load: it passes, by the evidence, and was confirmed. Per second, or users.
    pub low: Option<Bound>,
    /// The least load that fails, by the evidence; nothing where none does.
    pub high: Option<Bound>,
    /// Why nothing is known above `low`, where there is no `high`.
    pub ceiling: Option<Ceiling>,
    /// The objective that is missed first, or the rule of `--abort-on` that ended a trial at the load that fails.
    pub binding: Option<String>,
    /// Seconds more that would be needed for a certified load, where there is none and more time would help: for the most
    /// promising load that was tried, or for the first trial that would decide where the search would look next.
    pub needs_seconds: Option<f64>,
}

/// An end of the interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Per second, or users.
    pub load: f64,
    /// Seconds measured at it.
    pub seconds: f64,
    /// Whether a run of its own, made after the search, says the same.
    pub confirmed: bool,
}

/// Why nothing is known above a load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ceiling {
    /// The greatest load that may be tried passes.
    GreatestAllowed,
    /// This client cannot put more on the server: the next load is INVALID.
    Client {
        /// It.
        load: f64,
    },
    /// The loads above are too close to call.
    TooClose,
    /// The time was up.
    OutOfTime,
}

/// Why a search has no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doom {
    /// The least load fails already, in every tier.
    NotSustainable {
        /// It.
        load: f64,
    },
    /// The server answers nobody any more.
    ServerGone {
        /// The load at which it went.
        load: f64,
        /// The largest load at which it still answered, if any.
        answered: Option<f64>,
    },
    /// This client cannot put this load on the server without measuring itself, and none below it could be decided.
    Client {
        /// It.
        load: f64,
        /// Why.
        reason: String,
    },
}
