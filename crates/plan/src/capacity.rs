//! What one replica carries, and what is known of it besides: from a capacity certificate, a cold start and a soak.

mod certified;
mod cold;
mod soaked;

use serde::{Deserialize, Serialize};

pub use certified::{NotUsable, WIDE};
pub use cold::ColdStart;
pub use soaked::Derating;

/// What one replica carries within its objectives. Rates are requests per second, times seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Instance type as in the price book; empty where nobody said.
    pub instance: String,
    /// Model; empty for a number that was typed.
    pub model: String,
    /// Provider by which it was asked: `vllm`; empty for a number that was typed.
    pub provider: String,
    /// Where it comes from: a path, or `typed`.
    pub source: String,
    /// The certified load: it passes.
    pub low: f64,
    /// The least load that fails; `null` where none is known.
    pub high: Option<f64>,
    /// With which probability each end is right; `null` for a number that was typed.
    pub confidence: Option<f64>,
    /// The objectives.
    pub slos: Vec<String>,
    /// The one that is missed first.
    pub binding: Option<String>,
    /// What was measured of the replica; `null` for a number that was typed.
    pub measured: Option<Measured>,
    /// Its cold start, where it was measured.
    pub cold_start: Option<ColdStart>,
    /// What it loses over time, where a soak was made.
    pub derating: Option<Derating>,
    /// What makes the figure less than it seems, in words.
    pub doubts: Vec<String>,
}

/// What the trials of a search say of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Coefficient of variation of the gaps between arrivals in the trials.
    pub cv: f64,
    /// Squared coefficient of variation of service times, from one user.
    pub service_scv: f64,
    /// Mean latency at the least load that was tried: hardly anybody waits.
    pub latency_idle: f64,
    /// Mean latency at the certified load.
    pub latency: f64,
    /// 99th percentile of latency at the certified load, if there were enough requests.
    pub latency_p99: Option<f64>,
    /// Mean number of requests in flight at the certified load.
    pub in_flight: f64,
    /// The throughput that no further load exceeds.
    pub saturation: f64,
    /// Whether the saturation was seen in the trials, and not only supposed just above the least load that fails.
    pub saturation_seen: bool,
    /// What burstier arrivals left of the capacity, where that was measured.
    pub burst: Option<BurstCapacity>,
}

/// The capacity with burstier arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BurstCapacity {
    /// Coefficient of variation of their gaps.
    pub cv: f64,
    /// The load that passes with them.
    pub low: f64,
}

impl Capacity {
    /// A number that somebody typed: nothing is known of how it was found.
    pub fn typed(rate: f64) -> Self {
        Capacity {
            instance: String::new(),
            model: String::new(),
            provider: String::new(),
            source: "typed".to_owned(),
            low: rate,
            high: None,
            confidence: None,
            slos: Vec::new(),
            binding: None,
            measured: None,
            cold_start: None,
            derating: None,
            doubts: Vec::new(),
        }
    }

    /// The middle of the interval, in log space; the certified load where there is no other end.
    pub fn middle(&self) -> f64 {
        self.high.map_or(self.low, |high| (self.low * high).sqrt())
    }
}
