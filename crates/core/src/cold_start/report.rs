//! What cold starts found: the versioned schema of `coldstart.json`. Times in seconds.

use serde::{Deserialize, Serialize};

/// Version of this schema. Readers refuse a newer major version.
pub const COLD_START_SCHEMA: &str = "plimsoll.coldstart/1";

/// One start of a server. Times count from the moment at which it was told to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Until a connection was accepted; `null` if none was.
    pub port: Option<f64>,
    /// Until it said that it is ready; `null` if it did not, or has nowhere to say it.
    pub ready: Option<f64>,
    /// Until the end of the first answer; `null` if there was none.
    pub first_success: Option<f64>,
    /// Requests that failed before that.
    pub failed_before: u64,
    /// `latency` of the first requests that were answered, in order.
    pub first: Vec<f64>,
    /// `latency` of those after them, when it was warm.
    pub warm: Vec<f64>,
    /// Why it came to nothing, if it did.
    pub error: Option<String>,
}

/// One moment of a start, over all attempts that reached it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Attempts that reached it.
    pub n: u64,
    /// The median.
    pub median: f64,
    /// Lower end of the 95 % interval of the median, by order statistics; `null` below six attempts.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// The requests at one place after a start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The place, from 1.
    pub position: u64,
    /// Median `latency` over the attempts.
    pub median: f64,
    /// That as a multiple of the median of warm requests.
    pub ratio: f64,
    /// Probability of latencies so much larger where the server is warm already, by Mann and Whitney's test.
    pub p_value: Option<f64>,
}

/// How slow a server is after a start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Median `latency` of warm requests.
    pub warm: f64,
    /// Warm requests.
    pub warm_requests: u64,
    /// The first requests, by place.
    pub positions: Vec<Position>,
    /// So many requests are slow before it is warm.
    pub slow_requests: u64,
    /// Seconds that these take longer, together.
    pub extra: f64,
}

/// What decides that a replica is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    /// Kubernetes' Horizontal Pod Autoscaler: it looks every 15 s.
    Hpa,
    /// KEDA from zero: it asks every 30 s.
    KedaFromZero,
    /// Knative's autoscaler: it looks every 2 s.
    Knative,
}

impl Controller {
    /// Those that are told of.
    pub const ALL: [Controller; 3] = [Controller::Hpa, Controller::KedaFromZero, Controller::Knative];

    /// Seconds from one look to the next, by default (the documentation of each).
    pub const fn period(self) -> f64 {
        match self {
            Controller::Hpa => 15.0,
            Controller::KedaFromZero => 30.0,
            Controller::Knative => 2.0,
        }
    }
}

/// From the moment at which load passes a threshold to the first answer of the replica that it calls for. Scheduling a
/// pod, pulling its image and averaging of metrics come on top, where they are not part of the start command.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Whose looks it waits for.
    pub controller: Controller,
    /// With the mean wait for a look, half a period.
    pub typical: f64,
    /// With a whole period, and the slowest start.
    pub worst: f64,
}

/// What must be free so that growing traffic does not overtake a replica that starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// Growth of the traffic in a minute, as a share.
    pub growth_per_minute: f64,
    /// Share of the present traffic that must fit in beside it: growth times the worst lag with the HPA.
    pub free: f64,
}

/// The result of cold starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColdStartReport {
    /// [`COLD_START_SCHEMA`].
    pub schema: String,
    /// The findings in words.
    pub findings: Vec<String>,
    /// Each start.
    pub attempts: Vec<Attempt>,
    /// Until a connection was accepted.
    pub port: Option<Moment>,
    /// Until it said that it is ready.
    pub ready: Option<Moment>,
    /// Until the end of the first answer.
    pub first_success: Option<Moment>,
    /// How slow it is at first; `null` without warm requests to compare with.
    pub warm_up: Option<WarmUp>,
    /// What that makes of autoscaling; empty if no start came to an answer.
    pub lags: Vec<Lag>,
    /// What must be free for it.
    pub headroom: Vec<Headroom>,
}
