//! When requests that have not ended are known to miss, and that their ends then change no verdict.

use std::time::Duration;

use super::set;
use crate::record::{Outcome, Phase, Record, RequestId};
use crate::seed::Seed;
use crate::slo::{Asked, Evidence, Looks, SloVerdict, Slos, Verdict, evaluate};
use crate::time::Offset;
use rand::RngExt as _;

#[test]
fn only_limits_on_whole_answers_settle_a_request_without_an_end() {
    let second = Duration::from_secs(1);
    for (texts, settled) in [
        (&["latency.p90<100ms"][..], Some(1_100)),
        (&["response_time.p90<100ms"], Some(100)),
        (&["response_time.p50<100ms", "response_time.p99<2s"], Some(2_000)),
        (&["ttft<50ms & latency<300ms & response_time<900ms @ 99%"], Some(900)),
        (&["attainment>=90%", "response_time.p99<700ms"], Some(700)),
        (&["latency.p90<100ms", "error_rate<1%"], None),
        (&["latency.mean<100ms"], None),
        (&["latency.p90>100ms"], None),
        (&["ttft.p90<100ms"], None),
        (&["qps>=5"], None),
        (&["attainment>=90%"], None),
        (&[], None),
    ] {
        let expected = settled.map(Duration::from_millis);
        assert_eq!(set(texts).settled_after(Some(second)), expected, "{texts:?}");
    }
    assert_eq!(set(&["latency.p90<100ms"]).settled_after(None), None, "they may be sent at any time");
    let known = Some(Duration::from_millis(100));
    assert_eq!(set(&["response_time.p90<100ms"]).settled_after(None), known);
}

/// A queue before one server, in seconds: when each request is due, sent and done.
fn queue(load: f64, seconds: f64, seed: u64) -> Vec<(f64, f64, f64)> {
    let mut random = Seed(seed).stream("queue");
    let (mut due, mut free, mut found) = (0.0, 0.0_f64, Vec::new());
    while due < seconds {
        let service = 0.02 * random.random_range(0.5..1.5);
        // Some wait for a connection first.
        let sent = due + if random.random_bool(0.02) { random.random_range(0.0..1.0) } else { 0.0 };
        free = free.max(sent) + service;
        found.push((due, sent, free));
        due += random.random_range(0.0..2.0) / load;
    }
    found
}

/// What a trial says of its objectives that gives up at `cut` what has not ended.
fn judged(slos: &Slos, requests: &[(f64, f64, f64)], end: f64, cut: f64) -> Vec<SloVerdict> {
    let at = |seconds| Offset::ZERO + Duration::from_secs_f64(seconds);
    let mut evidence = Evidence::new(slos, Offset::ZERO);
    for &(due, sent, done) in requests {
        let mut record = Record::due(RequestId(0), Phase::Measure, 0, at(due));
        record.sent = Some(at(sent));
        if done <= cut {
            (record.outcome, record.done) = (Outcome::Ok, Some(at(done)));
        }
        evidence.add(&record);
    }
    evaluate(slos, &evidence, Asked { looks: Looks::Repeated, now: at(end) })
}

#[test]
fn a_drain_until_all_is_settled_says_the_same_as_one_until_all_has_ended() {
    let sending = Duration::from_secs(1);
    let (mut cut_short, mut verdicts) = (0, [0; 3]);
    for texts in [
        &["latency.p90<100ms"][..],
        &["response_time.p50<300ms", "latency.p99<1s"],
        &["latency<200ms & response_time<500ms @ 95%", "attainment>=90%"],
    ] {
        let slos = set(texts);
        let settled = slos.settled_after(Some(sending)).unwrap().as_secs_f64();
        for case in 0..96_u64 {
            // The server can do 50/s. Below it, at it, and far beyond.
            let load = 20.0 + 12.0 * (case % 8) as f64;
            let seconds = [5.0, 10.0, 20.0][(case % 3) as usize];
            let requests = queue(load, seconds, case);
            let long = judged(&slos, &requests, seconds, f64::INFINITY);
            let short = judged(&slos, &requests, seconds, seconds + settled);
            cut_short += u32::from(requests.iter().any(|(_, _, done)| *done > seconds + settled));
            for (long, short) in long.iter().zip(&short) {
                assert_eq!(
                    (short.verdict, short.n, short.misses),
                    (long.verdict, long.n, long.misses),
                    "{texts:?}, case {case}: {short:?} for {long:?}"
                );
                verdicts[match long.verdict {
                    Verdict::Pass => 0,
                    Verdict::Fail => 1,
                    Verdict::Undecided => 2,
                }] += 1;
            }
        }
    }
    assert!(cut_short > 100 && verdicts.iter().all(|&seen| seen > 0), "{cut_short}, {verdicts:?}");
}
