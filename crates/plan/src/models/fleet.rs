//! Replicas by simulation: arrivals, a router and replicas, event by event.

use std::sync::Arc;

use plimsoll_core::seed::{Rng, Seed};
use plimsoll_core::time::Offset;
use plimsoll_sim::engine::{Ask, Emission, Event, JobId};
use plimsoll_sim::fleet::{Delay, Fleet, FleetOptions, Router};
use plimsoll_sim::spread::Spread;

use super::Service;
use crate::headroom::{Settings, Split};

/// Requests of a trial, at least; misses of one in a hundred are then known to a tenth.
const REQUESTS: f64 = 40_000.0;
/// And at most.
const REQUESTS_MAX: f64 = 150_000.0;
/// Requests by which the objective of a simulated replica is found.
pub(crate) const CALIBRATION: u32 = 150_000;
/// Service times that a trial covers, at least: queues need time to build.
const COVERED: f64 = 60.0;
/// Service times after which the first requests count.
const SETTLE: f64 = 10.0;
/// Misses beyond what the objective allows that are laid to chance.
const CHANCE: f64 = 1.15;
/// Requests of a trace that are simulated one by one, at most.
const OVER_TIME_MAX: f64 = 1e6;
/// Replicas beyond this are not simulated one by one.
const REPLICAS_MAX: u32 = 1000;

/// A simulated load on simulated replicas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Coefficient of variation of the gaps between arrivals.
    pub(crate) cv: f64,
    /// Replicas.
    pub(crate) replicas: u32,
    /// Which one a request goes to.
    pub(crate) split: Split,
    /// Requests.
    pub(crate) requests: u32,
    /// The seed.
    pub(crate) seed: Seed,
}

impl Trial {
    /// As long as it must be. A fleet that is too large is made smaller together with its load.
    pub(crate) fn of(service: &Service, rate: f64, cv: f64, settings: &Settings, replicas: u32) -> Trial {
        let smaller = f64::from(replicas.min(REPLICAS_MAX)) / f64::from(replicas.max(1));
        let rate = rate * smaller;
        let requests = (rate * service.time * COVERED).clamp(REQUESTS, REQUESTS_MAX) as u32;
        let replicas = replicas.clamp(1, REPLICAS_MAX);
        Trial { rate, cv, replicas, split: settings.split, requests, seed: settings.seed }
    }
}

