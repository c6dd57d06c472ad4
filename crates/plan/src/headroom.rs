//! How many replicas, and why: what always holds makes each of them carry less, what may happen takes some of them away.

mod events;
mod interval;
mod lag;
mod load;
mod seconds;

use plimsoll_core::seed::Seed;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::capacity::Capacity;
use crate::demand::Demand;

pub use interval::Confidence;
pub use lag::Lag;
pub use load::{Split, replica_capacity};
pub use seconds::Seconds;

/// What a fleet must bear beside its traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Replicas that may fail at the same time.
    pub failures: u32,
    /// Zones over which the replicas are spread evenly, one of which may be lost; `null` where there are none.
    pub zones: Option<u32>,
    /// How requests are spread over the replicas.
    pub split: Split,
    /// Replicas that a rollout takes away at a time (Kubernetes' `maxUnavailable`).
    pub max_unavailable: Portion,
    /// Replicas that a rollout puts on top (Kubernetes' `maxSurge`).
    pub max_surge: Portion,
    /// Seconds from the order for a replica to the start of its process: a node, its pod, its image.
    pub provisioning: f64,
    /// Seconds from one start of a replica to the next, over which its drift counts; `null` where nobody said.
    pub restart_every: Option<f64>,
    /// The share of a trace's minutes whose rate must be carried.
    pub peak_quantile: f64,
    /// The probability with which the fleet is to suffice.
    pub confidence: f64,
    /// The seed of all that is drawn.
    pub seed: Seed,
}

/// A number of replicas, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Portion {
    /// So many.
    Count(u32),
    /// Such a share, 0 to 1.
    Share(f64),
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            failures: 1,
            zones: None,
            split: Split::Random,
            max_unavailable: Portion::Count(0),
            max_surge: Portion::Count(1),
            provisioning: 0.0,
            restart_every: None,
            peak_quantile: 0.99,
            confidence: 0.95,
            seed: Seed(1),
        }
    }
}

/// Why replicas are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The traffic itself.
    Traffic,
    /// The traffic grows until the plan is to hold.
    Growth,
    /// The capacity is an interval, and its lower end counts.
    Measurement,
    /// Replicas get slower the longer they run.
    Soak,
    /// Arrivals are burstier than those of the measurement.
    Burstiness,
    /// Seconds of a trace bring more than its minutes, and a queue does not absorb it.
    Seconds,
    /// More comes than was foreseen.
    Forecast,
    /// The traffic rises while a new replica starts.
    Ramp,
    /// Replicas fail.
    Failure,
    /// A zone is lost.
    Zone,
    /// A new version is rolled out.
    Rollout,
}

impl Cause {
    /// In words, after "bound by".
    pub fn words(self) -> &'static str {
        match self {
            Cause::Traffic => "the traffic itself",
            Cause::Growth => "growth",
            Cause::Measurement => "the measurement interval of the capacity",
            Cause::Soak => "soak derating",
            Cause::Burstiness => "burstiness",
            Cause::Seconds => "bursts of seconds",
            Cause::Forecast => "forecast error",
            Cause::Ramp => "ramp x scale-up lag",
            Cause::Failure => "failure of replicas",
            Cause::Zone => "zone loss",
            Cause::Rollout => "rollout",
        }
    }
}

/// What a number rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// It was measured.
    Measured,
    /// The user said it.
    Given,
    /// A formula takes it beyond what was measured.
    Extrapolated,
    /// Nobody said it, so a usual value is taken.
    Assumed,
    /// Nobody knows, so it does not count.
    Unknown,
}

/// One reason for replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The reason.
    pub cause: Cause,
    /// The formula in symbols.
    pub formula: String,
    /// The same with its numbers, or why it does not count.
    pub numbers: String,
    /// Replicas that it asks for: of a condition together with all conditions before it, of an event alone on top of
    /// all conditions.
    pub replicas: u32,
    /// What it rests on.
    pub basis: Basis,
}

/// How many replicas, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// The peak that is planned for, requests per second.
    pub peak: f64,
    /// What one of the replicas carries of it under all conditions, requests per second.
    pub per_replica: f64,
    /// The share of a replica's capacity that drift leaves.
    pub left_by_drift: f64,
    /// Replicas that today's traffic takes by itself: the bare quotient.
    pub bare: u32,
    /// What the seconds of a trace ask for; `null` without one.
    pub seconds: Option<Seconds>,
    /// Replicas that the peak takes while nothing happens: with all conditions, without events.
    pub calm: u32,
    /// Replicas of the plan: what the worst single event leaves is `calm`.
    pub replicas: u32,
    /// The event or condition that decides.
    pub bound_by: Cause,
    /// What always holds, one after the other.
    pub conditions: Vec<Line>,
    /// What may happen, one at a time.
    pub events: Vec<Line>,
    /// How late a new replica comes, where its cold start is known.
    pub lag: Option<Lag>,
    /// The share of the fleet that must be free so that the traffic's steepest rise does not overtake a replica that
    /// starts; `null` where either is not known.
    pub free_for_ramp: Option<f64>,
    /// Replicas beyond the plan while a rollout is on.
    pub surge: u32,
    /// How sure the number is.
    pub confidence: Confidence,
}

impl Headroom {
    /// The replicas alone, without reasons and without what is drawn.
    pub(crate) fn replicas_at(
        facts: &Facts,
        capacity: &Capacity,
        demand: &Demand,
        settings: &Settings,
    ) -> u32 {
        let events = events::events(demand, settings, facts, capacity.low);
        events.iter().map(|line| line.replicas).fold(facts.calm(facts.peak, capacity.low), u32::max)
    }

