//! Fleets by hand, and what must hold whatever happens to them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use proptest::prelude::*;

use super::{Delay, Fleet, FleetOptions, Gateway, Router, Stage};
use crate::batch::{Accelerator, Batch, BatchOptions, Batching, Cost};
use crate::conditions::{ConditionOptions, Conditions, WarmUp};
use crate::engine::{Ask, Emission, Engine, Event, Failure, JobId, Phase, Refused};
use crate::llm::Llm;
use crate::presets;
use crate::spread::Spread;

const MS: Duration = Duration::from_millis(1);

/// A server that takes 10 ms for each request, one at a time.
fn ten_ms() -> BatchOptions {
    BatchOptions {
        batching: Batching::Off,
        instances: NonZeroU32::MIN,
        cost: Cost { per_batch: 10 * MS, per_item: Duration::ZERO, spread: Spread::CONSTANT },
        queue: None,
        queue_timeout: None,
        accelerator: Accelerator::default(),
        seed: Seed(0),
    }
}

/// Such servers; a machine comes after 20 ms, loading takes 30 ms.
fn options(replicas: u32, router: Router) -> FleetOptions {
    FleetOptions {
        replica: Engine::Batch(Batch::new(ten_ms())),
        replicas,
        router,
        gateway: None,
        provisioning: Delay { mean: 20 * MS, spread: Spread::CONSTANT },
        loading: Delay { mean: 30 * MS, spread: Spread::CONSTANT },
        drain_limit: None,
        seed: Seed(0),
    }
}

fn gateway(per_replica: u32, queue: Option<u32>, timeout_ms: Option<u32>) -> Option<Gateway> {
    Some(Gateway { per_replica: NonZeroU32::new(per_replica), queue, timeout: timeout_ms.map(|ms| ms * MS) })
}

fn at(ms: u64) -> Offset {
    Offset::from_nanos(ms * 1_000_000)
}

fn ask() -> Ask {
    Ask { prompt_tokens: 0, output_tokens: 0, items: 1, prefix: Arc::default() }
}

/// Advances to `ms` and lets a request arrive.
fn arrive(fleet: &mut Fleet, out: &mut Vec<Emission>, ms: u64, job: u64) -> Result<(), Refused> {
    fleet.advance(at(ms), out);
    fleet.arrive(at(ms), JobId(job), &ask())
}

/// How each request ended, with the moment in ms.
fn ends(out: &[Emission]) -> Vec<(u64, u64, Event)> {
    let ended = |emission: &&Emission| matches!(emission.event, Event::Finished | Event::Failed(_));
    let end = |emission: &Emission| (emission.at.as_nanos() / 1_000_000, emission.job.0, emission.event);
    out.iter().filter(ended).map(end).collect()
}

fn stages(fleet: &Fleet, ms: u64) -> Vec<Stage> {
    fleet.state(at(ms)).replicas.iter().map(|replica| replica.stage).collect()
}

#[test]
fn a_new_replica_is_provisioned_loads_and_then_takes_requests() {
    let mut fleet = Fleet::new(options(0, Router::RoundRobin));
    let mut out = Vec::new();
    assert_eq!(arrive(&mut fleet, &mut out, 0, 0), Err(Refused::Down));
    fleet.scale(at(0), 1);
    assert_eq!(arrive(&mut fleet, &mut out, 10, 0), Err(Refused::Loading(at(50))));
    assert_eq!(stages(&fleet, 10), [Stage::Scheduled(at(20))]);
    fleet.advance(at(20), &mut out);
    assert_eq!(stages(&fleet, 20), [Stage::Loading(at(50))]);
    assert_eq!(arrive(&mut fleet, &mut out, 49, 0), Err(Refused::Loading(at(50))));
    assert_eq!(arrive(&mut fleet, &mut out, 50, 0), Ok(()));
    fleet.advance(Offset::MAX, &mut out);
    assert_eq!(ends(&out), [(60, 0, Event::Finished)]);
    assert_eq!(fleet.state(at(100)).machine_time, 80 * MS, "paid from the machine on");
}

