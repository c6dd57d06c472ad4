//! Instance types beside each other: what the same demand costs on each, and where one becomes cheaper than another.

use serde::{Deserialize, Serialize};

use super::unit::per_million;
use crate::capacity::Capacity;
use crate::demand::Demand;
use crate::figures::{figure, percent};
use crate::headroom::{Facts, Headroom, Settings};
use crate::prices::Instance;

/// Demands at which the cheapest type is looked for: from a tenth of today's to ten times it.
const STEPS: i32 = 200;

/// A type that the demand could be put on.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// What one replica carries on it.
    pub capacity: &'a Capacity,
    /// What it costs.
    pub instance: &'a Instance,
}

/// A type beside the others. Costs are on demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The type.
    pub instance: String,
    /// Certified load of a replica, per second.
    pub capacity: f64,
    /// 99th percentile of latency at it, seconds, where it was measured.
    pub latency_p99: Option<f64>,
    /// Replicas of the plan on this type, headroom and all.
    pub replicas: u32,
    /// Machines.
    pub machines: u32,
    /// All of them for an hour.
    pub per_hour: f64,
    /// A million inferences at capacity.
    pub per_million: f64,
    /// Whether no other type is both cheaper and faster, or as good in one and better in the other; false where its
    /// latency is not known.
    pub pareto: bool,
}

/// A range of demands in which one type is the cheapest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cheapest {
    /// From this peak on, per second.
    pub from: f64,
    /// Up to this one.
    pub to: f64,
    /// The type.
    pub instance: String,
}

