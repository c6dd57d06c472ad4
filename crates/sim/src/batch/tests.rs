//! Hand-computed schedules, and what must hold for every load.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use proptest::prelude::*;

use super::{Accelerator, Batch, BatchOptions, Batching, Cost};
use crate::conditions::{ConditionOptions, Conditions, Crash};
use crate::engine::{Ask, Emission, Event, Failure, JobId, Refused};
use crate::spread::Spread;

const MS: Duration = Duration::from_millis(1);

fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// One instance; a batch takes 10 ms and 1 ms per item.
fn options(batching: Batching) -> BatchOptions {
    BatchOptions {
        batching,
        instances: NonZeroU32::MIN,
        cost: Cost { per_batch: 10 * MS, per_item: MS, spread: Spread::CONSTANT },
        queue: None,
        queue_timeout: None,
        accelerator: Accelerator::default(),
        seed: Seed(0),
    }
}

fn triton(max_items: u32, preferred: &[u32], delay_ms: u32) -> Batching {
    Batching::Triton { max_items: count(max_items), preferred: preferred.to_vec(), max_delay: delay_ms * MS }
}

fn torchserve(size: u32, delay_ms: u32) -> Batching {
    Batching::TorchServe { size: count(size), max_delay: delay_ms * MS }
}

fn ask(items: u32) -> Ask {
    Ask { prompt_tokens: 0, output_tokens: 0, items, prefix: Arc::default() }
}

fn at(ms: u64) -> Offset {
    Offset::from_nanos(ms * 1_000_000)
}

/// Plays arrivals of (moment, items) in order, each after the engine has done what is due; numbered from 0.
fn play(engine: &mut Batch, arrivals: &[(Offset, u32)]) -> (Vec<Emission>, Vec<(u64, Refused)>) {
    let (mut out, mut refused) = (Vec::new(), Vec::new());
    for (id, &(moment, items)) in (0..).zip(arrivals) {
        engine.advance(moment, &mut out);
        if let Err(why) = engine.arrive(moment, JobId(id), &ask(items)) {
            refused.push((id, why));
        }
    }
    engine.advance(Offset::MAX, &mut out);
    (out, refused)
}

/// Batches as (start in ms, requests), from the starts of requests at one moment with one instance.
fn batches(batching: Batching, arrivals: &[(u64, u32)]) -> Vec<(u64, Vec<u64>)> {
    let arrivals: Vec<_> = arrivals.iter().map(|&(ms, items)| (at(ms), items)).collect();
    let (out, refused) = play(&mut Batch::new(options(batching)), &arrivals);
    assert_eq!(refused, []);
    let mut batches: Vec<(u64, Vec<u64>)> = Vec::new();
    for emission in out.iter().filter(|emission| emission.event == Event::Started) {
        let ms = emission.at.as_nanos() / 1_000_000;
        match batches.last_mut() {
            Some((start, jobs)) if *start == ms => jobs.push(emission.job.0),
            _ => batches.push((ms, vec![emission.job.0])),
        }
    }
    batches
}

#[test]
fn without_batching_each_request_goes_alone() {
    assert_eq!(
        batches(Batching::Off, &[(0, 1), (1, 2), (2, 1)]),
        [(0, vec![0]), (11, vec![1]), (23, vec![2])]
    );
}

#[test]
fn triton_takes_what_is_there_at_once_if_it_may_not_delay() {
    let rule = || triton(8, &[], 0);
    assert_eq!(batches(rule(), &[(0, 1), (1, 2), (2, 1)]), [(0, vec![0]), (11, vec![1, 2])]);
    // The next would exceed the maximum: it is left for the next batch, whole.
    assert_eq!(batches(rule(), &[(0, 1), (1, 5), (2, 5)]), [(0, vec![0]), (11, vec![1]), (26, vec![2])]);
}