#[test]
fn a_draining_replica_finishes_what_it_has_and_takes_no_more() {
    let mut fleet = Fleet::new(options(2, Router::RoundRobin));
    let mut out = Vec::new();
    for job in 0..4 {
        arrive(&mut fleet, &mut out, 0, job).unwrap();
    }
    fleet.scale(at(5), 1);
    assert_eq!(stages(&fleet, 5), [Stage::Ready, Stage::Draining(None)]);
    arrive(&mut fleet, &mut out, 5, 4).unwrap();
    assert_eq!(fleet.replica_of(JobId(4)), Some(0));
    fleet.advance(Offset::MAX, &mut out);
    let finished = |ms, job| (ms, job, Event::Finished);
    assert_eq!(
        ends(&out),
        [finished(10, 0), finished(10, 1), finished(20, 2), finished(20, 3), finished(30, 4)]
    );
    assert_eq!(stages(&fleet, 30), [Stage::Ready, Stage::Gone]);
    assert_eq!(fleet.state(at(30)).machine_time, 50 * MS);
    assert_eq!(fleet.state(at(30)).total.items, 5, "what the replica did is not forgotten");
}

#[test]
fn the_drain_limit_ends_what_is_left() {
    let limited = FleetOptions { drain_limit: Some(12 * MS), ..options(1, Router::RoundRobin) };
    let mut fleet = Fleet::new(limited);
    let mut out = Vec::new();
    for job in 0..3 {
        arrive(&mut fleet, &mut out, 0, job).unwrap();
    }
    fleet.scale(at(0), 0);
    fleet.advance(Offset::MAX, &mut out);
    let crashed = Event::Failed(Failure::Crashed);
    assert_eq!(ends(&out), [(10, 0, Event::Finished), (12, 1, crashed), (12, 2, crashed)]);
    assert_eq!(stages(&fleet, 12), [Stage::Gone]);
}

#[test]
fn scaling_down_takes_those_first_that_are_not_ready_and_then_the_youngest() {
    let mut fleet = Fleet::new(options(3, Router::RoundRobin));
    let mut out = Vec::new();
    arrive(&mut fleet, &mut out, 0, 0).unwrap();
    fleet.scale(at(0), 5);
    fleet.scale(at(1), 2);
    let gone = Stage::Gone;
    assert_eq!(stages(&fleet, 1), [Stage::Ready, Stage::Ready, gone, gone, gone]);
    fleet.scale(at(1), 2);
    assert_eq!(fleet.state(at(1)).ready(), 2, "asking again changes nothing");
    fleet.scale(at(1), 3);
    fleet.advance(at(100), &mut out);
    assert_eq!(fleet.state(at(100)).ready(), 3);
    assert_eq!(fleet.state(at(100)).replicas.len(), 6);
}

#[test]
fn a_crash_fails_what_the_replica_has_and_it_loads_again() {
    let mut fleet = Fleet::new(options(2, Router::RoundRobin));
    let mut out = Vec::new();
    for job in 0..4 {
        arrive(&mut fleet, &mut out, 0, job).unwrap();
    }
    fleet.advance(at(5), &mut out);
    fleet.crash(at(5), 0);
    assert_eq!(stages(&fleet, 5), [Stage::Loading(at(35)), Stage::Ready]);
    fleet.advance(at(35), &mut out);
    let crashed = Event::Failed(Failure::Crashed);
    assert_eq!(
        ends(&out),
        [(5, 0, crashed), (5, 2, crashed), (10, 1, Event::Finished), (20, 3, Event::Finished)]
    );
    assert_eq!(fleet.state(at(35)).ready(), 2);
    assert_eq!(fleet.state(at(35)).total.busy, 25 * MS, "5 ms before the crash, 20 ms beside it");
}

#[test]
fn the_gateway_holds_back_what_replicas_have_no_room_for() {
    let held = FleetOptions { gateway: gateway(1, Some(2), Some(15)), ..options(2, Router::LeastInFlight) };
    let mut fleet = Fleet::new(held);
    let mut out = Vec::new();
    for job in 0..4 {
        arrive(&mut fleet, &mut out, 0, job).unwrap();
    }
    assert_eq!(fleet.state(at(0)).gateway, 2);
    assert_eq!(arrive(&mut fleet, &mut out, 1, 4), Err(Refused::QueueFull));
    fleet.cancel(at(2), JobId(2)); // leaves the gateway
    arrive(&mut fleet, &mut out, 2, 5).unwrap();
    fleet.cancel(at(3), JobId(0)); // its batch goes on, its place is free
    assert_eq!(fleet.replica_of(JobId(3)), Some(0));
    arrive(&mut fleet, &mut out, 4, 6).unwrap();
    fleet.advance(Offset::MAX, &mut out);
    // 5 goes to replica 1 when 1 is done; 6 waits until 19 ms for 3 to be done at 20.
    let (finished, late) = (Event::Finished, Event::Failed(Failure::TimedOut));
    assert_eq!(ends(&out), [(10, 1, finished), (19, 6, late), (20, 3, finished), (20, 5, finished)]);
}

