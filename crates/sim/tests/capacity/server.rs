//! Servers in virtual time, and trials of them.

use std::num::NonZeroU32;
use std::sync::Arc;

use plimsoll_core::metrics::grows;
use plimsoll_core::record::{Delta, DeltaKind, Outcome, Phase, Record, RequestId};
use plimsoll_core::seed::Seed;
use plimsoll_core::slo::{Asked, Evidence, Looks, SloVerdict, Slos, evaluate};
use plimsoll_core::time::Offset;
use plimsoll_sim::llm::{Llm, LlmOptions, StepTime};
use plimsoll_sim::play::{Seen, play};
use plimsoll_sim::{Ask, Engine, Event, presets};
use rand::RngExt as _;

/// A server.
#[derive(Clone, Debug)]
pub enum Server {
    /// A queue in front of some servers, each request with a service time of its own: the recursion of Kiefer and
    /// Wolfowitz (Transactions of the American Mathematical Society 78, 1955), which with one server is Lindley's.
    Station { servers: usize, service: Service },
    /// The language model engine with steps of 10 ms and this many places in its batch; each answer has 1 to 7 tokens, and
    /// what is timed is the first.
    Llm { places: u32 },
}

/// Service times with a mean of 10 ms for each server of a station.
#[derive(Clone, Copy, Debug)]
pub enum Service {
    Exponential,
    Constant,
    /// A mixture of two exponentials with equal shares of the work: a squared coefficient of variation of 3.
    Mixed,
}

/// Mean service time, seconds.
pub const SERVICE: f64 = 0.010;

impl Service {
    fn draw(self, mut uniform: impl FnMut() -> f64) -> f64 {
        let mut exponential = || -(1.0 - uniform()).ln();
        match self {
            Service::Exponential => SERVICE * exponential(),
            Service::Constant => SERVICE,
            Service::Mixed => {
                // Balanced means: p = (1 + sqrt((c2 - 1) / (c2 + 1))) / 2.
                let short = 0.5 * (1.0 + 0.5_f64.sqrt());
                let time = exponential();
                let share = if uniform() < short { short } else { 1.0 - short };
                SERVICE * time / (2.0 * share)
            }
        }
    }
}

/// A request that was answered: when it came, and how long it took, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub arrived: f64,
    pub took: f64,
}

/// What a trial showed.
pub struct Shown {
    pub found: Vec<SloVerdict>,
    pub overloaded: bool,
    pub throughput: f64,
    pub drained: f64,
}

impl Server {
    /// All requests of `seconds` at `rate`, Poisson.
    pub fn answer(&self, rate: f64, seconds: f64, seed: u64) -> Vec<Answered> {
        match self {
            Server::Station { servers, service } => station(*servers, *service, rate, seconds, seed),
            Server::Llm { places } => llm(*places, rate, seconds, seed),
        }
    }

    /// A trial of `seconds` after `warmup`, judged.
    pub fn trial(&self, slos: &Slos, rate: f64, warmup: f64, seconds: f64, seed: u64) -> Shown {
        let answers = self.answer(rate, warmup + seconds, seed);
        let start = Offset::from_secs_f64(warmup);
        let mut evidence = Evidence::new(slos, start);
        let mut in_flight = vec![0.0; seconds.floor() as usize];
        let (mut completed, mut last) = (0, 0.0_f64);
        let mut record = answered_at_once();
        for answered in &answers {
            let done = answered.arrived + answered.took;
            last = last.max(done);
            completed += u32::from(done >= warmup && done < warmup + seconds);
            let from = (answered.arrived - warmup).max(-1.0).ceil().max(0.0) as usize;
            let until = (done - warmup).ceil().max(0.0) as usize;
            in_flight.iter_mut().take(until).skip(from).for_each(|count| *count += 1.0);
            fill(&mut record, *answered, warmup);
            evidence.add(&record);
        }
        let now = Offset::from_secs_f64(warmup + seconds);
        let found = evaluate(slos, &evidence, Asked { looks: Looks::Repeated, now });
        Shown {
            found,
            overloaded: grows(&in_flight),
            throughput: f64::from(completed) / seconds,
            drained: last,
        }
    }
}

/// A record with one token, for [`fill`].
fn answered_at_once() -> Record {
    let at = Offset::ZERO;
    Record {
        deltas: vec![Delta { at, tokens: 1, kind: DeltaKind::Text }],
        outcome: Outcome::Ok,
        ..Record::due(RequestId(0), Phase::Measure, 0, at)
    }
}

/// Makes a record that of another request: a new one for each of a hundred million would take a third of the time.
fn fill(record: &mut Record, answered: Answered, warmup: f64) {
    let at = Offset::from_secs_f64(answered.arrived);
    let done = Offset::from_secs_f64(answered.arrived + answered.took);
    record.phase = if answered.arrived < warmup { Phase::WarmUp } else { Phase::Measure };
    (record.scheduled, record.sent, record.done) = (at, Some(at), Some(done));
    record.deltas[0].at = done;
}

fn station(servers: usize, service: Service, rate: f64, seconds: f64, seed: u64) -> Vec<Answered> {
    let mut rng = Seed(seed).stream("station");
    let mut uniform = || rng.random::<f64>();
    let mut free = vec![0.0_f64; servers];
    let (mut now, mut answered) = (0.0, Vec::with_capacity((rate * seconds * 1.1) as usize));
    loop {
        now += -(1.0 - uniform()).ln() / rate;
        if now >= seconds {
            return answered;
        }
        let next = free.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("a server");
        *next = next.max(now) + service.draw(&mut uniform);
        answered.push(Answered { arrived: now, took: *next - now });
    }
}

/// From arrival to the first token.
fn llm(places: u32, rate: f64, seconds: f64, seed: u64) -> Vec<Answered> {
    let options = LlmOptions {
        step_time: StepTime { fixed: 0.010, ..StepTime::default() },
        max_num_seqs: NonZeroU32::new(places).expect("above 0"),
        ..presets::find("llama-3-8b-h100").expect("a preset").options()
    };
    let mut engine = Engine::Llm(Llm::new(options).expect("options of a preset"));
    let mut rng = Seed(seed).stream("llm");
    let (mut now, mut arrivals) = (0.0, Vec::new());
    loop {
        now += -(1.0 - rng.random::<f64>()).ln() / rate;
        if now >= seconds {
            break;
        }
        let output_tokens = rng.random_range(1..=7);
        arrivals.push((now, Ask { prompt_tokens: 10, output_tokens, items: 1, prefix: Arc::default() }));
    }
    let mut answered: Vec<Answered> =
        arrivals.iter().map(|&(arrived, _)| Answered { arrived, took: f64::NAN }).collect();
    let asks = arrivals.into_iter().map(|(at, ask)| (Offset::from_secs_f64(at), ask));
    play(&mut engine, asks, |_, seen| {
        if let Seen::Did(emission) = seen
            && matches!(emission.event, Event::Tokens(_))
        {
            let one = &mut answered[emission.job.0 as usize];
            if one.took.is_nan() {
                one.took = emission.at.as_secs_f64() - one.arrived;
            }
        }
    });
    answered
}