#[test]
fn triton_prefers_a_preferred_size_until_the_oldest_is_late() {
    // A preferred size is there: it leaves at once.
    assert_eq!(batches(triton(8, &[2], 5), &[(0, 1), (3, 1)]), [(3, vec![0, 1])]);
    // It is not: the oldest waits its 5 ms, then all there is leaves.
    assert_eq!(batches(triton(8, &[4], 5), &[(0, 1), (3, 1)]), [(5, vec![0, 1])]);
    // When the instance is free at 16, the oldest is younger than 12 ms: the largest preferred size of five.
    let late = [(0, 1), (6, 1), (6, 1), (7, 1), (8, 1), (8, 1)];
    assert_eq!(
        batches(triton(8, &[2, 4], 12), &late),
        [(6, vec![0, 1]), (18, vec![2, 3, 4, 5])],
        "a preferred size of two at 6 ms, four at 18 ms"
    );
    // The oldest is late when the instance is free: preferred or not, all that fit.
    let crowd = [(0, 4), (1, 1), (1, 1), (1, 1)];
    assert_eq!(batches(triton(8, &[2, 4], 5), &crowd), [(0, vec![0]), (14, vec![1, 2, 3])]);
    // Sizes of three never make four: the batch before four is passed is as good as a preferred one.
    assert_eq!(
        batches(triton(8, &[4], 50), &[(0, 3), (1, 3), (2, 4)]),
        [(1, vec![0]), (14, vec![1]), (27, vec![2])]
    );
}

#[test]
fn torchserve_counts_requests_and_its_delay_from_the_pickup() {
    assert_eq!(batches(torchserve(2, 5), &[(0, 3), (1, 3), (2, 3)]), [(1, vec![0, 1]), (22, vec![2])]);
    // Requests 2 and 3 are old when the worker is free at 17, yet it waits its 5 ms for a third.
    assert_eq!(
        batches(torchserve(3, 5), &[(0, 1), (1, 1), (8, 1), (9, 1)]),
        [(5, vec![0, 1]), (22, vec![2, 3])]
    );
}

#[test]
fn a_full_queue_refuses_as_each_server_counts_it() {
    let limited = |batching| BatchOptions { queue: Some(count(1)), ..options(batching) };
    let arrivals = [(at(0), 1), (at(1), 1), (at(2), 1), (at(3), 1)];
    // Triton's requests stay in the queue while a batch gathers.
    let (_, refused) = play(&mut Batch::new(limited(triton(8, &[], 20))), &arrivals);
    assert_eq!(refused.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3]);
    // TorchServe's worker takes them off as they come; the queue fills when it works.
    let (_, refused) = play(&mut Batch::new(limited(torchserve(2, 20))), &arrivals);
    assert_eq!(refused, [(3, Refused::QueueFull)]);
    let refused = Batch::new(limited(triton(8, &[], 0))).arrive(at(0), JobId(0), &ask(9));
    assert_eq!(refused, Err(Refused::TooLong(8)));
}

#[test]
fn who_waits_too_long_is_given_up_at_that_moment() {
    let impatient = BatchOptions { queue_timeout: Some(5 * MS), ..options(Batching::Off) };
    let mut engine = Batch::new(impatient);
    let (out, _) = play(&mut engine, &[(at(0), 1), (at(1), 1), (at(7), 1)]);
    let failed: Vec<_> = out.iter().filter(|e| matches!(e.event, Event::Failed(_))).collect();
    let timed_out = Emission { at: at(6), job: JobId(1), event: Event::Failed(Failure::TimedOut) };
    assert_eq!(failed, [&timed_out]);
    assert_eq!(engine.state(at(30)).items, 2);
}

#[test]
fn those_who_leave_make_room_but_their_batch_goes_on() {
    let mut engine = Batch::new(options(triton(2, &[], 0)));
    let mut out = Vec::new();
    engine.arrive(at(0), JobId(0), &ask(2)).unwrap();
    engine.arrive(at(1), JobId(1), &ask(1)).unwrap();
    engine.arrive(at(1), JobId(2), &ask(1)).unwrap();
    engine.cancel(at(2), JobId(0));
    engine.cancel(at(2), JobId(1));
    assert_eq!((engine.state(at(2)).running, engine.state(at(2)).waiting), (0, 1));
    engine.advance(Offset::MAX, &mut out);
    let last = Emission { at: at(23), job: JobId(2), event: Event::Finished };
    assert_eq!(out.last(), Some(&last));
    assert_eq!(out.iter().filter(|emission| emission.event == Event::Finished).count(), 1);
    assert_eq!(engine.state(at(23)).items, 3);
}

