//! Plans for a hundred random demands, put to the test in a simulated fleet that knows what the planner did not.

use super::Service;
use super::fleet::{Trial, latency_allowed, within};
use crate::capacity::{Capacity, Measured};
use crate::headroom::{Settings, Split};
use crate::{Demand, Headroom};
use plimsoll_core::seed::{Rng, Seed};
use rand::RngExt as _;
use rand_distr::StandardNormal;

const DEMANDS: u64 = 100;
/// Standard deviation of a measured capacity around the true one.
const ERROR: f64 = 0.03;
/// Misses beyond those that the objective allows that a trial of some thousand requests may show by chance.
const CHANCE: f64 = 1.5;

/// What is true, and what the planner is told.
struct Case {
    truth: Service,
    told: Capacity,
    demand: Demand,
    settings: Settings,
    /// The peak that comes.
    peak: f64,
}

fn case(index: u64) -> Case {
    let mut rng: Rng = Seed(17).keyed("demands", index);
    let servers = [1_u32, 4, 16][rng.random_range(0..3)];
    let idle = rng.random_range(0.02..0.2);
    let saturation = f64::from(servers) / idle;
    let (service_scv, cv): (f64, f64) = (rng.random_range(0.0..1.0), rng.random_range(0.5..3.0));
    let carried = saturation * rng.random_range(0.7..0.9);
    let z: f64 = rng.sample(StandardNormal);
    // Each end of what is told is wrong with a probability of 5 %.
    let ends = [-1.645, 1.645].map(|end| carried * (ERROR * (z + end)).exp());
    let measured = Measured {
        cv: 1.0,
        service_scv,
        latency_idle: idle,
        latency: 1.5 * idle,
        latency_p99: None,
        in_flight: 1.5 * idle * carried,
        saturation,
        saturation_seen: true,
        burst: None,
    };
    let told = Capacity {
        high: Some(ends[1]),
        confidence: Some(0.95),
        measured: Some(measured),
        binding: Some("latency.p99<1s".to_owned()),
        ..Capacity::typed(ends[0])
    };
    let forecast = carried * rng.random_range(1.5..12.0);
    let forecast_error = rng.random_range(0.0..0.2);
    let missed_by: f64 = rng.sample(StandardNormal);
    let split = [Split::Random, Split::RoundRobin, Split::LeastInFlight][rng.random_range(0..3)];
    Case {
        truth: Service::of(&Capacity { low: carried, ..told.clone() }).expect("it was measured"),
        told,
        demand: Demand { forecast_error, cv: Some(cv), ..Demand::peak(forecast) },
        settings: Settings { split, failures: 0, seed: Seed(index), ..Settings::default() },
        peak: forecast * (1.0 + forecast_error * missed_by).max(0.05),
    }
}

#[test]
fn plans_keep_their_objectives_as_often_as_they_say() {
    let (mut kept, mut said, mut planned, mut needed) = (0_u32, 0.0, 0_u32, 0_u32);
    for index in 0..DEMANDS {
        let case = case(index);
        let plan = Headroom::of(&case.told, &case.demand, &case.settings);
        let cv = case.demand.cv.unwrap_or(1.0);
        let limit = latency_allowed(&case.truth, 25_000, case.settings.seed);
        let keeps = |replicas: u32| {
            let trial = Trial::of(&case.truth, case.peak, cv, &case.settings, replicas);
            let trial = Trial { requests: 4000, ..trial };
            1.0 - within(&case.truth, &trial, limit) <= (1.0 - case.truth.percentile) * CHANCE
        };
        kept += u32::from(keeps(plan.replicas));
        said += plan.confidence.calm;
        planned += plan.replicas;
        // The oracle knows the peak and the capacity, and tries from below.
        let least =
            (case.peak * case.truth.time / f64::from(case.truth.servers.get())).ceil().max(1.0) as u32;
        needed += (least..=plan.replicas).find(|&replicas| keeps(replicas)).unwrap_or(plan.replicas);
    }
    let said = said / DEMANDS as f64;
    let over = f64::from(planned) / f64::from(needed) - 1.0;
    println!(
        "{kept} of {DEMANDS} plans kept their objective; they had said {:.1} %; {planned} replicas, {:.0} % more than an \
         oracle's {needed}",
        said * 100.0,
        over * 100.0
    );
    // The share that was said is an average: of a hundred cases as many may fail by chance as two standard deviations.
    let spare = 2.0 * (said * (1.0 - said) * DEMANDS as f64).sqrt();
    assert!(f64::from(kept) >= said * DEMANDS as f64 - spare, "{kept} kept, {said} said");
    assert!(said >= 0.95, "plans are made to suffice with 95 %, and say {said}");
    assert!(over < 0.6, "{planned} replicas where {needed} would do");
}
