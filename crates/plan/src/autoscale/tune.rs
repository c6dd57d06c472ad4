//! Laws with other values: what a search turns.

use super::{Law, Metric, Target};

impl Law {
    /// The same with all targets times `factor`.
    pub fn with_targets(&self, factor: f64) -> Law {
        let mut law = self.clone();
        let turn = |metric: &mut Metric| {
            metric.target = match metric.target {
                Target::AverageValue(value) => Target::AverageValue(value * factor),
                Target::Value(value) => Target::Value(value * factor),
            }
        };
        match &mut law {
            Law::Static { .. } => {}
            Law::Hpa(spec) => spec.metrics.iter_mut().for_each(turn),
            Law::Keda(spec) => spec.triggers.iter_mut().for_each(|trigger| turn(&mut trigger.metric)),
            Law::Knative(spec) => spec.target *= factor,
        }
        law
    }

    /// The same, but what it has wanted in so many seconds holds it back from scaling down: the stabilisation window,
    /// or Knative's `scale-down-delay`.
    pub fn with_down_window(&self, seconds: u32) -> Law {
        let mut law = self.clone();
        match &mut law {
            Law::Static { .. } => {}
            Law::Hpa(spec) => spec.down.window = seconds,
            Law::Keda(spec) => spec.down.window = seconds,
            Law::Knative(spec) => spec.down_delay = f64::from(seconds),
        }
        law
    }

    /// The same with at least so many replicas.
    pub fn with_min(&self, replicas: u32) -> Law {
        let mut law = self.clone();
        match &mut law {
            Law::Static { .. } => {}
            Law::Hpa(spec) => (spec.min, spec.max) = (replicas, spec.max.max(replicas)),
            Law::Keda(spec) => (spec.min, spec.max) = (replicas, spec.max.max(replicas)),
            Law::Knative(spec) => (spec.min, spec.max) = (replicas, spec.max.max(replicas)),
        }
        law
    }

    /// Seconds that hold it back from scaling down.
    pub fn down_window(&self) -> u32 {
        match self {
            Law::Static { .. } => 0,
            Law::Hpa(spec) => spec.down.window,
            Law::Keda(spec) => spec.down.window,
            Law::Knative(spec) => spec.down_delay as u32,
        }
    }
}
