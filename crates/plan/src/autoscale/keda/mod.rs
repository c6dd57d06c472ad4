//! KEDA's ScaledObject: it decides between none and some by itself, and leaves the rest to a HorizontalPodAutoscaler
//! that it makes.
//!
//! Follows KEDA 2.20 as read in `pkg/scaling` (`scale_handler.go`, `executor/scale_scaledobjects.go`) and
//! `pkg/fallback/fallback.go`, and its page "ScaledObject specification".

mod controller;
mod spec;
#[cfg(test)]
mod tests;

pub use controller::Keda;
pub use spec::{Fallback, FallbackBehavior, KedaSpec, Trigger};