#[test]
fn the_gateway_keeps_requests_until_the_first_replica_is_there() {
    let patient = Some(Gateway { per_replica: None, queue: None, timeout: None });
    let mut fleet = Fleet::new(FleetOptions { gateway: patient, ..options(0, Router::PowerOfTwo) });
    let mut out = Vec::new();
    arrive(&mut fleet, &mut out, 0, 0).unwrap();
    assert_eq!((fleet.state(at(0)).total.phase, fleet.next_event()), (Phase::Down, None));
    fleet.scale(at(0), 1);
    assert_eq!(fleet.state(at(0)).total.phase, Phase::Loading(at(50)));
    fleet.advance(Offset::MAX, &mut out);
    assert_eq!(ends(&out), [(60, 0, Event::Finished)]);
}

#[test]
fn what_a_replica_refuses_fails_if_it_came_through_the_gateway() {
    let patient = Some(Gateway { per_replica: None, queue: None, timeout: None });
    let narrow = Engine::Batch(Batch::new(BatchOptions { queue: Some(NonZeroU32::MIN), ..ten_ms() }));
    let narrow = FleetOptions { replica: narrow, gateway: patient, ..options(0, Router::RoundRobin) };
    let mut fleet = Fleet::new(narrow);
    let mut out = Vec::new();
    for job in 0..3 {
        arrive(&mut fleet, &mut out, 0, job).unwrap();
    }
    fleet.scale(at(0), 1);
    fleet.advance(at(50), &mut out);
    assert_eq!(ends(&out), [(50, 2, Event::Failed(Failure::Refused(Refused::QueueFull)))]);
    assert_eq!(
        arrive(&mut fleet, &mut out, 51, 3),
        Err(Refused::QueueFull),
        "sent on at once, it is refused at once"
    );
}

#[test]
fn a_warm_up_follows_each_start_within_the_run() {
    let cold = WarmUp { time: Duration::ZERO, steps: 1, factor: 3.0 };
    let conditions = ConditionOptions { warm_up: Some(cold), ..ConditionOptions::default() };
    let replica = Engine::Batch(Batch::under(ten_ms(), Conditions::new(conditions).unwrap()));
    let mut fleet = Fleet::new(FleetOptions { replica, ..options(1, Router::RoundRobin) });
    let mut out = Vec::new();
    fleet.scale(at(0), 2);
    for (ms, job) in [(0, 0), (60, 1), (60, 2), (100, 3), (100, 4)] {
        arrive(&mut fleet, &mut out, ms, job).unwrap();
    }
    fleet.advance(Offset::MAX, &mut out);
    let took: Vec<_> = ends(&out).into_iter().map(|(ms, job, _)| (ms, job)).collect();
    assert_eq!(
        took,
        [(10, 0), (70, 2), (90, 1), (110, 4), (110, 3)],
        "30 ms for the first of the new replica"
    );
}

#[test]
fn affinity_finds_what_the_prefix_caches_hold() {
    let hits = |router| {
        let llm = Llm::new(presets::find("llama-3-8b-h100").unwrap().options()).unwrap();
        let mut fleet = Fleet::new(FleetOptions { replica: Engine::Llm(llm), ..options(4, router) });
        let mut out = Vec::new();
        for job in 0..400_u64 {
            let tenant = job * 7 % 40;
            let prefix = (0..8).map(|block| tenant * 100 + block).collect();
            fleet.advance(at(job * 100), &mut out);
            let ask = Ask { prompt_tokens: 200, output_tokens: 2, items: 1, prefix };
            fleet.arrive(at(job * 100), JobId(job), &ask).unwrap();
        }
        fleet.advance(Offset::MAX, &mut out);
        let state = fleet.state(at(40_000)).total;
        assert_eq!(state.generated_tokens, 800);
        state.prefix_hits as f64 / state.prefix_queries as f64
    };
    let affinity = Router::PrefixAffinity { blocks: NonZeroU32::new(8).unwrap(), slack_percent: 100 };
    let (with, without) = (hits(affinity), hits(Router::Random));
    assert!(with > 1.15 * without, "{with} of prompt tokens with affinity, {without} without");
}

