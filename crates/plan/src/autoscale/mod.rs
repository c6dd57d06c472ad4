//! The laws of autoscalers, stepped by whoever owns time: what is seen goes in, the number of replicas comes out.
//!
//! ```text
//!  Law  (what a manifest says)  --> Controller (what an autoscaler remembers) -- step(Sight) --> replicas
//! ```

pub mod hpa;
pub mod keda;
pub mod knative;
mod metric;
mod tune;

use plimsoll_core::time::Offset;
use serde::{Deserialize, Serialize};

pub use metric::{Metric, Reading, Signal, Source, Target};

/// What decides how many replicas there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Law {
    /// Always the same.
    Static {
        /// So many.
        replicas: u32,
    },
    /// Kubernetes' HorizontalPodAutoscaler.
    Hpa(hpa::HpaSpec),
    /// KEDA's ScaledObject.
    Keda(keda::KedaSpec),
    /// Knative's pod autoscaler.
    Knative(knative::KnativeSpec),
}

/// A fleet as an autoscaler sees it at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// The moment.
    pub at: Offset,
    /// Replicas that were asked for.
    pub wanted: u32,
    /// Replicas that take requests.
    pub ready: u32,
    /// Replicas that wait for a machine (`Pending` in Kubernetes).
    pub pending: u32,
    /// What each metric of the law reads, in their order.
    pub readings: Vec<Reading>,
}

/// An autoscaler and what it remembers.
#[derive(Clone, Debug)]
pub enum Controller {
    /// See [`Law::Static`].
    Static(u32),
    /// See [`Law::Hpa`].
    Hpa(hpa::Hpa),
    /// See [`Law::Keda`].
    Keda(Box<keda::Keda>),
    /// See [`Law::Knative`].
    Knative(knative::Knative),
}

impl Law {
    /// The autoscaler of a fleet that begins with `replicas`.
    pub fn controller(&self, replicas: u32) -> Controller {
        match self {
            Law::Static { replicas } => Controller::Static(*replicas),
            Law::Hpa(spec) => Controller::Hpa(hpa::Hpa::new(spec.clone())),
            Law::Keda(spec) => Controller::Keda(Box::new(keda::Keda::new(spec.clone()))),
            Law::Knative(spec) => Controller::Knative(knative::Knative::new(*spec, replicas)),
        }
    }

    /// The least and the greatest number of replicas.
    pub fn bounds(&self) -> (u32, u32) {
        match self {
            Law::Static { replicas } => (*replicas, *replicas),
            Law::Hpa(spec) => (spec.min, spec.max),
            Law::Keda(spec) => (spec.min, spec.max),
            Law::Knative(spec) => (spec.min, spec.max),
        }
    }

    /// The metrics that it reads, in order.
    pub fn metrics(&self) -> Vec<Metric> {
        match self {
            Law::Static { .. } => Vec::new(),
            Law::Hpa(spec) => spec.metrics.clone(),
            Law::Keda(spec) => spec.triggers.iter().map(|trigger| trigger.metric).collect(),
            Law::Knative(spec) => spec.metrics().to_vec(),
        }
    }
}

impl Controller {
    /// Whether it looks at `now`.
    pub fn is_due(&self, now: Offset) -> bool {
        match self {
            Controller::Static(_) => now == Offset::ZERO,
            Controller::Hpa(hpa) => hpa.is_due(now),
            Controller::Keda(keda) => keda.is_due(now),
            Controller::Knative(knative) => knative.is_due(now),
        }
    }

    /// Looks; returns how many replicas there shall be.
    pub fn step(&mut self, sight: &Sight) -> u32 {
        match self {
            Controller::Static(replicas) => *replicas,
            Controller::Hpa(hpa) => hpa.step(sight),
            Controller::Keda(keda) => keda.step(sight),
            Controller::Knative(knative) => knative.step(sight),
        }
    }
}

/// Comes round once a period, at its multiples.
#[derive(Clone, Copy, Debug)]
struct Period {
    nanos: u64,
    next: u64,
}

impl Period {
    fn seconds(seconds: f64) -> Self {
        let nanos = Offset::from_secs_f64(seconds).as_nanos().max(1);
        Period { nanos, next: 0 }
    }

    fn is_due(&self, now: Offset) -> bool {
        now.as_nanos() >= self.next
    }

    /// Goes to the first multiple after `now`.
    fn pass(&mut self, now: Offset) {
        self.next = (now.as_nanos() / self.nanos + 1) * self.nanos;
    }
}