#[test]
fn the_state_adds_up() {
    let watts = Accelerator { bytes: 1, bytes_total: 2, watts_idle: 10.0, watts_busy: 70.0 };
    let two = BatchOptions { instances: count(2), accelerator: watts, ..options(triton(4, &[], 0)) };
    let mut engine = Batch::new(two);
    let mut out = Vec::new();
    engine.arrive(at(0), JobId(0), &ask(2)).unwrap(); // 0 to 12
    assert_eq!(engine.state(at(6)).busy, 3 * MS);
    assert_eq!(engine.state(at(6)).power_watts, 40.0);
    engine.arrive(at(6), JobId(1), &Ask { output_tokens: 5, ..ask(1) }).unwrap(); // 6 to 17
    engine.arrive(at(6), JobId(2), &ask(1)).unwrap(); // 12 to 24, with the next
    engine.arrive(at(7), JobId(3), &ask(1)).unwrap();
    engine.advance(at(30), &mut out);
    let state = engine.state(at(30));
    assert_eq!((state.items, state.steps, state.generated_tokens), (5, 3, 5));
    assert_eq!(state.queue_time, 11 * MS);
    assert_eq!(state.compute_time, (12 + 11 + 12 + 12) * MS);
    assert_eq!(state.busy, Duration::from_micros(17_500));
    assert_eq!((state.waiting, state.running), (0, 0));
}

#[test]
fn conditions_happen_to_it() {
    let under = |conditions| Batch::under(options(triton(2, &[], 0)), Conditions::new(conditions).unwrap());
    let three = [(at(0), 1), (at(5), 1), (at(6), 2)];
    let ended = |out: &[Emission]| -> Vec<_> {
        let ended = |e: &&Emission| !matches!(e.event, Event::Started);
        out.iter().filter(ended).map(|e| (e.at.as_nanos() / 1_000_000, e.job.0, e.event)).collect()
    };
    let (finished, timed_out, crashed) =
        (Event::Finished, Event::Failed(Failure::TimedOut), Event::Failed(Failure::Crashed));

    // Each takes 11 or 12 ms; those that are not over after 14 ms are given up, waiting or not.
    let conditions = ConditionOptions { request_timeout: Some(14 * MS), ..ConditionOptions::default() };
    let (out, _) = play(&mut under(conditions), &three);
    assert_eq!(ended(&out), [(11, 0, finished), (19, 1, timed_out), (20, 2, timed_out)]);

    // A crash in the second batch; 10 ms later it is started, and loads for 20.
    let mut engine = under(ConditionOptions {
        crash: Some(Crash::At(at(13))),
        restart_after: Some(10 * MS),
        load: 20 * MS,
        resident: 5,
        ..ConditionOptions::default()
    });
    let later = [three[0], three[1], three[2], (at(20), 1), (at(30), 1), (at(43), 1)];
    let (out, refused) = play(&mut engine, &later);
    assert_eq!(refused, [(3, Refused::Down), (4, Refused::Loading(at(43)))]);
    assert_eq!(ended(&out), [(11, 0, finished), (13, 1, crashed), (13, 2, crashed), (54, 5, finished)]);
    assert_eq!(engine.state(at(43)).resident_bytes, 5);
}

/// Gaps in ms and items of up to 60 requests.
fn loads() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((0_u64..15, 1_u32..=6), 1..60)
}

fn rules() -> impl Strategy<Value = Batching> {
    let preferred = prop::collection::vec(1_u32..12, 0..3);
    prop_oneof![
        Just(Batching::Off),
        (6_u32..12, preferred, 0_u32..30).prop_map(|(max, preferred, delay)| triton(max, &preferred, delay)),
        (1_u32..6, 0_u32..30).prop_map(|(size, delay)| torchserve(size, delay)),
    ]
}

