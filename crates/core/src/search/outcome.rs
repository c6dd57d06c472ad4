//! What a trial tells the search.

use serde::{Deserialize, Serialize};

use crate::slo::SloVerdict;
use crate::watch::Saturation;

/// What a trial is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// To see whether its load is far from the capacity.
    Look,
    /// To decide whether its load passes.
    Decide,
    /// To see whether the answer holds in a run of its own.
    Confirm,
}

impl Effort {
    pub(super) fn is_confirmation(self) -> bool {
        self == Effort::Confirm
    }
}

/// A trial that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialOutcome {
    /// The load that was asked for: per second, or users.
    pub load: f64,
    /// What it was made for.
    pub effort: Effort,
    /// Seconds that were measured.
    pub seconds: f64,
    /// How far into these throughput and latency were steady, seconds; `null` where they never were, or too few requests were
    /// answered to say.
    #[serde(default)]
    pub steady_after: Option<f64>,
    /// Seconds that it took: until the server had settled, from the first request to the last answer, and to read that.
    pub spent: f64,
    /// What it says of the objectives, tier by tier.
    pub tiers: Vec<Vec<SloVerdict>>,
    /// The backlog grew: the load cannot be held, whatever the objectives say.
    pub overloaded: bool,
    /// Why this client measured itself, if it did: nothing else counts then.
    pub invalid: Option<String>,
    /// The rule of `--abort-on` that cut it short, with its figure: the load fails then, whatever the objectives say.
    #[serde(default)]
    pub stopped_by: Option<String>,
    /// The server is gone: it answers nobody any more.
    pub gone: bool,
    /// Requests refused by a rate limit (`http_429`).
    pub rate_limited: u64,
    /// `ok` completions per second.
    pub throughput: f64,
    /// Mean latency in seconds, if there is one.
    pub latency: Option<f64>,
    /// 99th percentile of latency in seconds, if there are enough.
    pub latency_p99: Option<f64>,
    /// Lower end of its 95 % interval by order statistics, if there is one.
    #[serde(default)]
    pub latency_p99_low: Option<f64>,
    /// Upper end.
    #[serde(default)]
    pub latency_p99_high: Option<f64>,
    /// Mean number of requests in flight.
    pub concurrency: f64,
    /// What limited the server at this load; `null` where it was not watched.
    #[serde(default)]
    pub server: Option<Saturation>,
}
