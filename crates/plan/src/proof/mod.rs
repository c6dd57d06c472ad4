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
pub use scene::{Replica, Scene, Start};
pub use traffic::Traffic;

use crate::autoscale::Law;

/// What a fleet that `law` scales does with `traffic`, played once.
pub fn play(law: &Law, traffic: &Traffic, scene: &Scene) -> Figures {
    drive::Stage::new(traffic, scene).play(law, 0).figures
}

/// Runs `law` over `traffic`, several times with other draws, and what it is compared with.
pub fn prove(law: &Law, traffic: &Traffic, scene: &Scene) -> Proof {
    let stage = drive::Stage::new(traffic, scene);
    let run = stage.play(law, 0);
    let others = (1..scene.replays).map(|replay| stage.play(law, replay).figures.attainment);
    let attainments: Vec<f64> = std::iter::once(run.figures.attainment).chain(others).collect();
    let oracle = baseline::oracle(&stage);
    let best = oracle.figures.replica_hours;
    Proof {
        goal: scene.goal,
        kept: attainments.iter().all(|attainment| *attainment >= scene.goal),
        attainments,
        over_oracle: (best > 0.0).then(|| run.figures.replica_hours / best - 1.0),
        figures: run.figures,
        events: run.events,
        misses: run.misses,
        minutes: run.minutes,
        static_peak: baseline::static_peak(&stage),
        oracle,
        assumptions: scene.assumptions(),
    }
}
