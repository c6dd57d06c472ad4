//! How many requests of classic models one core simulates in a second: drawing the arrivals, the engine's or the
//! fleet's work, and looking at all that comes out.
//!
//!     cargo bench -p plimsoll-sim --bench batch
#![expect(clippy::expect_used, reason = "a bench stops at the first surprise")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use plimsoll_core::seed::{Rng, Seed};
use plimsoll_core::time::Offset;
use plimsoll_sim::batch::{Accelerator, Batch, BatchOptions, Batching, Cost, presets};
use plimsoll_sim::fleet::{Delay, Fleet, FleetOptions, Gateway, Router};
use plimsoll_sim::spread::Spread;
use plimsoll_sim::{Ask, Emission, Engine, Event, JobId, Refused};

fn main() {
    divan::main();
}

const REQUESTS: u64 = 200_000;

/// What plays a load, whatever answers it.
trait Server {
    fn advance(&mut self, now: Offset, out: &mut Vec<Emission>);
    fn arrive(&mut self, at: Offset, job: JobId, ask: &Ask) -> Result<(), Refused>;
}

impl Server for Engine {
    fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        Engine::advance(self, now, out);
    }
    fn arrive(&mut self, at: Offset, job: JobId, ask: &Ask) -> Result<(), Refused> {
        Engine::arrive(self, at, job, ask)
    }
}

impl Server for Fleet {
    fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        Fleet::advance(self, now, out);
    }
    fn arrive(&mut self, at: Offset, job: JobId, ask: &Ask) -> Result<(), Refused> {
        Fleet::arrive(self, at, job, ask)
    }
}

/// Plays Poisson arrivals of so many per second; returns how many finished.
fn play(mut server: impl Server, rate: f64) -> u64 {
    let mut rng: Rng = Seed(1).stream("bench");
    let ask = Ask { prompt_tokens: 0, output_tokens: 0, items: 1, prefix: Arc::default() };
    let (mut out, mut clock, mut finished) = (Vec::new(), 0.0, 0);
    let mut see = |out: &mut Vec<Emission>| {
        finished += out.drain(..).filter(|emission| emission.event == Event::Finished).count() as u64;
    };
    for id in 0..REQUESTS {
        clock += Spread::EXPONENTIAL.draw(&mut rng) / rate;
        let at = Offset::from_secs_f64(clock);
        server.advance(at, &mut out);
        server.arrive(at, JobId(id), &ask).expect("room for all");
        see(&mut out);
    }
    server.advance(Offset::MAX, &mut out);
    see(&mut out);
    assert_eq!(finished, REQUESTS, "all that came have finished");
    finished
}

/// One request at a time, exponential with a mean of 1 ms.
fn single(instances: u32) -> BatchOptions {
    BatchOptions {
        batching: Batching::Off,
        instances: NonZeroU32::new(instances).expect("above 0"),
        cost: Cost {
            per_batch: Duration::from_millis(1),
            per_item: Duration::ZERO,
            spread: Spread::EXPONENTIAL,
        },
        queue: None,
        queue_timeout: None,
        accelerator: Accelerator::default(),
        seed: Seed(0),
    }
}

fn bench<S: Server>(bencher: Bencher, make: impl Fn() -> S + Sync, rate: f64) {
    bencher.counter(ItemsCount::new(REQUESTS)).with_inputs(make).bench_values(|server| play(server, rate));
}

fn engine(options: BatchOptions) -> Engine {
    Engine::Batch(Batch::new(options))
}

#[divan::bench]
fn mm1_at_80_percent(bencher: Bencher) {
    bench(bencher, || engine(single(1)), 800.0);
}

#[divan::bench]
fn mm8_at_80_percent(bencher: Bencher) {
    bench(bencher, || engine(single(8)), 6400.0);
}

/// A T4 with dynamic batching at 900 images per second: batches of seven or eight.
#[divan::bench]
fn triton_resnet50_t4(bencher: Bencher) {
    let preset = presets::named("resnet50-t4").expect("a preset");
    bench(bencher, || engine(preset.options(Seed(0))), 900.0);
}

#[divan::bench]
fn torchserve_16_within_5_ms(bencher: Bencher) {
    let size = NonZeroU32::new(16).expect("above 0");
    let batching = Batching::TorchServe { size, max_delay: Duration::from_millis(5) };
    let options = || BatchOptions { batching: batching.clone(), ..single(1) };
    bench(bencher, || engine(options()), 2000.0);
}

/// Sixteen of `single`, 90 % busy.
fn fleet(router: Router, gateway: Option<Gateway>) -> Fleet {
    Fleet::new(FleetOptions {
        replica: engine(single(1)),
        replicas: 16,
        router,
        gateway,
        provisioning: Delay::NONE,
        loading: Delay::NONE,
        drain_limit: None,
        seed: Seed(0),
    })
}

#[divan::bench(args = [Router::RoundRobin, Router::Random, Router::LeastInFlight, Router::PowerOfTwo])]
fn fleet_of_16(bencher: Bencher, router: Router) {
    bench(bencher, || fleet(router, None), 14_400.0);
}

#[divan::bench]
fn fleet_of_16_behind_a_gateway(bencher: Bencher) {
    let gateway = Gateway { per_replica: Some(NonZeroU32::MIN), queue: None, timeout: None };
    bench(bencher, || fleet(Router::LeastInFlight, Some(gateway)), 14_400.0);
}
