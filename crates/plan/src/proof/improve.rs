//! Looks for better values of a law: targets, the window for scaling down, the least number of replicas.

use serde::{Deserialize, Serialize};

use super::drive::Stage;
use super::report::Figures;
use super::scene::Scene;
use super::traffic::Traffic;
use crate::autoscale::Law;

/// A law that was found to be cheaper, or to keep what the given one misses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// It.
    pub law: Law,
    /// Its targets as a multiple of the given ones.
    pub targets: f64,
    /// What it did, in the replay in which it kept least.
    pub figures: Figures,
    /// Whether it reaches the goal in all replays, with a part of the misses to spare.
    pub kept: bool,
    /// Whether the given law does so.
    pub was_kept: bool,
    /// In words, what is different.
    pub changes: Vec<String>,
    /// Fleets that were played to find it.
    pub played: u32,
}

/// Targets that are tried, as multiples of the given ones.
const TARGETS: [f64; 14] = [0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.1, 1.25];

/// Windows for scaling down that are tried, in seconds.
const WINDOWS: [u32; 4] = [60, 300, 900, 1800];

/// The misses that a proposal may have, as a part of those that the goal allows: other traffic of the same kind must
/// not make it miss.
const MISSES: f64 = 0.6;

/// Looks for the law with the fewest replica-hours that reaches the goal in all replays, among those that differ from
/// `law` in its targets, its window for scaling down and its least number of replicas. Nothing if that is `law`
/// itself. It plays some 40 times the replays of the scene.
pub fn improve(law: &Law, traffic: &Traffic, scene: &Scene) -> Option<Proposal> {
    let mut search = Search { stage: Stage::new(traffic, scene), played: 0 };
    let mut best = search.judge(law);
    let start = best.clone();
    for least in search.leasts(law) {
        for window in windows(law) {
            let shape = law.with_min(least).with_down_window(window);
            let found = search.highest_targets(&shape);
            if found.is_better_than(&best) {
                best = found;
            }
        }
        if best.kept {
            break; // more replicas at the least cost more
        }
    }
    (best.law != start.law).then(|| Proposal {
        changes: changes(law, &best),
        targets: best.factor,
        law: best.law,
        figures: best.figures,
        kept: best.kept,
        was_kept: start.kept,
        played: search.played,
    })
}

struct Search<'a> {
    stage: Stage<'a>,
    played: u32,
}

#[derive(Clone)]
struct Candidate {
    law: Law,
    /// Its targets as a multiple of the given ones.
    factor: f64,
    figures: Figures,
    kept: bool,
}

impl Candidate {
    fn is_better_than(&self, other: &Candidate) -> bool {
        match (self.kept, other.kept) {
            (true, true) => self.figures.replica_hours < other.figures.replica_hours * 0.995,
            (true, false) => true,
            (false, true) => false,
            (false, false) => self.figures.attainment > other.figures.attainment + 1e-4,
        }
    }
}

impl Search<'_> {
    fn judge(&mut self, law: &Law) -> Candidate {
        let scene = self.stage.scene;
        let replays = (0..scene.replays.max(1)).map(|replay| self.stage.play(law, replay).figures);
        let worst = replays.min_by(|a, b| a.attainment.total_cmp(&b.attainment)).unwrap_or_default();
        self.played += scene.replays.max(1) as u32;
        let kept = 1.0 - worst.attainment <= (1.0 - scene.goal) * MISSES;
        Candidate { law: law.clone(), factor: 1.0, figures: worst, kept }
    }

    /// By bisection, the highest targets that reach the goal; the lowest if none does.
    fn highest_targets(&mut self, shape: &Law) -> Candidate {
        let mut judge = |index: usize| {
            let factor = TARGETS[index];
            Candidate { factor, ..self.judge(&shape.with_targets(factor)) }
        };
        let (mut low, mut high) = (0, TARGETS.len());
        let mut best = judge(low);
        while best.kept && high - low > 1 {
            let middle = low.midpoint(high);
            let found = judge(middle);
            if found.kept {
                (low, best) = (middle, found);
            } else {
                high = middle;
            }
        }
        best
    }

    /// Least numbers of replicas that are tried: that of the law, and three between it and the mean traffic.
    fn leasts(&self, law: &Law) -> Vec<u32> {
        let (min, max) = law.bounds();
        let traffic = self.stage.traffic;
        let mean = traffic.rates().sum::<f64>() / traffic.rates().len().max(1) as f64;
        let needed = (mean / self.stage.scene.replica.rate).ceil() as u32;
        let mut leasts: Vec<u32> = [0.0, 0.5, 1.0, 1.5]
            .map(|part| min.max((f64::from(needed) * part).ceil() as u32).min(max))
            .to_vec();
        leasts.dedup();
        leasts
    }
}

/// The law's own window first, so that it stays where others are no better.
fn windows(law: &Law) -> Vec<u32> {
    let own = law.down_window();
    std::iter::once(own).chain(WINDOWS.into_iter().filter(|window| *window != own)).collect()
}

fn changes(law: &Law, best: &Candidate) -> Vec<String> {
    let mut changes = Vec::new();
    if best.factor != 1.0 {
        changes.push(format!("targets times {}", best.factor));
    }
    if best.law.down_window() != law.down_window() {
        changes.push(format!(
            "a window for scaling down of {} s instead of {} s",
            best.law.down_window(),
            law.down_window()
        ));
    }
    let (before, after) = (law.bounds().0, best.law.bounds().0);
    if before != after {
        changes.push(format!("at least {after} replicas instead of {before}"));
    }
    changes
}
