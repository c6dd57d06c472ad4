//! Laws over traffic: by hand, beside what they are compared with, and beside the same fleet request by request.

use plimsoll_core::seed::Seed;

use super::*;
use crate::autoscale::hpa::HpaSpec;
use crate::autoscale::keda::{Fallback, FallbackBehavior, KedaSpec, Trigger};
use crate::autoscale::{Metric, Signal, Source, Target};
use crate::demand::Counts;

/// 10 requests/s within the objectives, 12 at most, a second each.
fn replica() -> Replica {
    Replica { rate: 10.0, saturation: 12.0, share: 0.99, cv: 1.0, in_flight: 10.0, assumptions: Vec::new() }
}

pub(super) fn scene(cold_start: f64) -> Scene {
    Scene { replays: 1, price: Some(2.0), ..Scene::new(replica(), Start::constant(0.0, cold_start), 0.99) }
}

/// The usual autoscaler: as many requests in flight as 70 % of the capacity makes.
pub(super) fn hpa(min: u32, max: u32) -> Law {
    let metric =
        Metric { signal: Signal::InFlight, source: Source::Gateway, target: Target::AverageValue(7.0) };
    Law::Hpa(HpaSpec::new(min, max, vec![metric]))
}

/// Rates of a day in minutes, with hardly anything at night.
pub(super) fn day(mean: f64) -> Vec<f64> {
    let rate = |minute: u32| mean * (1.0 - 0.9 * (f64::from(minute) / 1440.0 * std::f64::consts::TAU).cos());
    (0..1440).map(rate).collect()
}

pub(super) fn step(before: f64, after: f64) -> Traffic {
    let rates = [vec![before; 20], vec![after; 40]].concat();
    Traffic::of_rates(rates, 60.0, 1.0, 1.0)
}

#[test]
fn a_gentle_day_is_kept_for_less_than_a_constant_fleet_costs() {
    let proof = prove(&hpa(2, 100), &Traffic::of_rates(day(100.0), 60.0, 1.0, 1.0), &scene(60.0));
    assert!(proof.kept, "{:?}", proof.misses);
    let (ours, constant, best) = (proof.figures, proof.static_peak.figures, proof.oracle.figures);
    assert!(proof.static_peak.kept && proof.oracle.kept);
    assert!(ours.replica_hours < 0.95 * constant.replica_hours, "{ours:?} {constant:?}");
    assert!(best.replica_hours < ours.replica_hours, "{best:?} {ours:?}");
    assert_eq!(ours.cost, Some(2.0 * ours.replica_hours));
    assert_eq!(proof.minutes.len(), 1440);
    let requests: f64 = proof.minutes.iter().map(|minute| minute.rate * 60.0).sum();
    assert!((requests - ours.requests).abs() < 1e-3);
}

#[test]
fn a_step_is_missed_for_as_long_as_replicas_load() {
    let proof = prove(&hpa(2, 100), &step(20.0, 100.0), &scene(120.0));
    assert!(!proof.kept);
    let first = proof.misses.first().unwrap();
    assert_eq!((first.from, first.cause), (20, Cause::Loading), "{:?}", proof.misses);
    assert!(first.to < 26, "{first:?}");
    assert!(proof.oracle.kept, "who knows of the step begins in time");
}

#[test]
fn causes_are_told_apart() {
    let machines = Scene { start: Start::constant(150.0, 10.0), ..scene(0.0) };
    let stuck = Scene { scrape: 290.0, ..scene(5.0) };
    for (what, law, traffic, scene, cause) in [
        ("no machines", hpa(2, 100), step(20.0, 100.0), machines, Cause::Machines),
        ("too few allowed", hpa(2, 5), step(20.0, 100.0), scene(60.0), Cause::Limit),
        ("old figures", hpa(2, 100), step(20.0, 100.0), stuck, Cause::Late),
        ("none", Law::Static { replicas: 0 }, step(20.0, 100.0), scene(60.0), Cause::NoReplica),
    ] {
        let proof = prove(&law, &traffic, &scene);
        let most = proof.misses.iter().max_by(|a, b| a.requests.total_cmp(&b.requests)).unwrap();
        assert_eq!(most.cause, cause, "{what}: {:?}", proof.misses);
    }
    // Up, a dip that is longer than the window, and up again.
    let rates = [vec![100.0; 20], vec![20.0; 8], vec![100.0; 20]].concat();
    let proof = prove(&hpa(2, 100), &Traffic::of_rates(rates, 60.0, 1.0, 1.0), &scene(90.0));
    let causes: Vec<Cause> = proof.misses.iter().map(|miss| miss.cause).collect();
    assert!(proof.misses.iter().any(|miss| miss.from == 28), "{:?}", proof.misses);
    assert!(causes.contains(&Cause::Loading) || causes.contains(&Cause::ScaledDown), "{causes:?}");
}

