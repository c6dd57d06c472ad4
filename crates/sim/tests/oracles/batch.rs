//! With batching off, the batch engine is a textbook queue.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_sim::Engine;
use plimsoll_sim::batch::{Accelerator, Batch, BatchOptions, Batching, Cost};
use plimsoll_sim::queueing::{Md1, Station};
use plimsoll_sim::spread::Spread;

use super::play::{Seen, mean, near, play};

/// Mean service time, seconds.
const SERVICE: f64 = 0.01;
const REQUESTS: usize = 1_000_000;

fn engine(instances: u32, spread: Spread) -> Engine {
    Engine::Batch(Batch::new(BatchOptions {
        batching: Batching::Off,
        instances: NonZeroU32::new(instances).unwrap(),
        cost: Cost {
            per_batch: Duration::from_secs_f64(SERVICE / 2.0),
            per_item: Duration::from_secs_f64(SERVICE / 2.0),
            spread,
        },
        queue: None,
        queue_timeout: None,
        accelerator: Accelerator::default(),
        seed: Seed(1),
    }))
}

fn station(instances: u32, busy: f64) -> Station {
    Station::new(NonZeroU32::new(instances).unwrap(), busy * f64::from(instances) / SERVICE, SERVICE).unwrap()
}

/// Plays Poisson arrivals; checks that every request started and finished, and Little's law by the engine's own count.
fn poisson(instances: u32, spread: Spread, busy: f64) -> Seen {
    let rate = station(instances, busy).rate();
    let seen = play(engine(instances, spread), REQUESTS, rate, Spread::EXPONENTIAL, SERVICE);
    assert_eq!((seen.waits.len(), seen.residences.len()), (REQUESTS, REQUESTS));
    near(seen.mean_present, seen.rate * mean(&seen.residences), 0.01, "Little's law");
    seen
}

#[test]
fn exponential_service_is_mm1() {
    let theory = station(1, 0.7);
    let seen = poisson(1, Spread::EXPONENTIAL, 0.7);
    near(seen.mean_wait(), theory.mmc_wait_mean(), 0.02, "M/M/1 mean wait");
    near(seen.wait_quantile(0.99), theory.mmc_wait_quantile(0.99), 0.03, "M/M/1 wait p99");
    near(seen.wait_quantile(0.5), theory.mmc_wait_quantile(0.5), 0.03, "M/M/1 wait p50");
}

#[test]
fn constant_service_is_md1() {
    let theory = Md1::new(0.8 / SERVICE, SERVICE).unwrap();
    let seen = poisson(1, Spread::CONSTANT, 0.8);
    near(seen.mean_wait(), theory.wait_mean(), 0.02, "M/D/1 mean wait");
    near(seen.wait_quantile(0.99), theory.wait_quantile(0.99), 0.03, "M/D/1 wait p99");
    near(seen.wait_quantile(0.5), theory.wait_quantile(0.5), 0.03, "M/D/1 wait p50");
}

#[test]
fn several_instances_are_mmc() {
    let theory = station(8, 0.85);
    let seen = poisson(8, Spread::EXPONENTIAL, 0.85);
    near(seen.mean_wait(), theory.mmc_wait_mean(), 0.02, "M/M/8 mean wait");
    near(seen.wait_quantile(0.99), theory.mmc_wait_quantile(0.99), 0.03, "M/M/8 wait p99");
    let waited = seen.waits.iter().filter(|wait| **wait > 0.0).count() as f64 / REQUESTS as f64;
    near(waited, theory.mmc_wait_probability(), 0.02, "M/M/8 share that waits (Erlang C)");
}

#[test]
fn general_service_is_mg1() {
    for (spread, cv, name) in [
        (Spread::gamma(0.5).unwrap(), 0.5, "gamma, cv 0.5"),
        (Spread::log_normal(1.5).unwrap(), 1.5, "lognormal, cv 1.5"),
    ] {
        let theory = station(1, 0.6).mg1_wait_mean(cv).unwrap();
        near(poisson(1, spread, 0.6).mean_wait(), theory, 0.02, &format!("M/G/1 mean wait, {name}"));
    }
}

#[test]
fn regular_or_bursty_arrivals_come_near_allen_and_cunneen() {
    let theory = station(4, 0.9);
    for (cv, tolerance) in [(0.5, 0.15), (2.0, 0.15)] {
        let gaps = Spread::gamma(cv).unwrap();
        let seen = play(engine(4, Spread::EXPONENTIAL), REQUESTS / 4, theory.rate(), gaps, SERVICE);
        near(
            seen.mean_wait(),
            theory.ggc_wait_mean(cv, 1.0),
            tolerance,
            &format!("G/M/4 mean wait, cv {cv}"),
        );
    }
}
