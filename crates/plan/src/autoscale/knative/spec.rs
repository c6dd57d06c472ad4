//! What the annotations of a revision and `config-autoscaler` say.

use serde::{Deserialize, Serialize};

use crate::autoscale::{Metric, Signal, Source, Target};

/// Knative's pod autoscaler. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnativeSpec {
    /// `min-scale`.
    pub min: u32,
    /// `max-scale`; 0 is no limit in Knative, and not allowed here.
    pub max: u32,
    /// `metric`.
    pub metric: KnativeMetric,
    /// What a replica shall have: `target` times `target-utilization-percentage`.
    pub target: f64,
    /// `window`: the stable window.
    pub window: f64,
    /// `panic-window-percentage`: the panic window as a part of the stable one, in per cent.
    pub panic_window: f64,
    /// `panic-threshold-percentage`: it panics when so many times the ready replicas are needed, in per cent.
    pub panic_threshold: f64,
    /// `max-scale-up-rate`: in one look to so many times the ready replicas at most.
    pub max_up: f64,
    /// `max-scale-down-rate`: in one look to this part of the ready replicas at least.
    pub max_down: f64,
    /// `scale-down-delay`: the greatest number of so many seconds counts.
    pub down_delay: f64,
    /// `scale-to-zero-grace-period`: the last replica stays at least so long after it is no longer needed.
    pub grace: f64,
    /// `target-burst-capacity`: below so much room for requests the activator stays in their way. It holds them while
    /// no replica is ready.
    pub burst: f64,
}

/// What Knative scales on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnativeMetric {
    /// Requests in flight.
    Concurrency,
    /// Requests a second.
    Rps,
}

impl KnativeMetric {
    /// Its name in an annotation.
    pub fn name(self) -> &'static str {
        match self {
            KnativeMetric::Concurrency => "concurrency",
            KnativeMetric::Rps => "rps",
        }
    }
}

impl KnativeSpec {
    /// One with the defaults of Knative, and a target for each replica.
    pub fn new(min: u32, max: u32, metric: KnativeMetric, target: f64) -> Self {
        KnativeSpec {
            min,
            max,
            metric,
            target,
            window: 60.0,
            panic_window: 10.0,
            panic_threshold: 200.0,
            max_up: 1000.0,
            max_down: 2.0,
            down_delay: 0.0,
            grace: 30.0,
            burst: 211.0,
        }
    }

    /// What it reads: its metric over the stable and over the panic window.
    pub(in crate::autoscale) fn metrics(&self) -> [Metric; 2] {
        [self.window, self.window * self.panic_window / 100.0].map(|window| Metric {
            signal: match self.metric {
                KnativeMetric::Concurrency => Signal::MeanInFlight { window },
                KnativeMetric::Rps => Signal::MeanRate { window },
            },
            source: Source::Gateway,
            target: Target::AverageValue(self.target),
        })
    }
}