/// Something that happens to a fleet, after a gap of so many ms.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Arrive,
    Cancel(u64),
    Scale(u32),
    Crash(u32),
}

fn doings() -> impl Strategy<Value = Vec<(u64, Doing)>> {
    let doing = prop_oneof![
        20 => Just(Doing::Arrive),
        2 => (0_u64..100).prop_map(Doing::Cancel),
        2 => (0_u32..6).prop_map(Doing::Scale),
        1 => (0_u32..8).prop_map(Doing::Crash),
    ];
    prop::collection::vec((0_u64..8, doing), 1..150)
}

fn fleets() -> impl Strategy<Value = FleetOptions> {
    let router = prop_oneof![
        Just(Router::RoundRobin),
        Just(Router::Random),
        Just(Router::LeastInFlight),
        Just(Router::PowerOfTwo),
        Just(Router::PrefixAffinity { blocks: NonZeroU32::MIN, slack_percent: 25 }),
    ];
    let gateway = prop_oneof![
        Just(None),
        (0_u32..4, prop::option::of(0_u32..6), prop::option::of(1_u32..40))
            .prop_map(|(limit, queue, timeout)| gateway(limit, queue, timeout)),
    ];
    let drain = prop::option::of(0_u32..40);
    (0_u32..4, router, gateway, drain, 0_u64..100).prop_map(|(replicas, router, gateway, drain, seed)| {
        FleetOptions {
            gateway,
            drain_limit: drain.map(|ms| ms * MS),
            provisioning: Delay { mean: 20 * MS, spread: Spread::EXPONENTIAL },
            seed: Seed(seed),
            ..options(replicas, router)
        }
    })
}

/// Plays it all, with the state looked at after each step; returns what came out and who was taken and not cancelled.
fn play(options: FleetOptions, doings: &[(u64, Doing)]) -> (Vec<Emission>, Vec<u64>) {
    let (mut fleet, mut out, mut taken, mut ms) = (Fleet::new(options), Vec::new(), Vec::new(), 0);
    let prefix: Vec<Arc<[u64]>> = (0..5).map(|key| Arc::from([key])).collect();
    for (job, (gap, doing)) in (0..).zip(doings) {
        ms += gap;
        fleet.advance(at(ms), &mut out);
        match *doing {
            Doing::Arrive => {
                let ask = Ask { prefix: Arc::clone(&prefix[job as usize % 5]), ..ask() };
                if fleet.arrive(at(ms), JobId(job), &ask).is_ok() {
                    taken.push(job);
                }
            }
            Doing::Cancel(other) => {
                fleet.cancel(at(ms), JobId(other));
                let over = out.iter().any(|e| e.job.0 == other && !matches!(e.event, Event::Started));
                taken.retain(|job| over || *job != other);
            }
            Doing::Scale(to) => {
                fleet.scale(at(ms), to);
                let state = fleet.state(at(ms));
                let leaving = |stage| matches!(stage, Stage::Draining(_) | Stage::Gone);
                let wanted = state.replicas.iter().filter(|replica| !leaving(replica.stage)).count();
                assert_eq!(wanted, to as usize);
            }
            Doing::Crash(index) => fleet.crash(at(ms), index),
        }
        let state = fleet.state(at(ms));
        let in_flight: u32 = state.replicas.iter().map(|replica| replica.in_flight).sum();
        assert_eq!(in_flight + state.gateway, state.total.waiting + state.total.running);
    }
    fleet.scale(at(ms), 1);
    fleet.advance(Offset::MAX, &mut out);
    (out, taken)
}

proptest! {
    #[test]
    fn every_request_that_was_taken_ends_once(options in fleets(), doings in doings()) {
        let (out, taken) = play(options, &doings);
        prop_assert!(out.is_sorted_by_key(|emission| emission.at));
        let mut count = BTreeMap::new();
        for (_, job, _) in ends(&out) {
            *count.entry(job).or_insert(0) += 1;
        }
        let once: BTreeMap<u64, i32> = taken.into_iter().map(|job| (job, 1)).collect();
        prop_assert_eq!(count, once);
    }

    #[test]
    fn the_same_seed_gives_the_same_fleet(options in fleets(), doings in doings()) {
        let run = || format!("{:?}", play(options.clone(), &doings));
        prop_assert_eq!(run(), run());
    }
}
