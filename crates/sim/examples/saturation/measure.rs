//! What users and operators see of an engine under a load.

use std::collections::HashMap;

use plimsoll_core::time::Offset;
use plimsoll_sim::llm::{Llm, LlmOptions};
use plimsoll_sim::play::{Seen, play};
use plimsoll_sim::{Ask, Engine, Event, JobId};

/// Times in milliseconds, in order.
#[derive(Default)]
pub struct Measured {
    pub ttft: Vec<f64>,
    pub tpot: Vec<f64>,
    pub itl: Vec<f64>,
    /// Requests finished per second of the last three quarters of the load.
    pub throughput: f64,
    /// Requests in the batch on average while the load lasted.
    pub batch: f64,
    /// Largest share of the KV cache in use.
    pub peak_kv: f64,
    pub preemptions: u64,
}

struct Times {
    arrived: f64,
    started: f64,
    first: f64,
    last: f64,
    tokens: u32,
}

/// Plays `arrivals`, which last for `seconds`, on a server of `options`.
pub fn measure(options: LlmOptions, seconds: f64, arrivals: impl Iterator<Item = (Offset, Ask)>) -> Measured {
    let mut engine = Engine::Llm(Llm::new(options).expect("options of a preset"));
    let mut measured = Measured::default();
    let mut requests = HashMap::new();
    let arrivals: Vec<_> = arrivals.collect();
    for (id, (at, _)) in (0..).map(JobId).zip(&arrivals) {
        let times = Times { arrived: at.as_secs_f64(), started: 0.0, first: 0.0, last: 0.0, tokens: 0 };
        requests.insert(id, times);
    }
    let (mut in_batch, mut finished) = (0.0, 0);
    play(&mut engine, arrivals, |engine, seen| {
        let Seen::Did(emission) = seen else {
            panic!("nothing limits the queue, yet {seen:?}");
        };
        let now = emission.at.as_secs_f64();
        let times = requests.get_mut(&emission.job).expect("a request that arrived");
        match emission.event {
            Event::Started => {
                times.started = now;
                let state = engine.state(emission.at);
                let used = state.kv_blocks_used as f64 / state.kv_blocks_total as f64;
                measured.peak_kv = measured.peak_kv.max(used);
            }
            Event::Tokens(count) => {
                if times.tokens == 0 {
                    times.first = now;
                    measured.ttft.push((now - times.arrived) * 1e3);
                } else {
                    measured.itl.push((now - times.last) * 1e3 / f64::from(count));
                }
                times.last = now;
                times.tokens += count;
            }
            Event::Finished => {
                in_batch += (now.min(seconds) - times.started.min(seconds)).max(0.0);
                finished += u32::from((seconds / 4.0..seconds).contains(&now));
                if times.tokens > 1 {
                    measured.tpot.push((times.last - times.first) * 1e3 / f64::from(times.tokens - 1));
                }
            }
            Event::Failed(why) => panic!("nothing fails here, yet {why:?}"),
        }
    });
    measured.batch = in_batch / seconds;
    measured.throughput = f64::from(finished) / (0.75 * seconds);
    measured.preemptions = engine.state(Offset::MAX).preemptions;
    for times in [&mut measured.ttft, &mut measured.tpot, &mut measured.itl] {
        times.sort_by(f64::total_cmp);
    }
    measured
}

/// The value below which `share` of `sorted` lies.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
