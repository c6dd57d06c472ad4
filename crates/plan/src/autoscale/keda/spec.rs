//! What a ScaledObject says.

use serde::{Deserialize, Serialize};

use crate::autoscale::Metric;
use crate::autoscale::hpa::{HpaSpec, Rules};

/// A ScaledObject. Times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KedaSpec {
    /// `minReplicaCount`.
    pub min: u32,
    /// `maxReplicaCount`.
    pub max: u32,
    /// `idleReplicaCount`: how many there are while no trigger is active. KEDA allows 0 only.
    pub idle: Option<u32>,
    /// `pollingInterval`: how often it asks whether a trigger is active.
    pub polling: u32,
    /// `cooldownPeriod`: how long no trigger may have been active before it scales to zero, or to idle. It says nothing
    /// about any other scaling down.
    pub cooldown: u32,
    /// `initialCooldownPeriod`: it does not scale to zero so long after it was made.
    pub initial_cooldown: u32,
    /// `triggers`.
    pub triggers: Vec<Trigger>,
    /// `fallback`.
    pub fallback: Option<Fallback>,
    /// `behavior.scaleUp` of the autoscaler that it makes.
    pub up: Rules,
    /// `behavior.scaleDown` of it.
    pub down: Rules,
    /// Seconds from look to look of that autoscaler.
    pub period: f64,
}

impl KedaSpec {
    /// One with KEDA's defaults.
    pub fn new(min: u32, max: u32, triggers: Vec<Trigger>) -> Self {
        KedaSpec {
            min,
            max,
            idle: None,
            polling: 30,
            cooldown: 300,
            initial_cooldown: 0,
            triggers,
            fallback: None,
            up: Rules::up(),
            down: Rules::down(),
            period: 15.0,
        }
    }

    /// The HorizontalPodAutoscaler that it makes.
    pub fn hpa(&self) -> HpaSpec {
        HpaSpec {
            min: self.min.max(1),
            max: self.max,
            metrics: self.triggers.iter().map(|trigger| trigger.metric).collect(),
            up: self.up.clone(),
            down: self.down.clone(),
            period: self.period,
        }
    }
}

/// A trigger of the type `prometheus`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its query and threshold.
    pub metric: Metric,
    /// `activationThreshold`: it is active above this.
    pub activation: f64,
    /// `ignoreNullValues`: whether a query without a result counts as 0, as it does by default. If not, it counts as
    /// failed.
    pub ignore_null: bool,
}

/// What counts while a trigger cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// `failureThreshold`: after more than so many failures in a row.
    pub failures: u32,
    /// `replicas`.
    pub replicas: u32,
    /// `behavior`.
    pub behavior: FallbackBehavior,
}

/// How the replicas of a fallback and those that there are come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FallbackBehavior {
    /// Always the fallback's.
    Static,
    /// As many as there are.
    CurrentReplicas,
    /// As many as there are, if these are more.
    CurrentReplicasIfHigher,
    /// As many as there are, if these are fewer.
    CurrentReplicasIfLower,
}

impl FallbackBehavior {
    /// Its name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            FallbackBehavior::Static => "static",
            FallbackBehavior::CurrentReplicas => "currentReplicas",
            FallbackBehavior::CurrentReplicasIfHigher => "currentReplicasIfHigher",
            FallbackBehavior::CurrentReplicasIfLower => "currentReplicasIfLower",
        }
    }

    pub(super) fn replicas(self, fallback: u32, current: u32) -> u32 {
        match self {
            FallbackBehavior::Static => fallback,
            FallbackBehavior::CurrentReplicas => current,
            FallbackBehavior::CurrentReplicasIfHigher => fallback.max(current),
            FallbackBehavior::CurrentReplicasIfLower => fallback.min(current),
        }
    }
}