#[test]
fn a_fallback_carries_a_fleet_through_an_outage_of_its_metrics() {
    let traffic = step(40.0, 100.0);
    // From ten minutes before the step on, until it has lasted for eight.
    let out = Scene { outage: Some(Outage { from: 600.0, to: 1680.0 }), ..scene(60.0) };
    let Law::Hpa(HpaSpec { metrics, .. }) = hpa(2, 100) else { unreachable!() };
    let trigger = Trigger { metric: metrics[0], activation: 0.0, ignore_null: false };
    let keda = |fallback| Law::Keda(KedaSpec { fallback, ..KedaSpec::new(2, 100, vec![trigger]) });
    let fallback = Fallback { failures: 3, replicas: 15, behavior: FallbackBehavior::Static };
    let [without, with] = [keda(None), keda(Some(fallback))].map(|law| prove(&law, &traffic, &out));
    assert!(!without.kept && without.figures.attainment < 0.9, "it holds what it had: {:?}", without.figures);
    assert!(with.figures.attainment > 0.999, "{:?}", with.misses);
    let held = prove(&hpa(2, 100), &traffic, &out);
    assert!(
        held.figures.attainment < 0.9,
        "the autoscaler of Kubernetes has no fallback: {:?}",
        held.figures
    );

    let before =
        |seconds| Outage::before_the_peak(&Traffic::of_rates([1.0, 2.0, 9.0, 3.0], 60.0, 1.0, 1.0), seconds);
    assert_eq!(before(90.0), Outage { from: 90.0, to: 180.0 });
    assert_eq!(before(200.0), Outage { from: 0.0, to: 200.0 }, "as long as was asked for");
}

#[test]
fn a_search_proposes_what_keeps_the_step() {
    let (law, traffic, scene) = (hpa(2, 100), step(40.0, 100.0), scene(60.0));
    let before = prove(&law, &traffic, &scene);
    let proposal = improve(&law, &traffic, &scene).unwrap();
    assert!(!before.kept && proposal.kept, "{proposal:?}");
    assert!(!proposal.changes.is_empty());
    assert!(prove(&proposal.law, &traffic, &scene).kept);
    assert_eq!(improve(&law, &traffic, &scene), Some(proposal), "the same each time");
}

#[test]
fn a_search_saves_where_there_is_too_much() {
    // A day in six hours.
    let traffic = Traffic::of_rates(day(100.0).into_iter().step_by(4), 60.0, 1.0, 1.0);
    let generous = hpa(2, 100).with_targets(0.5);
    let proposal = improve(&generous, &traffic, &scene(30.0)).unwrap();
    let before = prove(&generous, &traffic, &scene(30.0));
    assert!(
        proposal.kept && proposal.figures.replica_hours < 0.8 * before.figures.replica_hours,
        "{proposal:?}"
    );
}

#[test]
fn exact_counts_of_a_trace_are_played_as_they_are() {
    let counts = Counts { source: String::new(), bin: 1.0, counts: vec![3.0, 0.0, 7.0], scale: 1.0 };
    let traffic = Traffic::of(&counts, 1.0, 1.0);
    assert_eq!(traffic.arrivals(Seed(1), 0).collect::<Vec<_>>(), [3, 0, 7]);
    let twice =
        Traffic::of(&Counts { scale: 100.0, counts: vec![300.0, 0.0, 700.0], ..counts.clone() }, 1.0, 1.0);
    assert_ne!(
        twice.arrivals(Seed(1), 0).collect::<Vec<_>>(),
        twice.arrivals(Seed(1), 1).collect::<Vec<_>>()
    );
    let finer = Traffic::of(&Counts { bin: 4.0, ..counts }, 1.0, 1.0);
    assert_eq!(finer.rates().collect::<Vec<_>>().len(), 12);
    assert_eq!((finer.peak(4.0), finer.seconds()), (1.75, 12.0));
}

/// 100 demands drawn at random, each with an autoscaler from a search: as many as promised must keep their goal when
/// the same demand comes with other arrivals.
#[test]
fn searched_laws_keep_their_goal_with_other_arrivals() {
    use rand::RngExt as _;
    let (mut kept, mut proposed, mut over) = (0, 0, Vec::new());
    for number in 0..100 {
        let mut rng = Seed(7).keyed("demands", number);
        let mean = 10.0_f64.powf(rng.random_range(1.0..1.35));
        let swing = rng.random_range(0.0..0.8);
        let burst = rng.random_range(1.0..1.6);
        let burst_at = rng.random_range(20..100);
        let rate = |minute: i32| {
            let wave = 1.0 + swing * (f64::from(minute) / 120.0 * std::f64::consts::TAU).sin();
            let in_burst = (minute - burst_at).abs() < 6;
            mean * wave * if in_burst { burst } else { 1.0 }
        };
        let traffic = Traffic::of_rates((0..120).map(rate), 60.0, 1.0, rng.random_range(1.0..2.0));
        let start = Start { loading_cv: 0.2, ..Start::constant(0.0, rng.random_range(20.0..180.0)) };
        let seen = Scene { seed: Seed(number), replays: 2, ..Scene::new(replica(), start, 0.99) };
        let law = improve(&hpa(2, 200), &traffic, &seen).map_or(hpa(2, 200), |proposal| {
            proposed += u32::from(proposal.kept);
            proposal.law
        });
        let unseen = Scene { seed: Seed(1_000 + number), replays: 1, ..seen };
        let proof = prove(&law, &traffic, &unseen);
        kept += u32::from(proof.kept);
        over.extend(proof.over_oracle);
    }
    over.sort_by(f64::total_cmp);
    println!("kept {kept}, proposals that keep {proposed}, over the oracle: median {:.2}", over[50]);
    assert!(kept >= 95, "{kept} of 100");
    assert!(over[50] < 1.0, "twice what the oracle needs: {}", over[50]);
}
