//! A server whose constants are known is measured in virtual time, and the constants are found again.

use std::num::NonZeroU32;

use plimsoll_core::calibrate::{
    Calibration, Constant, Constants, Limits, ObservedRequest, ObservedRun, RunNotes, Slots, StepLimits,
    compare, fit, slots,
};
use plimsoll_core::load::{ClosedLoop, ClosedShape, ThinkTime};
use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use rand::RngExt as _;

use super::{Known, calibrate, predict, refine, typical_error};

/// About a model of 8 billion parameters on a large accelerator.
const TRUTH: Constants = Constants {
    per_request: 4e-3,
    fixed: 7e-3,
    batched: 0.0,
    per_sequence: 40e-6,
    per_context_token: 60e-9,
    per_prefill_token: 36e-6,
    per_prefill_pair: 4e-9,
};

fn whole(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap()
}

fn limits() -> Limits {
    Limits {
        max_num_seqs: whole(48),
        max_num_batched_tokens: whole(8192),
        max_model_len: whole(32768),
        kv_blocks: whole(100_000),
        block_size: whole(16),
    }
}

/// Requests with prompts of mixed lengths, `rate` of them a second; without a rate all at the start.
fn asked(count: u64, rate: Option<f64>, prompts: [u32; 4], seed: u64) -> Vec<ObservedRequest> {
    let mut rng = Seed(seed).stream("test");
    let mut at = 0.0;
    (0..count)
        .map(|_| {
            at += rate.map_or(0.0, |rate| -(1.0 - rng.random::<f64>()).ln() / rate);
            let prompt = prompts[rng.random_range(0..4)];
            let sent = Offset::from_secs_f64(at);
            ObservedRequest {
                sent,
                first: sent,
                last: sent,
                done: sent,
                prompt_tokens: prompt,
                prefill_tokens: prompt,
                output_tokens: rng.random_range(64..256),
                first_tokens: 1,
                measured: true,
            }
        })
        .collect()
}

/// The run as the true server answers it.
fn measured(name: &str, requests: Vec<ObservedRequest>, users: Option<u32>) -> ObservedRun {
    let closed = users.map(|users| {
        let shape = ClosedShape::Steady { spawn_rate: None };
        (ClosedLoop { users: whole(users), shape, think: ThinkTime::Zero }, Seed(1))
    });
    // Of a closed loop only the last moment of sending matters, which ends the window.
    let mut asked = ObservedRun { name: name.to_owned(), requests, closed, notes: RunNotes::default() };
    if asked.closed.is_some() {
        asked.requests.last_mut().unwrap().sent = Offset::from_secs_f64(30.0);
    }
    let mut done = predict(&asked, &limits(), &TRUTH).unwrap();
    assert_eq!(done.refused, 0);
    done.requests.sort_by_key(|request| request.sent);
    ObservedRun { requests: done.requests, ..asked }
}

const SHORT: [u32; 4] = [60, 200, 500, 1500];

fn low() -> ObservedRun {
    measured("low", asked(400, Some(2.0), SHORT, 1), None)
}

fn saturated() -> ObservedRun {
    measured("saturated", asked(400, None, SHORT, 2), Some(96))
}

fn unseen() -> ObservedRun {
    measured("unseen", asked(600, Some(14.0), [100, 300, 800, 2500], 3), None)
}

const STEP: StepLimits = StepLimits { slots: Some(48), tokens: 8192 };

#[test]
fn the_constants_of_a_known_server_are_found_again() {
    let (low, saturated) = (low(), saturated());
    let runs = [&low, &saturated];
    assert_eq!(slots(&runs), Slots::Limited(48));
    let fit = fit(&runs, STEP, Seed(7));
    for (constant, within) in [
        (Constant::PerRequest, 0.05),
        (Constant::Fixed, 0.01),
        (Constant::PerSequence, 0.10),
        (Constant::PerContextToken, 0.05),
        (Constant::PerPrefillToken, 0.03),
        (Constant::PerPrefillPair, 0.20),
    ] {
        let (found, truth) = (fit.constants.get(constant), TRUTH.get(constant));
        assert!((found / truth - 1.0).abs() < within, "{constant:?}: {found} instead of {truth}");
    }
    assert!(fit.constants.batched < 20e-6, "there is none in truth: {fit:?}");
}

#[test]
fn a_run_that_was_not_seen_is_predicted() {
    let (low, saturated, unseen) = (low(), saturated(), unseen());
    let known = Known { max_num_seqs: None, max_num_batched_tokens: whole(8192), kv_tokens: None };
    let found = calibrate(&[&low, &saturated], "m", known, Seed(7)).unwrap();
    let Calibration { limits, constants, .. } = &found.calibration;
    let comparison = compare(&unseen, &predict(&unseen, limits, constants).unwrap().requests);
    assert_eq!(comparison.deciding().count(), 4, "{comparison:?}");
    assert!(comparison.worst().unwrap() < 0.05, "{comparison:?}");
    assert!(typical_error(std::slice::from_ref(&comparison)) < 0.03, "{comparison:?}");
    assert!(!found.refined.helped(), "nothing is left to gain: {:?}", found.refined);
}

#[test]
fn bad_constants_are_mended_through_the_simulator_and_good_ones_left() {
    let (low, saturated) = (low(), saturated());
    let runs = [&low, &saturated];
    let off = TRUTH.with(Constant::Fixed, 9e-3).with(Constant::PerContextToken, 40e-9);
    let mended = refine(&runs, &limits(), off).unwrap();
    assert!(mended.helped(), "{mended:?}");
    assert!((mended.constants.fixed / TRUTH.fixed - 1.0).abs() < 0.05, "{mended:?}");
    let kept = refine(&runs, &limits(), TRUTH).unwrap();
    assert_eq!((kept.constants, kept.before, kept.helped()), (TRUTH, 0.0, false));
}

#[test]
fn the_same_constants_repeat_a_run_exactly() {
    for run in [low(), saturated()] {
        let mut again = predict(&run, &limits(), &TRUTH).unwrap().requests;
        again.sort_by_key(|request| request.sent);
        assert_eq!(compare(&run, &again).worst(), Some(0.0), "{}", run.name);
    }
}

#[test]
fn a_cache_too_small_for_a_request_refuses_it() {
    let small = Limits { kv_blocks: whole(20), ..limits() };
    let refused = predict(&low(), &small, &TRUTH).unwrap();
    assert!(refused.refused > 0);
    assert_eq!(refused.requests.len() + refused.refused, 400);
}
