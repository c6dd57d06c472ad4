//! How long a simulated day takes: 10,000 requests/s on 900 replicas, scaled by a HorizontalPodAutoscaler.

use divan::Bencher;
use plimsoll_plan::autoscale::hpa::HpaSpec;
use plimsoll_plan::autoscale::{Law, Metric, Signal, Source, Target};
use plimsoll_plan::proof::{Replica, Scene, Start, Traffic, play, prove};

fn main() {
    divan::main();
}

/// A day with twice the mean at noon and hardly anything at night.
fn day(mean: f64) -> Traffic {
    let rate = |minute: u32| mean * (1.0 - 0.9 * (f64::from(minute) / 1440.0 * std::f64::consts::TAU).cos());
    Traffic::of_rates((0..1440).map(rate), 60.0, 1.0, 1.0)
}

fn law() -> Law {
    let metric =
        Metric { signal: Signal::InFlight, source: Source::Servers, target: Target::AverageValue(9.0) };
    Law::Hpa(HpaSpec::new(10, 5000, vec![metric]))
}

fn scene() -> Scene {
    let replica = Replica {
        rate: 12.0,
        saturation: 14.0,
        share: 0.99,
        cv: 1.0,
        in_flight: 12.0,
        assumptions: Vec::new(),
    };
    Scene { replays: 1, ..Scene::new(replica, Start::constant(60.0, 120.0), 0.99) }
}

#[divan::bench(args = [100.0, 10_000.0], sample_count = 1, sample_size = 1)]
fn day_played(bencher: Bencher<'_, '_>, mean: f64) {
    let (law, traffic, scene) = (law(), day(mean), scene());
    bencher.bench(|| play(&law, &traffic, &scene));
}

#[divan::bench(args = [100.0, 10_000.0], sample_count = 1, sample_size = 1)]
fn day_proven(bencher: Bencher<'_, '_>, mean: f64) {
    let (law, traffic, scene) = (law(), day(mean), scene());
    bencher.bench(|| prove(&law, &traffic, &scene));
}
