//! Kubernetes' HorizontalPodAutoscaler, `autoscaling/v2`.
//!
//! Follows the controller of Kubernetes as read in `pkg/controller/podautoscaler` (`replica_calculator.go`,
//! `horizontal.go`) and the defaults of `pkg/apis/autoscaling/v2/defaults.go`.

mod behavior;
mod controller;
mod replicas;
mod spec;
#[cfg(test)]
mod tests;

pub use controller::Hpa;
pub use replicas::{PodValues, average_value, per_pod, value};
pub use spec::{HpaSpec, Policy, PolicyKind, Rules, Select, TOLERANCE};