/// Compares types: a row for each, the ranges of demand in which each is the cheapest, and larger against smaller in words.
pub fn compare(
    candidates: &[Candidate<'_>],
    demand: &Demand,
    settings: &Settings,
) -> (Vec<Comparison>, Vec<Cheapest>, Vec<String>) {
    let mut rows: Vec<Comparison> =
        candidates.iter().map(|candidate| row(candidate, demand, settings)).collect();
    let points: Vec<(f64, Option<f64>)> = rows.iter().map(|row| (row.per_hour, row.latency_p99)).collect();
    for (row, own) in rows.iter_mut().zip(&points) {
        row.pareto = own.1.is_some() && !points.iter().any(|other| beats(*other, *own));
    }
    (rows, cheapest(candidates, demand, settings), sizes(candidates, demand, settings))
}

fn row(candidate: &Candidate<'_>, demand: &Demand, settings: &Settings) -> Comparison {
    let Candidate { capacity, instance } = candidate;
    let replicas = Headroom::of(capacity, demand, settings).replicas;
    let machines = instance.machines(replicas);
    Comparison {
        instance: instance.name.clone(),
        capacity: capacity.low,
        latency_p99: capacity.measured.and_then(|measured| measured.latency_p99),
        replicas,
        machines,
        per_hour: f64::from(machines) * instance.on_demand,
        per_million: per_million(instance.per_replica(), capacity.low),
        pareto: false,
    }
}

/// Whether a (cost, latency) is better in one and no worse in the other. One without latency cannot be compared by it.
fn beats(other: (f64, Option<f64>), own: (f64, Option<f64>)) -> bool {
    let (Some(theirs), Some(ours)) = (other.1, own.1) else { return false };
    other.0 <= own.0 && theirs <= ours && (other.0 < own.0 || theirs < ours)
}

/// What a type costs for a peak of `rate`, per hour. A trace has told how bursty it is; at other rates the same is supposed.
fn cost(candidate: &Candidate<'_>, facts: &Facts, rate: f64, demand: &Demand, settings: &Settings) -> f64 {
    let facts = Facts { peak: rate, ..facts.clone() };
    let replicas = Headroom::replicas_at(&facts, candidate.capacity, demand, settings);
    f64::from(candidate.instance.machines(replicas)) * candidate.instance.on_demand
}

fn cheapest(candidates: &[Candidate<'_>], demand: &Demand, settings: &Settings) -> Vec<Cheapest> {
    if candidates.len() < 2 {
        return Vec::new();
    }
    let peak = demand.peak_rate(settings.peak_quantile);
    let known: Vec<_> =
        candidates.iter().map(|each| (each, Facts::of(each.capacity, demand, settings))).collect();
    let mut ranges: Vec<Cheapest> = Vec::new();
    for step in -STEPS..=STEPS {
        let rate = peak * 10_f64.powf(f64::from(step) / f64::from(STEPS));
        let costs = known.iter().map(|(each, facts)| (cost(each, facts, rate, demand, settings), *each));
        let Some((_, best)) = costs.min_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        match ranges.last_mut().filter(|last| last.instance == best.instance.name) {
            Some(last) => last.to = rate,
            None => ranges.push(Cheapest { from: rate, to: rate, instance: best.instance.name.clone() }),
        }
    }
    ranges
}

/// Larger types against more of a smaller one, in words.
fn sizes(candidates: &[Candidate<'_>], demand: &Demand, settings: &Settings) -> Vec<String> {
    let mut by_price: Vec<&Candidate<'_>> = candidates.iter().collect();
    by_price.sort_by(|a, b| a.instance.on_demand.total_cmp(&b.instance.on_demand));
    let words = |pair: &[&Candidate<'_>]| {
        let [small, large] = pair else { return None };
        let carried = |each: &Candidate<'_>| each.capacity.low * f64::from(each.instance.replicas);
        let (price, load) =
            (large.instance.on_demand / small.instance.on_demand, carried(large) / carried(small));
        let rows = [small, large].map(|each| row(each, demand, settings));
        let [few, many] = [&rows[1], &rows[0]];
        let verdict = if few.per_hour < many.per_hour { "vertical" } else { "horizontal" };
        let least = few.per_hour.min(many.per_hour);
        Some(format!(
            "{} carries {} times what {} does for {} times its price; for this demand {} x {} or {} x {}: {verdict} is {} \
             cheaper",
            large.instance.name,
            figure(load),
            small.instance.name,
            figure(price),
            few.machines,
            large.instance.name,
            many.machines,
            small.instance.name,
            percent(1.0 - least / few.per_hour.max(many.per_hour))
        ))
    };
    by_price.windows(2).filter_map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{certified, instance};

    #[test]
    fn the_cheapest_type_changes_with_the_demand() {
        let (small, large) = (certified(10.0, 10.5), certified(48.0, 50.0));
        let (cheap, dear) = (instance("small", 1.0), instance("large", 4.0));
        let candidates = [
            Candidate { capacity: &small, instance: &cheap },
            Candidate { capacity: &large, instance: &dear },
        ];
        let demand = Demand { cv: Some(1.0), ..Demand::peak(100.0) };
        let (rows, ranges, words) = compare(&candidates, &demand, &Settings::default());
        assert_eq!(rows.iter().map(|row| row.replicas).collect::<Vec<_>>(), [11, 4]);
        assert!(rows[0].pareto && !rows[1].pareto, "the same latency for more money: {rows:?}");
        assert_eq!(ranges.first().unwrap().instance, "small", "one machine more is dear where there are few");
        assert_eq!(ranges.last().unwrap().instance, "large", "per request it is cheaper");
        assert_eq!(
            words,
            [
                "large carries 4.8 times what small does for 4 times its price; for this demand 4 x large or 11 x small: \
              horizontal is 31.25 % cheaper"
            ]
        );
    }

    #[test]
    fn faster_for_more_money_is_worth_a_look() {
        let small = certified(10.0, 10.5);
        let mut fast = certified(10.0, 10.5);
        fast.measured.as_mut().unwrap().latency_p99 = Some(0.05);
        let (cheap, dear) = (instance("small", 1.0), instance("fast", 4.0));
        let candidates = [
            Candidate { capacity: &small, instance: &cheap },
            Candidate { capacity: &fast, instance: &dear },
        ];
        let (rows, ..) = compare(&candidates, &Demand::peak(100.0), &Settings::default());
        assert!(rows.iter().all(|row| row.pareto), "{rows:?}");
    }
}
