//! How often two servers are told apart that are one, and how often a slower one is found: counted over seeds.

use std::num::NonZeroU32;
use std::sync::Arc;

use plimsoll_core::compare::{
    Difference, Extent, Figure, Rules, RunWindows, Verdict, compare_runs, window_seconds,
};
use plimsoll_core::record::{Delta, DeltaKind, Outcome, Phase, Record, RequestId};
use plimsoll_core::seed::Seed;
use plimsoll_core::slo::Stat;
use plimsoll_core::time::Offset;
use plimsoll_sim::llm::{Llm, LlmOptions, StepTime};
use plimsoll_sim::play::{Seen, play};
use plimsoll_sim::{Ask, Engine, Event, presets};
use rand::RngExt;
use rand_distr::{Distribution, Exp};

/// A server of language models whose steps take `pace` times their usual time.
fn server(pace: f64, places: u32) -> Engine {
    let options = LlmOptions {
        step_time: StepTime { fixed: 0.010 * pace, per_sequence: 0.000_3 * pace, ..StepTime::default() },
        max_num_seqs: NonZeroU32::new(places).expect("above 0"),
        ..presets::find("llama-3-8b-h100").expect("a preset").options()
    };
    Engine::Llm(Llm::new(options).expect("options of a preset"))
}

/// The load of a run: Poisson at `rate` for `seconds`, answers of 5 to 35 tokens.
#[derive(Clone, Copy)]
struct Load {
    rate: f64,
    seconds: f64,
}

/// The records of a run.
fn run(mut engine: Engine, load: Load, seed: u64) -> Vec<Record> {
    let mut rng = Seed(seed).stream("comparison");
    let gaps = Exp::new(load.rate).expect("a positive rate");
    let mut now = 0.0;
    let mut arrivals = Vec::new();
    let mut records = Vec::new();
    loop {
        now += gaps.sample(&mut rng);
        if now >= load.seconds {
            break;
        }
        let at = Offset::from_secs_f64(now);
        let output_tokens = rng.random_range(5..=35);
        arrivals.push((at, Ask { prompt_tokens: 100, output_tokens, items: 1, prefix: Arc::default() }));
        let mut record = Record::due(RequestId(records.len() as u64), Phase::Measure, 0, at);
        (record.sent, record.usage.output_tokens) = (Some(at), Some(output_tokens));
        records.push(record);
    }
    play(&mut engine, arrivals, |_, seen| {
        let Seen::Did(emission) = seen else { return };
        let record = &mut records[emission.job.0 as usize];
        match emission.event {
            Event::Tokens(_) => {
                record.deltas.truncate(1); // the first and the last are all that is looked at
                record.deltas.push(Delta { at: emission.at, tokens: 1, kind: DeltaKind::Text });
            }
            Event::Finished => (record.done, record.outcome) = (Some(emission.at), Outcome::Ok),
            _ => {}
        }
    });
    records
}

/// The figures that are compared in an open loop where nobody says which.
fn figures() -> Vec<Figure> {
    let times =
        ["ttft", "tpot", "latency"].map(|name| [50.0, 99.0].map(|p| Figure::Of(name, Stat::Percentile(p))));
    [times.concat(), vec![Figure::ErrorRate]].concat()
}

fn windows(records: &[Record], load: Load) -> RunWindows {
    let latencies: Vec<f64> = records.iter().filter_map(Record::latency).collect();
    let latency = latencies.iter().sum::<f64>() / latencies.len() as f64;
    let each = window_seconds(&[Extent { seconds: load.seconds, latency }]);
    let mut windows = RunWindows::new(Offset::ZERO, load.seconds, each, &figures());
    records.iter().for_each(|record| windows.add(record));
    windows
}

/// Compares runs on servers of one side with runs on those of another.
fn sides(a: Vec<Engine>, b: Vec<Engine>, load: Load, seed: u64) -> Vec<Difference> {
    let mut seeds = (0..).map(|run| 100 * seed + run);
    let mut cut = |engines: Vec<Engine>| -> Vec<RunWindows> {
        engines
            .into_iter()
            .zip(&mut seeds)
            .map(|(engine, seed)| windows(&run(engine, load, seed), load))
            .collect()
    };
    // Fewer draws than the program makes: the test is to take seconds.
    let rules = Rules { draws: 120, deals: 400, seed: Seed(seed), ..Rules::default() };
    let (a, b) = (cut(a), cut(b));
    compare_runs(&a, &b, &figures(), &rules)
}

/// Compares a run on each of two servers.
fn pair(a: Engine, b: Engine, load: Load, seed: u64) -> Vec<Difference> {
    sides(vec![a], vec![b], load, seed)
}

/// Whether anything is called better or worse.
fn differ(differences: &[Difference]) -> bool {
    count(differences, Verdict::Better) + count(differences, Verdict::Worse) > 0
}

fn count(differences: &[Difference], verdict: Verdict) -> usize {
    differences.iter().filter(|one| one.verdict == verdict).count()
}

/// Pairs of one server with itself, out of `pairs`, in which some figure is called better or worse.
fn false_verdicts(places: u32, load: Load, pairs: u64) -> usize {
    let is_false = |&seed: &u64| differ(&pair(server(1.0, places), server(1.0, places), load, seed));
    (0..pairs).filter(is_false).count()
}

#[test]
fn one_server_is_rarely_told_apart_from_itself() {
    let wrong = false_verdicts(64, Load { rate: 15.0, seconds: 60.0 }, 200);
    assert!(wrong <= 10, "{wrong} of 200");
}

#[test]
fn nor_is_it_near_saturation_where_windows_resemble_their_neighbours_for_long() {
    let wrong = false_verdicts(4, Load { rate: 16.0, seconds: 60.0 }, 200);
    let longer = false_verdicts(4, Load { rate: 14.0, seconds: 180.0 }, 60);
    assert!(wrong <= 10, "{wrong} of 200");
    assert!(longer <= 3, "{longer} of 60");
}

#[test]
fn a_server_that_is_a_tenth_slower_is_found_within_a_minute() {
    let load = Load { rate: 20.0, seconds: 60.0 };
    let found = |&seed: &u64| {
        let found = pair(server(1.0, 64), server(1.1, 64), load, seed);
        count(&found, Verdict::Worse) > 0 && count(&found, Verdict::Better) == 0
    };
    let found = (0..100).filter(found).count();
    assert!(found >= 90, "{found} of 100");
}

#[test]
fn ten_seconds_decide_nothing_and_say_how_many_would() {
    let found = pair(server(1.0, 64), server(1.0, 64), Load { rate: 20.0, seconds: 10.0 }, 1);
    assert!(found.iter().all(|one| matches!(one.verdict, Verdict::Undecided(_))), "{found:?}");
}

#[test]
fn runs_that_differ_by_themselves_are_compared_as_runs() {
    // Each start of the server is up to 12 % faster or slower than another, which no window of one run shows.
    let load = Load { rate: 20.0, seconds: 25.0 };
    let starts = |side: &str, seed: u64| -> Vec<Engine> {
        let mut rng = Seed(seed).stream(side);
        (0..3).map(|_| server(rng.random_range(0.88..1.12), 64)).collect()
    };
    let wrong =
        (0..60).filter(|&seed| differ(&sides(starts("a", seed), starts("b", seed), load, seed))).count();
    let alone =
        |&seed: &u64| differ(&pair(starts("a", seed).remove(0), starts("b", seed).remove(0), load, seed));
    let unaware = (0..60).filter(alone).count();
    assert!(wrong <= 6 && unaware >= 25, "{wrong} of 60 with three runs a side, {unaware} with one");
}
