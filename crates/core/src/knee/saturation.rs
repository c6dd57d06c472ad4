//! The throughput that no further load exceeds.

use serde::{Deserialize, Serialize};

use super::{KneePoint, interval};
use crate::seed::Seed;

/// Resampling fewer trials than this draws the same few again and again: that is no interval.
const TRIALS_MIN: usize = 3;

/// The throughput at loads beyond what the server can do, requests per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// It.
    pub throughput: Plateau,
    /// Trials beyond it.
    pub trials: usize,
}

/// A figure, and the interval in which 95 % of its bootstrap values lie, where there are trials enough for one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The figure.
    pub value: f64,
    /// Lower end; `null` with fewer than three trials.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Saturation {
    pub(super) fn of(points: &[KneePoint], seed: Seed) -> Option<Self> {
        let is_beyond = |point: &&KneePoint| !point.steady && point.throughput > 0.0;
        let beyond: Vec<KneePoint> = points.iter().filter(is_beyond).copied().collect();
        let value = mean_throughput(&beyond)?;
        let enough = beyond.len() >= TRIALS_MIN;
        let ends = enough.then(|| interval(&beyond, seed, mean_throughput)).flatten();
        let throughput = Plateau { value, low: ends.map(|ends| ends.low), high: ends.map(|ends| ends.high) };
        Some(Saturation { throughput, trials: beyond.len() })
    }
}

fn mean_throughput(points: &[KneePoint]) -> Option<f64> {
    let seconds: f64 = points.iter().map(|point| point.seconds).sum();
    (seconds > 0.0)
        .then(|| points.iter().map(|point| point.seconds * point.throughput).sum::<f64>() / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knee::Knees;

    #[test]
    fn an_interval_takes_three_trials() {
        let beyond = |throughput: f64| KneePoint {
            load: 80.0,
            seconds: 10.0,
            throughput,
            latency: 1.0,
            concurrency: 50.0,
            steady: false,
        };
        let all = [beyond(50.0), beyond(51.0), beyond(52.0)];
        let of = |trials: &[KneePoint]| Knees::of(trials, Seed(1)).saturation;
        assert_eq!(of(&[]), None);
        for few in 1..TRIALS_MIN {
            let found = of(&all[..few]).unwrap();
            assert!(found.throughput.value >= 50.0 && found.trials == few, "{found:?}");
            assert_eq!((found.throughput.low, found.throughput.high), (None, None), "{found:?}");
        }
        let found = of(&all).unwrap().throughput;
        assert!((found.value - 51.0).abs() < 1e-9, "{found:?}");
        assert!(found.low.unwrap() < 51.0 && found.high.unwrap() > 51.0, "{found:?}");
    }
}
