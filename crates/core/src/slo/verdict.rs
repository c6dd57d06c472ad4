//! What a run says of an objective, with the evidence for it.

use serde::{Deserialize, Serialize};

use super::objective::Slo;

/// Whether an objective is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Met, with the confidence asked for.
    Pass,
    /// Missed, with the confidence asked for.
    Fail,
    /// The evidence says neither.
    Undecided,
}

impl Verdict {
    /// As reports print it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Undecided => "UNDECIDED",
        }
    }
}

/// An objective, its verdict, and the evidence. Times in seconds, shares from 0 to 1, rates per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloVerdict {
    /// The objective.
    pub slo: Slo,
    /// What the run says of it.
    pub verdict: Verdict,
    /// The figure that the objective is about; `null` where there is none, as where too many requests failed for a
    /// percentile to be a time.
    pub estimate: Option<f64>,
    /// What the figure is at least, with the confidence of the verdict; `null` where the evidence gives no such end.
    pub low: Option<f64>,
    /// What it is at most. Both ends are those limits at which the verdict would change.
    pub high: Option<f64>,
    /// Trials: requests, or samples where a request has several. For a rate: seconds, rounded down.
    pub n: u64,
    /// Trials that miss; 0 for means and rates.
    pub misses: u64,
    /// The largest share of misses that meets the objective; `null` for means and rates.
    pub allowed: Option<f64>,
    /// Failed, unfinished or shed requests among the misses.
    pub failed: u64,
    /// Independent trials that have as much to say as the correlated ones.
    pub effective_n: f64,
    /// Trials that would decide it, beyond these, if they go on as they were; `null` when decided or when nobody can say.
    pub more_requests: Option<u64>,
    /// The same in seconds of this load.
    pub more_seconds: Option<f64>,
    /// Why there is no verdict, where it is not for a lack of requests alone.
    pub reason: Option<String>,
}
