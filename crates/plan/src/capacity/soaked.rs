//! What a replica loses over time, from a soak.

use plimsoll_core::drift::{SoakReport, SoakVerdict};
use serde::{Deserialize, Serialize};

/// What a replica loses until it is started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derating {
    /// What the soak said.
    pub verdict: SoakVerdict,
    /// The series that costs most: `latency.p99`; empty where none does.
    pub series: String,
    /// Its growth per minute as a share, by the upper end of the slope.
    pub per_minute: f64,
    /// Seconds from one start to the next at most, before something is used up; `null` where nothing is.
    pub restart_within: Option<f64>,
    /// What is used up then; empty where nothing is.
    pub exhausted: String,
}

/// Series that say how long requests take: as they grow, the rate that keeps the objectives falls.
const TIMES: [&str; 5] = ["latency", "response_time", "ttft", "tpot", "itl"];

impl Derating {
    /// From a report.
    pub fn of(report: &SoakReport) -> Derating {
        let drifting = report.findings.iter().filter(|finding| finding.verdict == SoakVerdict::Drifting);
        let timed = |series: &str| TIMES.iter().any(|name| series.split('.').next() == Some(name));
        let slowest = drifting
            .clone()
            .filter(|finding| timed(&finding.series))
            .max_by(|a, b| a.growth.high.total_cmp(&b.growth.high));
        let used_up = drifting
            .filter_map(|finding| Some((finding, finding.exhaustion?)))
            .min_by(|(_, a), (_, b)| a.earliest.total_cmp(&b.earliest));
        Derating {
            verdict: report.verdict,
            series: slowest.map_or_else(String::new, |finding| finding.series.clone()),
            per_minute: slowest.map_or(0.0, |finding| finding.growth.high.max(0.0)),
            restart_within: used_up.map(|(_, exhaustion)| report.covered + exhaustion.earliest),
            exhausted: used_up.map_or_else(String::new, |(finding, _)| finding.series.clone()),
        }
    }

    /// The share of the capacity that is left `seconds` after a start: as service times grow by a share `g`, the rate at
    /// which servers are equally busy falls to `1 / (1 + g)`.
    pub fn left_after(&self, seconds: f64) -> f64 {
        1.0 / (1.0 + self.per_minute * seconds / 60.0)
    }
}
