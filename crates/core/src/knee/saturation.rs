//! The throughput that no further load exceeds.

use serde::{Deserialize, Serialize};

use super::{Interval, KneePoint, interval};
use crate::seed::Seed;

/// The throughput at loads beyond what the server can do, requests per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// It.
    pub throughput: Interval,
    /// Trials beyond it.
    pub trials: usize,
}

impl Saturation {
    pub(super) fn of(points: &[KneePoint], seed: Seed) -> Option<Self> {
        let is_beyond = |point: &&KneePoint| !point.steady && point.throughput > 0.0;
        let beyond: Vec<KneePoint> = points.iter().filter(is_beyond).copied().collect();
        let throughput = interval(&beyond, seed, mean_throughput)?;
        Some(Saturation { throughput, trials: beyond.len() })
    }
}

fn mean_throughput(points: &[KneePoint]) -> Option<f64> {
    let seconds: f64 = points.iter().map(|point| point.seconds).sum();
    (seconds > 0.0)
        .then(|| points.iter().map(|point| point.seconds * point.throughput).sum::<f64>() / seconds)
}
