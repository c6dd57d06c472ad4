//! What autoscalers look at.

use serde::{Deserialize, Serialize};

/// A metric of a law, and its target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// What is measured.
    pub signal: Signal,
    /// Where it comes from.
    pub source: Source,
    /// What it shall be.
    pub target: Target,
}

/// What is measured of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Signal {
    /// Requests in the fleet, waiting and at work.
    InFlight,
    /// Requests that wait.
    Waiting,
    /// Requests a second, over a window: those that servers have answered, or, at a gateway, those that arrive.
    Rate {
        /// The window in seconds: the `[1m]` of `rate()`.
        window: f64,
    },
    /// Requests in the fleet, averaged over a window, as Knative's own proxies count them.
    MeanInFlight {
        /// The window in seconds.
        window: f64,
    },
    /// Requests that arrive, a second, averaged over a window, as Knative's own proxies count them.
    MeanRate {
        /// The window in seconds.
        window: f64,
    },
}

/// Where a metric comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// One number for each pod, `type: Pods`: only ready replicas have one.
    Pods,
    /// One number for each pod from metrics-server (`type: Resource`): there also while Prometheus is not.
    Kubelets,
    /// One number for all, from the servers (`type: External`): nothing while no replica is ready.
    Servers,
    /// One number for all, from whatever stands in front of the servers: there also without replicas.
    Gateway,
}

/// What a metric shall be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "at", rename_all = "snake_case")]
pub enum Target {
    /// So much for each replica; above 0.
    AverageValue(f64),
    /// So much as a whole; above 0.
    Value(f64),
}

impl Target {
    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Target::AverageValue(value) | Target::Value(value) => value,
        }
    }
}

/// What a metric reads at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// The sum over the fleet.
    Value(f64),
    /// The query has no result: there is no such series.
    Empty,
    /// It could not be asked for.
    Failed,
}
