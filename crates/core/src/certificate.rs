//! What a capacity search certifies: the versioned schema of `certificate.json`.
//!
//! Times are in seconds, loads per second or users, as `variable` says.

use serde::{Deserialize, Serialize};

use crate::knee::Knees;
use crate::search::{Capacity, Doom, RateLimit, Slowdown, TrialOutcome, Variable, WarmUpFound};
use crate::summary::RunHeader;

/// Version of this schema. Readers refuse a newer major version.
pub const CERTIFICATE_SCHEMA: &str = "plimsoll.certificate/1";

/// What a server can do, for which traffic, how sure that is, and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// [`CERTIFICATE_SCHEMA`].
    pub schema: String,
    /// The header of the run with one user that came first: server, model, interface, seed.
    pub run: RunHeader,
    /// What was raised.
    pub variable: Variable,
    /// For which traffic.
    pub traffic: Traffic,
    /// How it was judged.
    pub method: Method,
    /// The objectives, tier by tier.
    pub tiers: Vec<TierObjectives>,
    /// What was found.
    pub capacity: Capacity,
    /// Why there is no capacity, if so.
    pub doom: Option<Doom>,
    /// Where more load stops being worth it.
    pub knees: Knees,
    /// Whether the server gets slower beyond its limit; `null` where no trial shows that.
    #[serde(default)]
    pub slowdown: Option<Slowdown>,
    /// The rate limit in front of the server; `null` where nothing was refused with 429.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// When trials became steady; `null` where nothing is certified, or nobody can tell.
    #[serde(default)]
    pub warm_up: Option<WarmUpFound>,
    /// What today's traffic leaves, where it was given.
    pub headroom: Vec<Headroom>,
    /// What burstier arrivals cost, where that was measured.
    pub burst: Option<Burst>,
    /// All trials, in order.
    pub trials: Vec<TrialOutcome>,
}

/// The traffic that was put on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// The arrival process in words (`Poisson`), or `closed loop`.
    pub arrivals: String,
    /// Coefficient of variation of the gaps between arrivals; `null` in a closed loop.
    pub cv: Option<f64>,
    /// The workload in words.
    pub workload: String,
}

/// How loads were judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// The probability with which each verdict is right, at least.
    pub confidence: f64,
    /// How far the certified load may lie below the capacity, relative.
    pub precision: f64,
    /// The largest share of a passing load's seconds that may belong to trials which fail on their own (RFC 9971).
    pub exceed_ratio: f64,
    /// Seconds left out at the start of each trial.
    pub warmup: f64,
    /// Squared coefficient of variation of service times, as found with one user.
    pub service_scv: f64,
    /// The relative overload that would have been seen at the certified load; `null` in a closed loop or without one.
    pub visible_overload: Option<f64>,
    /// Whether the objectives are those of somebody who names none.
    pub default_objectives: bool,
}

/// The objectives of a tier, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierObjectives {
    /// Its name; empty where there is only one.
    pub name: String,
    /// `ttft.p99<500ms` and so on.
    pub slos: Vec<String>,
}

/// What today's traffic leaves of a tier's capacity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// The tier.
    pub tier: String,
    /// Today's traffic.
    pub traffic: f64,
    /// The certified load over it, less 1: 0.25 is a quarter more than today. Negative where today's is too much.
    pub headroom: f64,
}

/// What burstier arrivals cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// Coefficient of variation of their gaps.
    pub cv: f64,
    /// What was found with them.
    pub capacity: Capacity,
    /// Why nothing was found, or no more, if so.
    #[serde(default)]
    pub doom: Option<Doom>,
    /// The share of the certified load that they cost, tier by tier; `null` where either has none.
    pub cost: Vec<Option<f64>>,
    /// The trials.
    pub trials: Vec<TrialOutcome>,
}
