//! What a HorizontalPodAutoscaler says.

use serde::{Deserialize, Serialize};

use crate::autoscale::Metric;

/// The part of a metric around its target within which nothing happens, unless a manifest or the flag
/// `--horizontal-pod-autoscaler-tolerance` of the cluster says otherwise.
pub const TOLERANCE: f64 = 0.1;

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HpaSpec {
    /// Least replicas. 0 needs Kubernetes 1.37, or the feature gate `HPAScaleToZero`.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// What it looks at: the metric that asks for most replicas decides.
    pub metrics: Vec<Metric>,
    /// How it scales up.
    pub up: Rules,
    /// How it scales down.
    pub down: Rules,
    /// Seconds from look to look (`--horizontal-pod-autoscaler-sync-period`).
    pub period: f64,
}

impl HpaSpec {
    /// One with the defaults of Kubernetes.
    pub fn new(min: u32, max: u32, metrics: Vec<Metric>) -> Self {
        HpaSpec { min, max, metrics, up: Rules::up(), down: Rules::down(), period: 15.0 }
    }
}

/// How fast it may go in one direction (`behavior.scaleUp`, `behavior.scaleDown`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Seconds over which the most cautious recommendation counts (`stabilizationWindowSeconds`, 0 to 3600).
    pub window: u32,
    /// Which of the policies counts.
    pub select: Select,
    /// How much may change in which time.
    pub policies: Vec<Policy>,
    /// The part around the target within which nothing happens; `None` is the cluster's, [`TOLERANCE`].
    pub tolerance: Option<f64>,
}

impl Rules {
    /// The defaults upwards: double, or 4 pods, each 15 s, at once.
    pub fn up() -> Self {
        let policies = vec![Policy::new(PolicyKind::Pods, 4, 15), Policy::new(PolicyKind::Percent, 100, 15)];
        Rules { window: 0, select: Select::Max, policies, tolerance: None }
    }

    /// The defaults downwards: all that is too much, after 5 minutes.
    pub fn down() -> Self {
        let policies = vec![Policy::new(PolicyKind::Percent, 100, 15)];
        Rules { window: 300, select: Select::Max, policies, tolerance: None }
    }

    /// The tolerance that holds.
    pub fn tolerance(&self) -> f64 {
        self.tolerance.unwrap_or(TOLERANCE)
    }
}

/// How much may change in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What `value` counts.
    pub kind: PolicyKind,
    /// So much.
    pub value: u32,
    /// Seconds, 1 to 1800.
    pub period: u32,
}

impl Policy {
    /// A policy.
    pub const fn new(kind: PolicyKind, value: u32, period: u32) -> Self {
        Policy { kind, value, period }
    }
}

/// What a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Per cent of the pods at the beginning of the period.
    Percent,
}

/// Which policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The one that allows most change.
    Max,
    /// The one that allows least.
    Min,
    /// None: no change in this direction.
    Disabled,
}
