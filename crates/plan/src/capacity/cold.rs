//! How late a replica comes, from its measured starts.

use plimsoll_core::cold_start::ColdStartReport;
use serde::{Deserialize, Serialize};

/// How late a replica comes and how slow it is at first. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColdStart {
    /// Starts that came to an answer.
    pub starts: u64,
    /// From the command that starts it to its first answer, the median.
    pub median: f64,
    /// The slowest.
    pub worst: f64,
    /// What its first requests take longer than warm ones, together.
    pub warm_up: f64,
}

impl ColdStart {
    /// From a report; nothing if no start came to an answer.
    pub fn of(report: &ColdStartReport) -> Option<ColdStart> {
        let answered = report.first_success?;
        Some(ColdStart {
            starts: answered.n,
            median: answered.median,
            worst: answered.max,
            warm_up: report.warm_up.as_ref().map_or(0.0, |warm_up| warm_up.extra),
        })
    }

    /// A time that somebody gave.
    pub fn given(seconds: f64) -> ColdStart {
        ColdStart { starts: 0, median: seconds, worst: seconds, warm_up: 0.0 }
    }
}