    /// How many replicas of this capacity the demand takes.
    pub fn of(capacity: &Capacity, demand: &Demand, settings: &Settings) -> Headroom {
        let facts = Facts::of(capacity, demand, settings);
        let conditions = load::conditions(capacity, demand, settings, &facts);
        let calm = facts.calm(facts.peak, capacity.low);
        let events = events::events(demand, settings, &facts, capacity.low);
        let worst = events.iter().max_by_key(|line| (line.replicas, std::cmp::Reverse(line.cause as u8)));
        let replicas = worst.map_or(calm, |line| line.replicas.max(calm));
        let bound_by = match worst {
            Some(line) if line.replicas > calm => line.cause,
            _ => condition_that_binds(&conditions),
        };
        Headroom {
            peak: facts.peak,
            per_replica: facts.per_replica(calm, capacity.low),
            left_by_drift: facts.left,
            seconds: facts.seconds,
            bare: quotient(demand.peak_today(settings.peak_quantile), capacity.middle()),
            calm,
            replicas,
            bound_by,
            conditions,
            events,
            lag: facts.lag,
            free_for_ramp: events::free_for_ramp(demand, &facts),
            surge: settings.max_surge.of_up(replicas),
            confidence: Confidence::of(capacity, demand, settings, &facts, replicas),
        }
    }
}

/// The condition that adds most replicas.
fn condition_that_binds(conditions: &[Line]) -> Cause {
    let added = conditions.windows(2).map(|pair| (pair[1].replicas - pair[0].replicas, pair[1].cause));
    added
        .filter(|(added, _)| *added > 0)
        .max_by_key(|(added, _)| *added)
        .map_or(Cause::Traffic, |(_, cause)| cause)
}

/// What all formulas begin with.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The peak, per second.
    pub(crate) peak: f64,
    /// The share of a capacity that drift leaves.
    pub(crate) left: f64,
    /// Squared coefficient of variation of the arrivals at the door, as given; nothing where nobody said. A trace's own is
    /// in `seconds`: what lasts for a second and longer is counted there, and not a second time.
    pub(crate) scv: Option<f64>,
    /// How bursts cost capacity.
    pub(crate) bursts: Option<load::Bursts>,
    /// What seconds ask for; nothing without a trace.
    pub(crate) seconds: Option<Seconds>,
    pub(crate) split: Split,
    pub(crate) lag: Option<Lag>,
}

impl Facts {
    pub(crate) fn of(capacity: &Capacity, demand: &Demand, settings: &Settings) -> Facts {
        Facts {
            peak: demand.peak_rate(settings.peak_quantile),
            seconds: Seconds::of(capacity, demand, settings),
            left: load::left_by_drift(capacity, settings),
            scv: demand.cv.map(|cv| cv * cv),
            bursts: load::Bursts::of(capacity),
            split: settings.split,
            lag: Lag::of(capacity, settings),
        }
    }

    /// What each of `replicas` carries, if one alone carries `rate` in the measurement.
    pub(crate) fn per_replica(&self, replicas: u32, rate: f64) -> f64 {
        let kept = match (self.scv, &self.bursts) {
            (Some(scv), Some(bursts)) => bursts.kept(self.split.at_replica(scv, replicas)),
            _ => 1.0,
        };
        rate * self.left * kept
    }

    /// The least replicas that carry `rate` while nothing happens, if one alone carries `capacity`.
    pub(crate) fn calm(&self, rate: f64, capacity: f64) -> u32 {
        self.spread_out(rate * self.seconds.map_or(1.0, |seconds| seconds.over_peak.max(1.0)), capacity)
    }

    /// The same without what the seconds of a trace ask for.
    fn spread_out(&self, rate: f64, capacity: f64) -> u32 {
        // More replicas each see smoother arrivals, so what they carry together only grows.
        least(|replicas| f64::from(replicas) * self.per_replica(replicas, capacity) >= rate * (1.0 - 1e-9))
    }
}

/// The least number, 1 or more, for which something holds that holds for all greater ones too.
pub(crate) fn least(holds: impl Fn(u32) -> bool) -> u32 {
    let mut high = 1_u32;
    while !holds(high) && high < MOST {
        high = (high * 2).min(MOST);
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

/// More replicas than anybody has.
pub(crate) const MOST: u32 = 10_000_000;

/// `ceil(rate / capacity)`, 1 at least; a quotient that is whole but for rounding stays.
pub(crate) fn quotient(rate: f64, capacity: f64) -> u32 {
    ((rate / capacity - 1e-9).ceil() as u32).max(1)
}

/// The quantile of the standard normal distribution.
pub(crate) fn normal(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

impl Portion {
    /// Of `replicas`, rounded down, as Kubernetes rounds `maxUnavailable`.
    pub fn of_down(self, replicas: u32) -> u32 {
        match self {
            Portion::Count(count) => count,
            Portion::Share(share) => (f64::from(replicas) * share + 1e-9).floor() as u32,
        }
    }

    /// Of `replicas`, rounded up, as Kubernetes rounds `maxSurge`.
    pub fn of_up(self, replicas: u32) -> u32 {
        match self {
            Portion::Count(count) => count,
            Portion::Share(share) => (f64::from(replicas) * share - 1e-9).ceil() as u32,
        }
    }
}

#[cfg(test)]
mod tests;
