//! Replicas by simulation over a whole trace, second by second.

use crate::autoscale::Law;
use crate::capacity::Capacity;
use crate::demand::Demand;
use crate::headroom::{Headroom, Settings};
use crate::proof::{Replica, Scene, Start, Traffic, play, smallest_fixed};
use crate::scaling::share_of;

/// Fleets of constant size over a trace.
pub(super) struct OverTrace {
    traffic: Traffic,
    scene: Scene,
    /// The least replicas that keep the objective.
    pub(super) replicas: u32,
}

impl OverTrace {
    /// Over the trace of a demand; nothing for a peak.
    pub(super) fn of(
        capacity: &Capacity,
        demand: &Demand,
        settings: &Settings,
        headroom: &Headroom,
    ) -> Option<OverTrace> {
        let traffic = Traffic::of_trace(demand)?;
        let share = share_of(&capacity.slos);
        let replica = Replica::of(capacity, share).slower(headroom.left_by_drift);
        let scene = Scene {
            routing: settings.split.routing(),
            seed: settings.seed,
            ..Scene::new(replica, Start::constant(0.0, 0.0), share)
        };
        let replicas = smallest_fixed(&traffic, &scene).figures.most_ready;
        Some(OverTrace { traffic, scene, replicas })
    }

    /// The share of requests that keep the objective with so many replicas.
    pub(super) fn attainment(&self, replicas: u32) -> f64 {
        play(&Law::Static { replicas }, &self.traffic, &self.scene).attainment
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::seed::{Rng, Seed};
    use rand::RngExt as _;
    use rand_distr::{Distribution as _, Poisson};

    use super::*;
    use crate::demand::{Counts, Traffic as Asked};
    use crate::testing::certified;

    /// Five minutes whose seconds are now and then many times as busy as the others.
    fn bursty(rng: &mut Rng) -> Demand {
        let mean = rng.random_range(20.0..150.0);
        let (often, high) = (rng.random_range(0.0..0.2), rng.random_range(1.0..12.0));
        let mut left = 0;
        let counts = (0..300).map(|_| {
            if left == 0 && rng.random_bool(often) {
                left = rng.random_range(1..6);
            }
            let rate = if left > 0 { mean * high } else { mean };
            left = i32::max(left - 1, 0);
            Poisson::new(rate).unwrap().sample(rng)
        });
        let counts = Counts { source: "test".to_owned(), bin: 1.0, counts: counts.collect(), scale: 1.0 };
        Demand { traffic: Asked::Trace(counts), ..Demand::peak(1.0) }
    }

    /// What the fluid queue asks for keeps the objective of at least as many traces as a plan says it is sure.
    #[test]
    fn plans_from_a_hundred_bursty_traces_are_enough_second_by_second() {
        let (mut kept, mut planned, mut needed) = (0, 0, 0);
        for index in 0..100 {
            let mut rng = Seed(23).keyed("traces", index);
            let low = rng.random_range(5.0..25.0);
            let capacity = certified(low, low * 1.04);
            let (demand, settings) =
                (bursty(&mut rng), Settings { seed: Seed(index), ..Settings::default() });
            let headroom = Headroom::of(&capacity, &demand, &settings);
            let trace = OverTrace::of(&capacity, &demand, &settings, &headroom).unwrap();
            kept += u32::from(headroom.calm >= trace.replicas);
            planned += headroom.calm;
            needed += trace.replicas;
        }
        let over = f64::from(planned) / f64::from(needed) - 1.0;
        println!("{kept} of 100 are enough; {planned} replicas, {:.1} % more than {needed}", over * 100.0);
        assert!(kept >= 95, "{kept} of 100");
        assert!(over < 0.15, "{planned} replicas where {needed} would do");
    }
}
