//! What a run says of an objective, with the evidence for it.

use serde::{Deserialize, Serialize};

use super::limit::Limit;
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

impl SloVerdict {
    /// How near the objective is to its limit: 1 at it, more where it is missed. Of a time or an amount, the figure against
    /// its limit; of a share of requests, or where too many failed for a figure, the misses against those allowed. Nothing
    /// where nothing was seen.
    pub fn pressure(&self) -> Option<f64> {
        let is_share = match &self.slo {
            Slo::Statistic(statistic) => matches!(statistic.limit, Limit::Share(_)),
            Slo::EachRequest(_) => true,
        };
        match (self.estimate.filter(|_| !is_share), self.allowed) {
            (Some(estimate), _) if self.slo.is_upper() => Some(estimate / self.slo.limit()),
            (Some(estimate), _) => Some(self.slo.limit() / estimate),
            (None, Some(allowed)) if self.n > 0 => Some(self.misses as f64 / self.n as f64 / allowed),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_objective_is_as_near_to_its_limit_as_its_misses_or_its_figure() {
        let found = |slo: &str, estimate, n, misses| SloVerdict {
            estimate,
            ..testing::evidence(&slo.parse().unwrap(), n, misses)
        };
        for (found, pressure) in [
            (found("latency.p90<1s", Some(2.0), 100, 19), Some(2.0)),
            (found("latency.p90<1s", None, 100, 19), Some(1.9)),
            (found("latency.p90<1s", None, 0, 0), None),
            (found("error_rate<5%", Some(0.01), 100, 1), Some(0.2)),
            (found("attainment>=99%", Some(0.98), 100, 2), Some(2.0)),
            (found("latency.mean<1s", Some(0.5), 100, 0), Some(0.5)),
            (found("qps>=10", Some(8.0), 100, 0), Some(1.25)),
            (found("qps>=10", None, 0, 0), None),
        ] {
            let near = found.pressure();
            assert!(
                near.zip(pressure).map_or(near == pressure, |(a, b)| (a - b).abs() < 1e-9),
                "{found:?}: {near:?}"
            );
        }
    }
}
