//! Plays a random load against an engine, and keeps what a client would see.

use std::sync::Arc;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_sim::spread::Spread;
use plimsoll_sim::{Ask, Emission, Engine, Event, JobId};

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// Seconds from arrival to start, of each request that started.
    pub waits: Vec<f64>,
    /// Seconds from arrival to end, of each that finished.
    pub residences: Vec<f64>,
    /// Requests in the server by its own account, averaged over equally spaced moments.
    pub mean_present: f64,
    /// Arrivals per second that the run had.
    pub rate: f64,
}

impl Seen {
    pub fn mean_wait(&self) -> f64 {
        mean(&self.waits)
    }

    /// The wait that a share `p` do not exceed.
    pub fn wait_quantile(&self, p: f64) -> f64 {
        let mut sorted = self.waits.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[(p * sorted.len() as f64).ceil() as usize - 1]
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Prints both, and fails if they differ by more than `tolerance` of `theory`.
pub fn near(ours: f64, theory: f64, tolerance: f64, what: &str) {
    let error = ours / theory - 1.0;
    println!("{what}: {ours:.6}, theory {theory:.6}, error {:.2} %", error * 100.0);
    assert!(error.abs() <= tolerance, "{what}: {ours}, theory {theory}");
}

/// A request of a classic model.
pub fn classic(items: u32) -> Ask {
    Ask { prompt_tokens: 0, output_tokens: 0, items, prefix: Arc::default() }
}

/// Plays `count` requests of one item with gaps of mean `1 / rate` seconds that spread as said, and looks at the
/// server's state every `look` seconds.
pub fn play(mut engine: Engine, count: usize, rate: f64, gaps: Spread, look: f64) -> Seen {
    let mut rng = Seed(2026).stream("oracle-arrivals");
    let ask = classic(1);
    let (mut seen, mut arrivals, mut out) = (Seen::default(), Vec::with_capacity(count), Vec::new());
    let (mut clock, mut next_look, mut looks, mut present) = (0.0, look, 0_u64, 0_u64);
    for id in 0..count {
        clock += gaps.draw(&mut rng) / rate;
        while next_look < clock {
            let at = Offset::from_secs_f64(next_look);
            engine.advance(at, &mut out);
            let state = engine.state(at);
            present += u64::from(state.waiting + state.running);
            looks += 1;
            next_look += look;
        }
        let at = Offset::from_secs_f64(clock);
        engine.advance(at, &mut out);
        arrivals.push(at);
        engine.arrive(at, JobId(id as u64), &ask).expect("room for all");
        note(&mut seen, &arrivals, &mut out);
    }
    engine.advance(Offset::MAX, &mut out);
    note(&mut seen, &arrivals, &mut out);
    seen.mean_present = present as f64 / looks as f64;
    seen.rate = count as f64 / clock;
    seen
}

fn note(seen: &mut Seen, arrivals: &[Offset], out: &mut Vec<Emission>) {
    for emission in out.drain(..) {
        let since = emission.at.since(arrivals[emission.job.0 as usize]).as_secs_f64();
        match emission.event {
            Event::Started => seen.waits.push(since),
            Event::Finished => seen.residences.push(since),
            Event::Tokens(_) | Event::Failed(_) => panic!("not from a classic model with room for all"),
        }
    }
}