/// The least replicas that keep the objective in the simulation, looked for around `near`; nothing where the fleet is too
/// large to be simulated replica by replica. `limit` is what [`latency_allowed`] says.
pub(super) fn replicas(
    service: &Service,
    rate: f64,
    cv: f64,
    settings: &Settings,
    near: u32,
    limit: u64,
) -> Option<u32> {
    if near > REPLICAS_MAX {
        return None;
    }
    let keeps = |replicas: u32| {
        let trial = Trial::of(service, rate, cv, settings, replicas);
        1.0 - within(service, &trial, limit) <= (1.0 - service.percentile) * CHANCE
    };
    // Below saturation nothing keeps anything.
    let floor = (rate * service.time / f64::from(service.servers.get())).ceil().max(1.0) as u32;
    let (mut low, mut high) = (floor.saturating_sub(1), near.max(floor));
    while !keeps(high) && high < near.saturating_mul(4).max(8) {
        low = high;
        high += (high / 8).max(1);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if keeps(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The latency, in nanoseconds, that the wanted share of requests keeps at one replica at its certified load: the
/// objective as the simulated replica has it. More `requests` make it surer.
pub(crate) fn latency_allowed(service: &Service, requests: u32, seed: Seed) -> u64 {
    let trial = Trial {
        rate: service.certified,
        cv: service.arrival_cv,
        replicas: 1,
        split: Split::Random,
        requests,
        seed,
    };
    let mut latencies = latencies(service, &trial);
    let rank =
        ((service.percentile * latencies.len() as f64).ceil() as usize).clamp(1, latencies.len().max(1)) - 1;
    match rank < latencies.len() {
        true => *latencies.select_nth_unstable(rank).1,
        false => 0,
    }
}

/// The share of requests of a trial that take no longer than `limit` nanoseconds.
pub(super) fn within(service: &Service, trial: &Trial, limit: u64) -> f64 {
    let latencies = latencies(service, trial);
    latencies.iter().filter(|latency| **latency <= limit).count() as f64 / latencies.len().max(1) as f64
}

/// The latency of each request that counts, nanoseconds.
fn latencies(service: &Service, trial: &Trial) -> Vec<u64> {
    let gaps = Spread::gamma(trial.cv).unwrap_or(Spread::EXPONENTIAL);
    let mut rng: Rng = trial.seed.stream("plan arrivals");
    let arrivals = (0..trial.requests).scan(0.0, |now, _| {
        *now += gaps.draw(&mut rng) / trial.rate;
        Some(Offset::from_secs_f64(*now))
    });
    let all = f64::from(trial.requests) / trial.rate;
    let settled = Offset::from_secs_f64((SETTLE * service.time).min(all / 5.0));
    let mut latencies = Vec::with_capacity(trial.requests as usize);
    play(service, trial, arrivals, |at, latency| {
        if at >= settled {
            latencies.push(latency);
        }
    });
    latencies
}

/// Lets requests arrive at a fleet and tells of each that is answered when it came and how many nanoseconds it took.
fn play(
    service: &Service,
    trial: &Trial,
    arrivals: impl Iterator<Item = Offset>,
    mut answered: impl FnMut(Offset, u64),
) {
    let mut fleet = Fleet::new(FleetOptions {
        replica: service.engine(),
        replicas: trial.replicas,
        router: router(trial.split),
        gateway: None,
        provisioning: Delay::NONE,
        loading: Delay::NONE,
        drain_limit: None,
        seed: trial.seed,
    });
    let ask = Ask { prompt_tokens: 0, output_tokens: 0, items: 1, prefix: Arc::default() };
    let mut arrived: Vec<Offset> = Vec::new();
    let mut out: Vec<Emission> = Vec::new();
    let mut note = |arrived: &[Offset], out: &mut Vec<Emission>| {
        for emission in out.drain(..).filter(|emission| emission.event == Event::Finished) {
            if let Some(&at) = arrived.get(emission.job.0 as usize) {
                answered(at, emission.at.as_nanos() - at.as_nanos());
            }
        }
    };
    for (id, at) in (0..).map(JobId).zip(arrivals) {
        fleet.advance(at, &mut out);
        note(&arrived, &mut out);
        arrived.push(at);
        // The replicas have unlimited queues and stay ready: they take everything.
        let _ = fleet.arrive(at, id, &ask);
    }
    fleet.advance(Offset::MAX, &mut out);
    note(&arrived, &mut out);
}

/// The share of requests within the objective while `replicas` stand and `rates` come, each for `bin` seconds with Poisson
/// arrivals; `together` of these stretches make one figure, and what is left at the end makes none. Nothing for more
/// requests or replicas than are simulated one by one; `null` where no request came.
pub(crate) fn attainment_over_time(
    service: &Service,
    rates: &[f64],
    bin: f64,
    together: usize,
    settings: &Settings,
    replicas: u32,
) -> Option<Vec<Option<f64>>> {
    let figures = rates.len() / together.max(1);
    if rates.iter().sum::<f64>() * bin > OVER_TIME_MAX || replicas > REPLICAS_MAX {
        return None;
    }
    let trial =
        Trial { rate: 0.0, cv: 1.0, replicas, split: settings.split, requests: 0, seed: settings.seed };
    let limit = latency_allowed(service, CALIBRATION, settings.seed);
    let mut counted = vec![(0_u32, 0_u32); figures];
    play(service, &trial, over_time(rates, bin, settings.seed).into_iter(), |at, latency| {
        if let Some(figure) = counted.get_mut((at.as_secs_f64() / bin) as usize / together.max(1)) {
            figure.0 += u32::from(latency <= limit);
            figure.1 += 1;
        }
    });
    Some(counted.iter().map(|(good, all)| (*all > 0).then(|| f64::from(*good) / f64::from(*all))).collect())
}

/// Poisson arrivals whose rate changes each `bin` seconds.
fn over_time(rates: &[f64], bin: f64, seed: Seed) -> Vec<Offset> {
    let mut rng: Rng = seed.stream("plan arrivals over time");
    // Gaps of mean one, stretched by the rate of each moment: what is left of one goes on in the next stretch.
    let mut left = Spread::EXPONENTIAL.draw(&mut rng);
    let mut times = Vec::new();
    for (index, rate) in rates.iter().enumerate() {
        let (mut at, end) = (index as f64 * bin, (index + 1) as f64 * bin);
        while *rate > 0.0 && at + left / rate < end {
            at += left / rate;
            times.push(Offset::from_secs_f64(at));
            left = Spread::EXPONENTIAL.draw(&mut rng);
        }
        left -= (end - at) * rate;
    }
    times
}

/// The simulator's router of this name.
pub(crate) fn router(split: Split) -> Router {
    match split {
        Split::Random => Router::Random,
        Split::RoundRobin => Router::RoundRobin,
        Split::LeastInFlight => Router::LeastInFlight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::certified;

    #[test]
    fn the_simulated_replica_carries_what_the_measured_one_does() {
        let service = Service::of(&certified(60.0, 62.0)).unwrap();
        let settings = Settings::default();
        let limit = latency_allowed(&service, CALIBRATION, settings.seed);
        let at = |rate| within(&service, &Trial::of(&service, rate, 1.0, &settings, 1), limit);
        assert!((at(60.0) - 0.99).abs() < 0.004, "{}", at(60.0));
        assert!(at(45.0) > 0.999 && at(66.0) < 0.95, "{} {}", at(45.0), at(66.0));
        assert_eq!(at(60.0), at(60.0), "the same seed, the same fleet");
    }

    #[test]
    fn attainment_over_time_falls_where_the_traffic_is_too_much() {
        let service = Service::of(&certified(60.0, 62.0)).unwrap();
        let rates = [30.0, 30.0, 200.0, 0.0, 30.0];
        let kept = attainment_over_time(&service, &rates, 60.0, 1, &Settings::default(), 2).unwrap();
        let bad: Vec<bool> = kept.iter().map(|kept| kept.is_some_and(|kept| kept < 0.9)).collect();
        assert_eq!(bad, [false, false, true, false, false], "{kept:?}");
        assert_eq!(kept[3], None);
        assert_eq!(attainment_over_time(&service, &[1e6], 60.0, 1, &Settings::default(), 2), None);
    }

    #[test]
    fn shared_queues_need_fewer_replicas_than_separate_ones() {
        let service = Service::of(&certified(60.0, 62.0)).unwrap();
        let limit = latency_allowed(&service, CALIBRATION, Settings::default().seed);
        let with = |split| {
            replicas(&service, 900.0, 1.0, &Settings { split, ..Settings::default() }, 15, limit).unwrap()
        };
        let (random, turns, least) =
            (with(Split::Random), with(Split::RoundRobin), with(Split::LeastInFlight));
        assert!((15..=16).contains(&random), "{random}");
        assert!(turns <= random && least <= turns, "{random} {turns} {least}");
        assert_eq!(replicas(&service, 1e6, 1.0, &Settings::default(), 20_000, limit), None);
    }
}