proptest! {
    #[test]
    fn every_load_keeps_the_rules(load in loads(), batching in rules(), instances in 1_u32..4) {
        let mut moment = 0;
        let arrivals: Vec<_> = load.iter().map(|&(gap, items)| { moment += gap; (at(moment), items) }).collect();
        let limit = match &batching {
            Batching::Off => u64::MAX,
            Batching::Triton { max_items, .. } => u64::from(max_items.get()),
            Batching::TorchServe { size, .. } => u64::from(size.get()),
        };
        let by_request = matches!(batching, Batching::TorchServe { .. });
        let mut engine = Batch::new(BatchOptions { instances: count(instances), ..options(batching) });
        let (out, refused) = play(&mut engine, &arrivals);

        prop_assert!(refused.is_empty());
        prop_assert!(out.is_sorted_by_key(|emission| emission.at));
        let times = |event| {
            let mut times: Vec<_> = out.iter().filter(|e| e.event == event).map(|e| (e.job.0, e.at)).collect();
            times.sort_by_key(|(job, _)| *job);
            times
        };
        let (starts, ends) = (times(Event::Started), times(Event::Finished));
        // Everyone starts once and finishes once, in the order of arrival.
        let jobs: Vec<u64> = (0..arrivals.len() as u64).collect();
        prop_assert_eq!(starts.iter().map(|(job, _)| *job).collect::<Vec<_>>(), jobs.clone());
        prop_assert_eq!(ends.iter().map(|(job, _)| *job).collect::<Vec<_>>(), jobs);
        prop_assert!(starts.is_sorted_by_key(|(_, at)| *at));
        // A batch takes 10 ms and 1 ms per item, so its length tells its size: none is above the maximum.
        for (&(_, start), &(_, end)) in starts.iter().zip(&ends) {
            let items = (end.since(start) - 10 * MS).as_millis() as u64;
            prop_assert!(by_request || items <= limit, "{} items", items);
        }
        if by_request {
            for window in starts.windows(limit as usize * instances as usize + 1) {
                prop_assert!(window[0].1 < window[window.len() - 1].1, "more than fit began at once");
            }
        }
    }

    #[test]
    fn nobody_waits_beyond_the_delay_beside_a_free_instance(
        load in loads(), batching in rules(), instances in 1_u32..4,
    ) {
        let delay = match &batching {
            Batching::Off => Duration::ZERO,
            Batching::Triton { max_delay, .. } | Batching::TorchServe { max_delay, .. } => *max_delay,
        };
        // Its power is the number of busy instances.
        let accelerator = Accelerator { watts_busy: f64::from(instances), ..Accelerator::default() };
        let options = BatchOptions { instances: count(instances), accelerator, ..options(batching) };
        let mut engine = Batch::new(options);
        let (mut out, mut arrivals, mut due) = (Vec::new(), (0..).zip(load.iter()).peekable(), load[0].0);
        let mut since = None;
        for ms in 0..2000 {
            engine.advance(at(ms), &mut out);
            while let Some((id, (_, items))) = arrivals.next_if(|_| due == ms) {
                engine.arrive(at(ms), JobId(id), &ask(*items)).unwrap();
                due += arrivals.peek().map_or(0, |(_, (gap, _))| *gap);
            }
            engine.advance(at(ms), &mut out);
            let state = engine.state(at(ms));
            if state.waiting == 0 || state.power_watts == f64::from(instances) {
                since = None;
                continue;
            }
            // A free instance, and somebody waits: from when on, and who?
            let started = out.iter().filter(|e| e.event == Event::Started).count();
            let (_, begun) = since.filter(|(before, _)| *before == started).unwrap_or((started, ms));
            since = Some((started, begun));
            prop_assert!(at(ms).since(at(begun)) < delay, "at {} ms", ms);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes(load in loads(), seed in 0_u64..1000) {
        let spread = Spread::gamma(0.7).unwrap();
        let options = |seed| BatchOptions {
            cost: Cost { per_batch: MS, per_item: MS, spread },
            seed: Seed(seed),
            ..options(triton(6, &[], 3))
        };
        let mut moment = 0;
        let arrivals: Vec<_> = load.iter().map(|&(gap, items)| { moment += gap; (at(moment), items) }).collect();
        let run = |seed| format!("{:?}", play(&mut Batch::new(options(seed)), &arrivals).0);
        prop_assert_eq!(run(seed), run(seed));
        prop_assert_ne!(run(seed), run(seed + 1));
    }
}
