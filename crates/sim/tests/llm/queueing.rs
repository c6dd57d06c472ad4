//! With one place in the batch the engine is a queue with one server, and queueing theory says how long one waits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_sim::llm::{Llm, LlmOptions, StepTime};
use plimsoll_sim::play::{Seen, play};
use plimsoll_sim::{Ask, Engine, Event, JobId, presets};
use rand::RngExt;
use rand_distr::{Distribution, Exp};

/// A server whose steps take 10 ms, with `places` in its batch.
fn server(places: u32) -> Engine {
    let options = LlmOptions {
        step_time: StepTime { fixed: 0.010, ..StepTime::default() },
        max_num_seqs: NonZeroU32::new(places).expect("above 0"),
        ..presets::find("llama-3-8b-h100").expect("a preset").options()
    };
    Engine::Llm(Llm::new(options).expect("options of a preset"))
}

/// `count` requests, Poisson at `rate` per second. Each generates one of two numbers of tokens, by the toss of a coin;
/// every token is one step.
fn arrivals(rate: f64, count: usize, outputs: [u32; 2]) -> Vec<(Offset, Ask)> {
    let mut rng = Seed(3).stream("queueing");
    let gaps = Exp::new(rate).expect("a positive rate");
    let mut now = 0.0;
    let mut next = || {
        now += gaps.sample(&mut rng);
        let output_tokens = outputs[usize::from(rng.random::<bool>())];
        (
            Offset::from_secs_f64(now),
            Ask { prompt_tokens: 10, output_tokens, items: 1, prefix: Arc::default() },
        )
    };
    (0..count).map(|_| next()).collect()
}

/// The mean wait from arrival to start in a server with one place, seconds.
fn mean_wait(rate: f64, outputs: [u32; 2]) -> f64 {
    let arrivals = arrivals(rate, 400_000, outputs);
    let mut total = 0.0;
    play(&mut server(1), arrivals.iter().cloned(), |_, seen| {
        if let Seen::Did(emission) = seen
            && emission.event == Event::Started
        {
            total += emission.at.since(arrivals[emission.job.0 as usize].0).as_secs_f64();
        }
    });
    total / arrivals.len() as f64
}

#[test]
fn one_place_and_equal_requests_are_the_queue_m_d_1() {
    let service = 0.010;
    for load in [0.3, 0.6, 0.8] {
        let wait = mean_wait(load / service, [1, 1]);
        let expected = load * service / (2.0 * (1.0 - load));
        assert!((wait / expected - 1.0).abs() < 0.02, "at load {load}: {wait} instead of {expected}");
    }
}

#[test]
fn one_place_and_two_lengths_are_the_queue_m_g_1() {
    // Pollaczek and Khinchine: rate x E[S^2] / (2 (1 - load)), with services of 10 and 50 ms.
    let (load, mean, square) = (0.6, 0.030, (0.01_f64.powi(2) + 0.05_f64.powi(2)) / 2.0);
    let wait = mean_wait(load / mean, [1, 5]);
    let expected = load / mean * square / (2.0 * (1.0 - load));
    assert!((wait / expected - 1.0).abs() < 0.02, "{wait} instead of {expected}");
}

#[test]
fn requests_inside_are_their_rate_times_their_stay() {
    // Little's law, at a load that fills a batch of 8 to two thirds. Those inside are counted each millisecond by what
    // the server says of itself, and the stays by what it emits.
    let rate = 8.0 / 0.1 / 1.5;
    let arrivals = arrivals(rate, 20_000, [5, 15]);
    let mut engine = server(8);
    let (mut out, mut inside, mut looks, mut next) = (Vec::new(), 0.0, 0.0, 0);
    let mut now = Offset::ZERO;
    while next < arrivals.len() || engine.next_event().is_some() {
        while next < arrivals.len() && arrivals[next].0 <= now {
            let (at, ask) = &arrivals[next];
            engine.advance(*at, &mut out);
            engine.arrive(*at, JobId(next as u64), ask).expect("room");
            next += 1;
        }
        engine.advance(now, &mut out);
        let state = engine.state(now);
        inside += f64::from(state.waiting + state.running);
        looks += 1.0;
        now = now + Duration::from_millis(1);
    }
    let finished = out.iter().filter(|emission| emission.event == Event::Finished);
    let stay = |id: JobId, end: Offset| end.since(arrivals[id.0 as usize].0).as_secs_f64();
    let stays: Vec<f64> = finished.map(|emission| stay(emission.job, emission.at)).collect();
    assert_eq!(stays.len(), arrivals.len());
    let expected = stays.iter().sum::<f64>() / now.as_secs_f64();
    let mean_inside = inside / looks;
    assert!((mean_inside / expected - 1.0).abs() < 0.01, "{mean_inside} instead of {expected}");
}
