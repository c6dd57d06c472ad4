//! Proof before use: an autoscaler's own law over the traffic that is foreseen, with measured replicas and cold starts,
//! beside a fleet of constant size and beside the best that anybody could do who knows the future.
//!
//! ```text
//!  Law, Traffic, Scene --> drive: Flow (sim) <--wanted-- Controller <--Sight-- Telemetry (scrapes, stale)
//!                            '--> Ledger --> Figures, minutes, misses and their causes
//! ```

mod baseline;
#[cfg(test)]
mod by_request;
mod drive;
mod improve;
mod ledger;
mod report;
mod scene;
mod telemetry;
#[cfg(test)]
mod tests;
mod traffic;

pub use improve::{Proposal, improve};
pub use report::{Baseline, Cause, Event, Figures, Minute, Miss, Proof};
pub use scene::{Outage, Replica, Scene, Start};
pub use traffic::Traffic;

use crate::autoscale::Law;

/// The smallest fleet of constant size that keeps the scene's goal over `traffic`.
pub(crate) fn smallest_fixed(traffic: &Traffic, scene: &Scene) -> Baseline {
    baseline::static_peak(&drive::Stage::new(traffic, scene))
}

/// What a fleet that `law` scales does with `traffic`, played once.
pub fn play(law: &Law, traffic: &Traffic, scene: &Scene) -> Figures {
    drive::Stage::new(traffic, scene).play(law, 0).figures
}

/// Runs `law` over `traffic`, several times with other draws, and what it is compared with.
pub fn prove(law: &Law, traffic: &Traffic, scene: &Scene) -> Proof {
    Ground::new(traffic, scene).prove(law)
}

/// Traffic and a scene in which several laws are proven, with what all of them are compared with.
pub(crate) struct Ground<'a> {
    stage: drive::Stage<'a>,
    static_peak: Baseline,
    oracle: Baseline,
}

impl<'a> Ground<'a> {
    /// Finds what laws are compared with.
    pub(crate) fn new(traffic: &'a Traffic, scene: &'a Scene) -> Self {
        let stage = drive::Stage::new(traffic, scene);
        Ground { static_peak: baseline::static_peak(&stage), oracle: baseline::oracle(&stage), stage }
    }

    /// As [`prove`].
    pub(crate) fn prove(&self, law: &Law) -> Proof {
        let scene = self.stage.scene;
        let run = self.stage.play(law, 0);
        let others = (1..scene.replays).map(|replay| self.stage.play(law, replay).figures.attainment);
        let attainments: Vec<f64> = std::iter::once(run.figures.attainment).chain(others).collect();
        let best = self.oracle.figures.replica_hours;
        Proof {
            goal: scene.goal,
            kept: attainments.iter().all(|attainment| *attainment >= scene.goal),
            attainments,
            over_oracle: (best > 0.0).then(|| run.figures.replica_hours / best - 1.0),
            figures: run.figures,
            events: run.events,
            misses: run.misses,
            minutes: run.minutes,
            static_peak: self.static_peak.clone(),
            oracle: self.oracle.clone(),
            assumptions: scene.assumptions(),
        }
    }
}
