//! What is promised of a search: how near, how sure, how dear.

use std::thread;

use plimsoll_core::slo::{Confidence, Slos};
use plimsoll_sim::queueing::Md1;

use crate::searching::{Case, Said, bisect, search};
use crate::server::{SERVICE, Server, Service};

const SEEDS: u64 = 100;
/// Certified loads may lie so far below and above the capacity.
const BELOW: f64 = 0.95;
const ABOVE: f64 = 1.02;

/// All seeds, on two threads.
fn all(case: &Case, one: fn(&Case, u64) -> Said) -> Vec<Said> {
    thread::scope(|scope| {
        let half =
            |from: u64| scope.spawn(move || (from..SEEDS).step_by(2).map(|seed| one(case, seed)).collect());
        let halves: Vec<thread::ScopedJoinHandle<'_, Vec<Said>>> = (0..2).map(half).collect();
        halves.into_iter().flat_map(|half| half.join().expect("a half")).collect()
    })
}

/// Counts what 100 searches say against the truth, prints it beside what plain bisection says, and checks it.
#[expect(clippy::print_stdout, reason = "the figures of the proof, for those who ask with --nocapture")]
fn check(case: &Case) {
    let (ours, plain) = (all(case, search), all(case, bisect));
    let over = |said: &Said| said.low.map_or(0.0, |low| low / case.truth);
    let is_near = |said: &&Said| (BELOW..=ABOVE).contains(&over(said));
    let covers = |said: &&Said| {
        said.low.is_some_and(|low| low <= case.truth) && said.high.is_none_or(|high| high >= case.truth)
    };
    let near = ours.iter().filter(is_near).count();
    let covered = ours.iter().filter(covers).count();
    let most = ours.iter().map(over).fold(0.0, f64::max);
    let mean = |all: &[Said], of: fn(&Said) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    let plain_near = plain.iter().filter(is_near).count();
    let plain_most = plain.iter().map(over).fold(0.0, f64::max);
    println!(
        "{}: {near} of {SEEDS} within {BELOW} to {ABOVE} of {:.2}/s, at most {most:.3}, {covered} intervals cover it; \
         {:.0} simulated s in {:.0} trials. Bisection in trials of 60 s: {plain_near}, at most {plain_most:.3}; {:.0} s",
        case.name,
        case.truth,
        mean(&ours, |said| said.seconds),
        mean(&ours, |said| said.trials as f64),
        mean(&plain, |said| said.seconds),
    );
    assert!(near >= 95, "{}: {near} near", case.name);
    assert!(most <= ABOVE, "{}: {most} at most", case.name);
    assert!(covered >= 93, "{}: {covered} covered", case.name);
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

/// The rate at which as many miss as may, in runs of `seconds` with the same random numbers.
fn measured(server: &Server, slo: &str, [mut low, mut high]: [f64; 2], seconds: f64) -> f64 {
    let one = slo.parse().expect("an objective");
    let slos = Slos::new(vec![one], Confidence::default()).expect("objectives");
    for _ in 0..7 {
        let middle = f64::midpoint(low, high);
        let found = &server.trial(&slos, middle, 10.0, seconds, 4711).found[0];
        let allowed = found.allowed.expect("a share");
        if found.misses as f64 <= allowed * found.n as f64 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[test]
fn one_server_with_exponential_service() {
    // M/M/1: the time in the system is exponential with rate mu - lambda.
    check(&Case {
        name: "M/M/1",
        server: Server::Station { servers: 1, service: Service::Exponential },
        slo: "latency.p90<100ms",
        truth: 1.0 / SERVICE - 10.0_f64.ln() / 0.100,
        scv: 1.0,
    });
}

#[test]
fn one_server_with_constant_service() {
    let wait = |rate| Md1::new(rate, SERVICE).expect("stable").wait_quantile(0.95);
    check(&Case {
        name: "M/D/1",
        server: Server::Station { servers: 1, service: Service::Constant },
        slo: "latency.p95<60ms",
        truth: solve(0.060 - SERVICE, wait),
        scv: 0.0,
    });
}

#[test]
fn several_servers_with_mixed_service() {
    let server = Server::Station { servers: 4, service: Service::Mixed };
    let slo = "latency.p90<70ms";
    let truth = measured(&server, slo, [200.0, 396.0], 5_000.0);
    check(&Case { name: "M/G/4", server, slo, truth, scv: 3.0 });
}

#[test]
fn the_engine_of_a_language_model() {
    // Four tokens of 10 ms on average, in eight places.
    let (server, slo) = (Server::Llm { places: 8 }, "ttft.p80<100ms");
    let truth = measured(&server, slo, [120.0, 200.0], 1_500.0);
    check(&Case { name: "LLM engine", server, slo, truth, scv: 0.25 });
}
