//! Routers against each other and against pooled theory.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_sim::batch::{Accelerator, Batch, BatchOptions, Batching, Cost};
use plimsoll_sim::fleet::{Delay, Fleet, FleetOptions, Gateway, Router};
use plimsoll_sim::queueing::Station;
use plimsoll_sim::spread::Spread;
use plimsoll_sim::{Engine, Event, JobId};

use super::play::{classic, mean, near};

const SERVICE: f64 = 0.01;
const REPLICAS: u32 = 16;
const REQUESTS: u32 = 200_000;
/// 90 % busy.
const RATE: f64 = 0.9 * REPLICAS as f64 / SERVICE;

fn options(router: Router) -> FleetOptions {
    FleetOptions {
        replica: Engine::Batch(Batch::new(BatchOptions {
            batching: Batching::Off,
            instances: NonZeroU32::MIN,
            cost: Cost {
                per_batch: Duration::from_secs_f64(SERVICE),
                per_item: Duration::ZERO,
                spread: Spread::EXPONENTIAL,
            },
            queue: None,
            queue_timeout: None,
            accelerator: Accelerator::default(),
            seed: Seed(0),
        })),
        replicas: REPLICAS,
        router,
        gateway: None,
        provisioning: Delay::NONE,
        loading: Delay::NONE,
        drain_limit: None,
        seed: Seed(5),
    }
}

/// Plays Poisson arrivals; returns the seconds that each request took, and how many each replica computed.
fn play(options: FleetOptions) -> (Vec<f64>, Vec<u64>) {
    let mut fleet = Fleet::new(options);
    let mut rng = Seed(2026).stream("oracle-arrivals");
    let (mut out, mut arrivals, mut residences, mut clock) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    let ask = classic(1);
    for id in 0..u64::from(REQUESTS) {
        clock += Spread::EXPONENTIAL.draw(&mut rng) / RATE;
        let at = Offset::from_secs_f64(clock);
        fleet.advance(at, &mut out);
        arrivals.push(at);
        fleet.arrive(at, JobId(id), &ask).expect("room for all");
    }
    fleet.advance(Offset::MAX, &mut out);
    for emission in out.iter().filter(|emission| emission.event == Event::Finished) {
        residences.push(emission.at.since(arrivals[emission.job.0 as usize]).as_secs_f64());
    }
    let state = fleet.state(Offset::from_secs_f64(clock));
    assert_eq!(residences.len(), REQUESTS as usize);
    (residences, state.replicas.iter().map(|replica| replica.engine.items).collect())
}

#[test]
fn random_routing_makes_a_queue_of_its_own_at_each_replica() {
    let alone = Station::new(NonZeroU32::MIN, RATE / f64::from(REPLICAS), SERVICE).unwrap();
    let (residences, _) = play(options(Router::Random));
    near(mean(&residences), alone.mmc_wait_mean() + SERVICE, 0.05, "random split of Poisson: M/M/1 each");
}

#[test]
fn a_gateway_that_holds_back_makes_one_queue_of_all() {
    let pooled = Station::new(NonZeroU32::new(REPLICAS).unwrap(), RATE, SERVICE).unwrap();
    let gateway = Gateway { per_replica: Some(NonZeroU32::MIN), queue: None, timeout: None };
    let (residences, _) = play(FleetOptions { gateway: Some(gateway), ..options(Router::Random) });
    near(mean(&residences), pooled.mmc_wait_mean() + SERVICE, 0.03, "gateway with limit 1: M/M/16");
}

#[test]
fn routers_that_look_beat_those_that_do_not() {
    let took = |router| mean(&play(options(router)).0);
    let [random, turns, two, least] =
        [Router::Random, Router::RoundRobin, Router::PowerOfTwo, Router::LeastInFlight].map(took);
    assert!(turns < 0.8 * random, "in turn {turns} s, random {random} s");
    assert!(two < 0.6 * turns, "two choices {two} s, in turn {turns} s");
    assert!(least < two, "least in flight {least} s, two choices {two} s");
    // Mitzenmacher (2001): with two choices among many replicas, the share with at least i requests is rho^(2^i - 1).
    let present: f64 = (1..20).map(|i| 0.9_f64.powf(f64::from(2_u32.pow(i) - 1))).sum();
    near(two, present * SERVICE / 0.9, 0.1, "power of two choices, 16 replicas against infinitely many");
}

#[test]
fn turns_split_exactly() {
    let (_, counts) = play(options(Router::RoundRobin));
    assert_eq!(counts, vec![u64::from(REQUESTS / REPLICAS); REPLICAS as usize]);
}
