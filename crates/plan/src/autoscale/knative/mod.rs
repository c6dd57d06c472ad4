//! Knative's pod autoscaler (KPA).
//!
//! Follows Knative Serving as read in `pkg/autoscaler/scaling/autoscaler.go` and `pkg/reconciler/autoscaling/kpa`,
//! with the defaults of its ConfigMap `config-autoscaler`.

mod controller;
mod spec;
#[cfg(test)]
mod tests;

pub use controller::Knative;
pub use spec::{KnativeMetric, KnativeSpec};
