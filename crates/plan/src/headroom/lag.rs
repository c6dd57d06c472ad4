//! How late a new replica comes.

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::capacity::Capacity;
use plimsoll_core::cold_start::Controller;

/// From the moment at which traffic passes a threshold to the first answer of the replica that it calls for. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Until the autoscaler looks: a whole period of the Horizontal Pod Autoscaler.
    pub look: f64,
    /// Until its process starts: a node, its pod, its image.
    pub provisioning: f64,
    /// From the start of its process to its first answer, the slowest start that was seen.
    pub cold_start: f64,
    /// What its first requests take longer, together.
    pub warm_up: f64,
    /// Whether the cold start was measured.
    pub measured: bool,
}

impl Lag {
    pub(super) fn of(capacity: &Capacity, settings: &Settings) -> Option<Lag> {
        let cold = capacity.cold_start?;
        Some(Lag {
            look: Controller::Hpa.period(),
            provisioning: settings.provisioning,
            cold_start: cold.worst,
            warm_up: cold.warm_up,
            measured: cold.starts > 0,
        })
    }

    /// All of it, seconds.
    pub fn total(&self) -> f64 {
        self.look + self.provisioning + self.cold_start + self.warm_up
    }
}
