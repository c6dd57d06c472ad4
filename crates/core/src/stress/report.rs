//! What a stress test found: the versioned schema of `stress.json`. Times in seconds, rates per second.

use serde::{Deserialize, Serialize};

use super::plan::StepKind;

/// Version of this schema. Readers refuse a newer major version.
pub const STRESS_SCHEMA: &str = "plimsoll.stress/1";

/// How a server bears too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StressVerdict {
    /// It kept its goodput, refused the rest at once, and was itself again soon after.
    Graceful,
    /// It served less than it can, or served the rest badly, and came back.
    Degraded,
    /// It went down, served next to nothing, or did not come back.
    Collapsed,
    /// The test does not show it.
    Undecided,
}

/// A way in which a server fails, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It answered all of the overload in time: it was none.
    Absorbs,
    /// It refuses at once, with 429 or 503.
    Sheds,
    /// It refuses with 429 or 503, but lets the client wait for it.
    ShedsLate,
    /// The backlog grows as long as the overload lasts.
    Queues,
    /// Answers come, but too late.
    Late,
    /// Requests run into time limits.
    TimesOut,
    /// Connections are refused.
    RefusesConnections,
    /// It went down.
    Crashes,
    /// Connections end in the middle of answers.
    Breaks,
    /// It answers with errors other than 429 and 503.
    Errors,
    /// It answers what is no answer.
    WrongAnswers,
}

/// Median and 99th percentile; the latter is the greatest where there are fewer than 100 samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Samples.
    pub n: u64,
    /// The median.
    pub p50: Option<f64>,
    /// Its 95 % interval by order statistics; `null` where there are too few samples.
    #[serde(default)]
    pub p50_interval: Option<(f64, f64)>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// Its 95 % interval; `null` also where it is the greatest.
    #[serde(default)]
    pub p99_interval: Option<(f64, f64)>,
}

/// What happened in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// What it was for.
    pub kind: StepKind,
    /// Its rate as a multiple of the capacity.
    pub multiple: f64,
    /// Requests per second that were due.
    pub rate: f64,
    /// Its beginning, seconds from the start of the load.
    pub start: f64,
    /// Its length.
    pub length: f64,
    /// Requests that were due in it.
    pub scheduled: u64,
    /// Answered in time.
    pub useful: u64,
    /// Answered, but too late to be useful.
    pub late: u64,
    /// Refused with 429 or 503.
    pub shed: u64,
    /// Ran into a time limit, or had no answer at the end.
    pub timed_out: u64,
    /// Found no connection.
    pub unconnected: u64,
    /// Cut in the middle of the answer.
    pub broken: u64,
    /// Other errors.
    pub errors: u64,
    /// Answered with what is no answer.
    pub wrong: u64,
    /// Useful answers per second of the step.
    pub goodput: f64,
    /// The same as a share of what the server can: of the capacity, or of the rate where that is less.
    pub kept: f64,
    /// `response_time` of all that were answered.
    pub response_time: Spread,
    /// From sending to reading a refusal with 429 or 503.
    pub refusal: Spread,
    /// Requests by which the backlog grows in each second; `null` where it does not.
    pub queue_growth: Option<f64>,
}

/// A time in which no request got through.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Seconds from the start of the load to the first request that found the server gone.
    pub start: f64,
    /// Seconds to the next one that was answered; `null` if none was.
    pub end: Option<f64>,
    /// Requests that found it gone.
    pub requests: u64,
}

/// How the server came back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// A `response_time` up to this is as at the baseline.
    pub limit: f64,
    /// Seconds from the drop of the load until response times were as at the baseline and stayed so; `null` if they
    /// did not.
    pub after: Option<f64>,
    /// Seconds that it was watched.
    pub watched: f64,
}

/// The result of a stress test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StressReport {
    /// [`STRESS_SCHEMA`].
    pub schema: String,
    /// How the server bears too much.
    pub verdict: StressVerdict,
    /// What the verdict rests on, in words.
    pub reasons: Vec<String>,
    /// The capacity that the test was made for, requests per second.
    pub capacity: f64,
    /// An answer within this time of when it was due is useful.
    pub useful_within: f64,
    /// The ways in which it fails, the most frequent first.
    pub modes: Vec<Mode>,
    /// The least share of its goodput that it kept, over the steps beyond the capacity.
    pub kept: f64,
    /// The steps.
    pub steps: Vec<StepResult>,
    /// Times in which it was gone.
    pub outages: Vec<Outage>,
    /// How it came back.
    pub recovery: Recovery,
}
