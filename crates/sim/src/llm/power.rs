//! What an accelerator draws, smoothed as its own sensors smooth it.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::Hardware;

/// Between idle power and TDP, what a step draws that only reads memory. A step that only computes draws all. Decode
/// steps were measured well below TDP and prefills near it (Patel et al., "Characterizing Power Management
/// Opportunities for LLMs in the Cloud", ASPLOS 2024); the figure between is ours.
const MEMORY_BOUND_SHARE: f64 = 0.6;

/// Time constant of the mean, seconds: power sensors of NVIDIA's data-centre cards average over about a second.
const SMOOTHING: f64 = 1.0;

/// The mean level, from 0 (idle) to 1 (TDP), weighted towards the recent past.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PowerMeter {
    level: f64,
    at: Offset,
}

impl PowerMeter {
    /// A step ran from `began` to `ended`, with `compute_share` of it bound by arithmetic.
    pub(super) fn worked(&mut self, began: Offset, ended: Offset, compute_share: f64) {
        self.hold(began, 0.0);
        self.hold(ended, MEMORY_BOUND_SHARE + (1.0 - MEMORY_BOUND_SHARE) * compute_share);
    }

    /// Watts drawn at `now`, nothing having run since the last step.
    pub(super) fn watts(mut self, now: Offset, hardware: &Hardware) -> f64 {
        self.hold(now, 0.0);
        hardware.idle_watts + (hardware.tdp_watts - hardware.idle_watts) * self.level
    }

    fn hold(&mut self, until: Offset, level: f64) {
        let span = until.since(self.at);
        if span > Duration::ZERO {
            self.level = level + (self.level - level) * (-span.as_secs_f64() / SMOOTHING).exp();
            self.at = until;
        }
    }
}
