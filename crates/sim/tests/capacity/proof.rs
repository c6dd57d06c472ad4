//! What is promised of a search: how near, how sure, how dear.

use std::num::NonZeroU32;
use std::thread;

use plimsoll_sim::queueing::{Md1, Station};

use crate::searching::{Case, Said, bisect, search};
use crate::server::{SERVICE, Server, Service};

const SEEDS: u64 = 100;

/// All seeds, on two threads.
fn all(case: &Case, one: fn(&Case, u64) -> Said) -> Vec<Said> {
    thread::scope(|scope| {
        let half =
            |from: u64| scope.spawn(move || (from..SEEDS).step_by(2).map(|seed| one(case, seed)).collect());
        let halves: Vec<thread::ScopedJoinHandle<'_, Vec<Said>>> = (0..2).map(half).collect();
        halves.into_iter().flat_map(|half| half.join().expect("a half")).collect()
    })
}

/// Counts.
fn check(case: &Case) {
    let (ours, plain) = (all(case, search), all(case, bisect));
    let near = ours
        .iter()
        .filter(|said| said.low.is_some_and(|low| (0.95..=1.02).contains(&(low / case.truth))))
        .count();
    let covered = ours
        .iter()
        .filter(|said| {
            said.low.is_some_and(|low| low <= case.truth) && said.high.is_none_or(|high| high >= case.truth)
        })
        .count();
    let most = ours.iter().filter_map(|said| said.low).fold(0.0, f64::max) / case.truth;
    let least = ours.iter().filter_map(|said| said.low).fold(f64::MAX, f64::min) / case.truth;
    let open = ours.iter().filter(|said| said.high.is_none()).count();
    let width =
        ours.iter().filter_map(|said| Some(said.high? / said.low?)).sum::<f64>() / (ours.len() - open) as f64;
    let mean = |all: &[Said]| all.iter().map(|said| said.seconds).sum::<f64>() / all.len() as f64;
    let trials = ours.iter().map(|said| said.trials).sum::<usize>() as f64 / ours.len() as f64;
    let off = |said: &&Said| said.low.is_some_and(|low| !(0.95..=1.02).contains(&(low / case.truth)));
    println!(
        "{}: near {near}, covered {covered}, {least:.3}..{most:.3}, open {open}, width {width:.3}; {:.0} s in {trials:.1} trials; plain {:.0} s, off {}",
        case.name,
        mean(&ours),
        mean(&plain),
        plain.iter().filter(off).count(),
    );
    assert!(near >= 95, "{near}");
    assert!(most <= 1.02, "{most}");
    assert!(covered >= 93, "{covered}");
}

/// The rate at which `quantile` reaches the limit.
fn solve(limit: f64, quantile: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.01, 0.999_9 / SERVICE);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if quantile(middle) < limit { low = middle } else { high = middle }
    }
    low
}

#[test]
fn one_server_with_exponential_service() {
    let truth = 1.0 / SERVICE - 20.0_f64.ln() / 0.150;
    let _ = (Station::new, NonZeroU32::MIN);
    check(&Case {
        name: "M/M/1",
        server: Server::Station { servers: 1, service: Service::Exponential },
        slo: "latency.p95<150ms",
        truth,
        scv: 1.0,
    });
}

#[test]
fn one_server_with_constant_service() {
    let truth = solve(0.060 - SERVICE, |rate| Md1::new(rate, SERVICE).expect("stable").wait_quantile(0.95));
    check(&Case {
        name: "M/D/1",
        server: Server::Station { servers: 1, service: Service::Constant },
        slo: "latency.p95<60ms",
        truth,
        scv: 0.0,
    });
}
