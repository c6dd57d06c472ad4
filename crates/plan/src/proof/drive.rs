//! Plays traffic to a fleet whose size somebody decides.

use plimsoll_core::time::Offset;
use plimsoll_sim::flow::{Cell, Flow};

use super::ledger::{Ledger, Outcome};
use super::scene::Scene;
use super::telemetry::Telemetry;
use super::traffic::Traffic;
use crate::autoscale::{Law, Sight};

/// Where fleets are played: the traffic, the scene, and the longest wait that is bearable in it.
pub(super) struct Stage<'a> {
    pub(super) traffic: &'a Traffic,
    pub(super) scene: &'a Scene,
    patience: f64,
}

/// The last cell, and the replicas that were asked for when it ended; nothing at the beginning.
type Seen = Option<(Cell, u32)>;

impl<'a> Stage<'a> {
    pub(super) fn new(traffic: &'a Traffic, scene: &'a Scene) -> Self {
        Stage { traffic, scene, patience: scene.patience(traffic.cell) }
    }

    /// Plays a fleet that `law` scales, the `replay`th time.
    pub(super) fn play(&self, law: &Law, replay: u64) -> Outcome {
        let metrics = law.metrics();
        let (min, max) = law.bounds();
        let begin = self.begin().clamp(min, max.max(min));
        let mut controller = law.controller(begin);
        let mut telemetry = Telemetry::new(self.scene, self.traffic.cell, &metrics);
        self.run(begin, max, replay, |now, seen| {
            let Some((cell, wanted)) = seen else { return begin };
            telemetry.note(now, cell);
            if !controller.is_due(now) {
                return wanted;
            }
            let readings = metrics.iter().map(|metric| telemetry.read(now, metric)).collect();
            controller.step(&Sight {
                at: now,
                wanted,
                ready: cell.ready,
                pending: cell.unscheduled,
                readings,
            })
        })
    }

    /// Plays a fleet whose sizes are known beforehand, cell by cell.
    pub(super) fn follow(&self, sizes: &[u32], replay: u64) -> Outcome {
        let begin = sizes.first().copied().unwrap_or(0);
        let mut sizes = sizes.iter().copied();
        self.run(begin, u32::MAX, replay, |_, seen| {
            sizes.next().unwrap_or_else(|| seen.map_or(begin, |(_, wanted)| wanted))
        })
    }

    /// Replicas that the first minute of the traffic needs: a fleet begins as if it had run before.
    pub(super) fn begin(&self) -> u32 {
        let cells = ((60.0 / self.traffic.cell).round() as usize).max(1);
        let first: Vec<f64> = self.traffic.rates().take(cells).collect();
        let rate = first.iter().sum::<f64>() / first.len().max(1) as f64;
        (rate / self.scene.replica.rate).ceil() as u32
    }

    fn run(
        &self,
        begin: u32,
        most_allowed: u32,
        replay: u64,
        mut decide: impl FnMut(Offset, Seen) -> u32,
    ) -> Outcome {
        let Stage { traffic, scene, patience } = *self;
        let mut flow = Flow::new(scene.flow(traffic.cell, patience, begin, replay));
        let mut ledger = Ledger::new(traffic.cell, scene.replica.rate, most_allowed, scene.goal);
        let mut seen = None;
        for arrivals in traffic.arrivals(scene.seed, replay) {
            let (now, wanted) = (flow.now(), flow.wanted());
            let to = decide(now, seen);
            if to != wanted {
                ledger.change(now.as_secs_f64(), wanted, to);
                flow.scale(to);
            }
            let cell = flow.step(arrivals);
            ledger.note(&cell, flow.wanted());
            seen = Some((cell, flow.wanted()));
        }
        ledger.conclude(flow.machine_seconds(), scene.price, flow.wanted())
    }
}
