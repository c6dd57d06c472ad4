//! What an autoscaler is compared with: a fleet of constant size, and one whose master knows the future.

use super::drive::Stage;
use super::report::Baseline;
use crate::autoscale::Law;

/// The smallest fleet of constant size that reaches the goal, by bisection. The size for the busiest cell, or for a peak over
/// ten seconds with a third of it to spare, is the largest that is tried.
pub(super) fn static_peak(stage: &Stage<'_>) -> Baseline {
    let (traffic, scene) = (stage.traffic, stage.scene);
    let rate = scene.replica.rate;
    let mean = traffic.rates().sum::<f64>() / traffic.rates().len().max(1) as f64;
    let mut low = (mean / rate).floor() as u32; // fails, or is nothing
    let most = traffic.peak(traffic.cell).max(traffic.peak(10.0) * 4.0 / 3.0);
    let mut high = (most / rate).ceil().max(1.0) as u32 + 1;
    let outcome = |replicas| stage.play(&Law::Static { replicas }, 0).figures;
    let mut best = outcome(high);
    while high - low > (high / 200).max(1) {
        let middle = low.midpoint(high);
        let figures = outcome(middle);
        if figures.attainment >= scene.goal {
            (high, best) = (middle, figures);
        } else {
            low = middle;
        }
    }
    Baseline { kept: best.attainment >= scene.goal, figures: best }
}

/// How often the range of the oracle's load is halved.
const ORACLE_STEPS: u32 = 6;

/// The least load of a replica that the oracle takes, as a share of its capacity: many times the mean may come in a second.
const ORACLE_LEAST: f64 = 0.02;

/// The fewest replica-hours with which the goal is reached by somebody who knows the traffic. Replicas come and go each
/// 15 s; one that will be needed again within a cold start stays, since sending it away saves nothing.
///
/// A replica is loaded to a share of its capacity that is found by bisection: lower than 1 where bursts within 15 s
/// hurt, higher where the goal leaves room for misses.
pub(super) fn oracle(stage: &Stage<'_>) -> Baseline {
    let outcome = |share: f64| stage.follow(&foreseen(stage, share), 0).figures;
    let goal = stage.scene.goal;
    let (mut low, mut high) = (0.5, 1.3);
    let mut best = outcome(low);
    while best.attainment < goal && low > ORACLE_LEAST {
        (high, low) = (low, 0.5 * low);
        best = outcome(low);
    }
    for _ in 0..ORACLE_STEPS {
        let middle = 0.5 * (low + high);
        let figures = outcome(middle);
        if figures.attainment >= goal {
            (low, best) = (middle, figures);
        } else {
            high = middle;
        }
    }
    Baseline { kept: best.attainment >= goal, figures: best }
}

/// The replicas to ask for in each cell, so that there is one for each `share` of a capacity when it is needed.
fn foreseen(stage: &Stage<'_>, share: f64) -> Vec<u32> {
    let (traffic, scene) = (stage.traffic, stage.scene);
    let slot = ((15.0 / traffic.cell).round() as usize).max(1);
    let rates: Vec<f64> = traffic.rates().collect();
    let needs: Vec<u32> = rates
        .chunks(slot)
        .map(|part| {
            (part.iter().sum::<f64>() / part.len() as f64 / (scene.replica.rate * share)).ceil() as u32
        })
        .collect();
    // What is needed within a cold start from now must be asked for now.
    let ahead = (scene.start.slow() / (slot as f64 * traffic.cell)).ceil() as usize;
    let asked = (0..needs.len()).map(|index| {
        let last = (index + ahead + 1).min(needs.len());
        needs[index..last].iter().copied().max().unwrap_or(0)
    });
    asked.flat_map(|replicas| std::iter::repeat_n(replicas, slot)).take(rates.len()).collect()
}
