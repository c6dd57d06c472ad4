//! The simplest server: slots, and in each a fixed time to the first token and from token to token.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::{Rng, Seed};
use plimsoll_core::time::Offset;
use rand::RngExt;
use rustc_hash::FxHashMap;

use crate::conditions::{Change, Conditions};
use crate::engine::{Ask, Emission, Event, Failure, JobId, Refused, State};

/// How a [`Fixed`] server behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedOptions {
    /// From the grant of a slot to the first token.
    pub ttft: Duration,
    /// From token to token.
    pub itl: Duration,
    /// Requests answered at once; those beyond wait, first come first served.
    pub slots: NonZeroU32,
    /// Most requests that wait; `None` is no limit.
    pub queue: Option<u32>,
    /// Relative spread of `ttft` and of each `itl`, 0 to 1: each is drawn evenly from `[1 - jitter, 1 + jitter]` of it.
    pub jitter: f64,
    /// Tokens that come at once, as from a speculative decoder. They come when the first of them is due.
    pub tokens_per_step: NonZeroU32,
    /// A pause before the token halfway through the answer, of the requests that `stall_rate` picks.
    pub stall: Duration,
    /// Share of requests that `stall` delays, 0 to 1.
    pub stall_rate: f64,
    /// The seed of jitter and stalls: a request's draws depend on it and on the request's number only.
    pub seed: Seed,
}

/// A server on a fixed time grid. The grid of an answer is absolute: nothing that others do moves it.
#[derive(Clone, Debug)]
pub struct Fixed {
    pub(crate) options: FixedOptions,
    free: u32,
    queue: VecDeque<JobId>,
    /// Requests in `queue` that have not left.
    waiting: u32,
    jobs: FxHashMap<JobId, Job>,
    /// When which request goes on. Requests that are gone are skipped.
    due: BinaryHeap<Reverse<(Offset, JobId)>>,
    /// Requests granted a slot since the last `advance`, with the moment.
    granted: VecDeque<Emission>,
    pub(crate) conditions: Conditions,
    done: State,
    /// Since when a slot has been taken without a break.
    busy_since: Option<Offset>,
}

/// What happens next, in the order in which things happen that are due at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    GoesOn(JobId),
    TimesOut(JobId),
    Changes,
}

#[derive(Clone, Debug)]
struct Job {
    ask: Ask,
    sent: u32,
    rng: Rng,
    stall_at: Option<u32>,
    running: bool,
}

impl Fixed {
    /// An idle server that is ready and stays well.
    pub fn new(options: FixedOptions) -> Self {
        Self::under(options, Conditions::default())
    }

    /// An idle server to which `conditions` happen. They stretch the grid: a stall delays all that comes after it.
    pub fn under(options: FixedOptions, conditions: Conditions) -> Self {
        Fixed {
            free: options.slots.get(),
            options,
            conditions,
            queue: VecDeque::new(),
            waiting: 0,
            jobs: FxHashMap::default(),
            due: BinaryHeap::new(),
            granted: VecDeque::new(),
            done: State::default(),
            busy_since: None,
        }
    }

    /// See [`crate::Engine::arrive`].
    ///
    /// # Errors
    /// The server is not ready, or the queue is full.
    pub fn arrive(&mut self, at: Offset, id: JobId, ask: &Ask) -> Result<(), Refused> {
        if let Some(refusal) = self.conditions.refusal(at) {
            return Err(refusal);
        }
        if self.free == 0 && self.options.queue.is_some_and(|max| self.waiting >= max) {
            return Err(Refused::QueueFull);
        }
        let mut rng = self.options.seed.keyed("sim-fixed", id.0);
        let stalls = rng.random::<f64>() < self.options.stall_rate && !self.options.stall.is_zero();
        let stall_at = stalls.then_some(ask.output_tokens / 2);
        self.jobs.insert(id, Job { ask: ask.clone(), sent: 0, rng, stall_at, running: false });
        self.queue.push_back(id);
        self.waiting += 1;
        self.conditions.arrived(at, id);
        self.grant(at);
        Ok(())
    }

    /// See [`crate::Engine::cancel`].
    pub fn cancel(&mut self, at: Offset, id: JobId) {
        let Some(job) = self.jobs.remove(&id) else {
            return;
        };
        self.conditions.drop_over(|job| self.jobs.contains_key(&job));
        if job.running {
            self.release(at);
        } else {
            self.waiting -= 1;
        }
    }

    /// See [`crate::Engine::next_event`].
    pub fn next_event(&self) -> Option<Offset> {
        if self.jobs.is_empty() && self.granted.is_empty() {
            return None; // a change of phase concerns nobody
        }
        let granted = self.granted.front().map(|emission| emission.at);
        granted.or_else(|| self.next().map(|(at, _)| at))
    }

    /// See [`crate::Engine::advance`].
    pub fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        out.extend(self.granted.drain(..));
        while let Some((at, next)) = self.next()
            && at <= now
        {
            match next {
                Next::GoesOn(id) => {
                    self.due.pop();
                    self.step(at, id, out);
                }
                Next::TimesOut(id) => {
                    self.cancel(at, id);
                    out.push(Emission { at, job: id, event: Event::Failed(Failure::TimedOut) });
                }
                Next::Changes => {
                    if self.conditions.change(at) == Change::Crashed {
                        self.crash(at, out);
                    }
                }
            }
            out.extend(self.granted.drain(..));
        }
    }

    /// See [`crate::Engine::state`].
    pub fn state(&self, now: Offset) -> State {
        State {
            phase: self.conditions.phase(),
            waiting: self.waiting,
            running: self.options.slots.get() - self.free,
            busy: self.done.busy + self.busy_since.map_or(Duration::ZERO, |since| now.since(since)),
            resident_bytes: self.conditions.resident_bytes(),
            ..self.done.clone()
        }
    }

    fn next(&self) -> Option<(Offset, Next)> {
        let due = self.due.peek().map(|&Reverse((at, id))| (at, Next::GoesOn(id)));
        let timeout = self.conditions.next_timeout().map(|(at, id)| (at, Next::TimesOut(id)));
        let change = self.conditions.next_change().map(|at| (at, Next::Changes));
        [due, timeout, change].into_iter().flatten().min()
    }

    /// All requests are lost.
    fn crash(&mut self, at: Offset, out: &mut Vec<Emission>) {
        let mut lost: Vec<JobId> = self.jobs.drain().map(|(id, _)| id).collect();
        lost.sort_unstable();
        self.conditions.drop_over(|_| false);
        out.extend(lost.into_iter().map(|job| Emission { at, job, event: Event::Failed(Failure::Crashed) }));
        self.queue.clear();
        self.due.clear();
        self.waiting = 0;
        self.free = self.options.slots.get();
        self.rest(at);
    }

    /// A slot is free again.
    fn release(&mut self, at: Offset) {
        self.free += 1;
        self.grant(at);
        if self.free == self.options.slots.get() {
            self.rest(at);
        }
    }

    /// No slot is taken.
    fn rest(&mut self, at: Offset) {
        if let Some(since) = self.busy_since.take() {
            self.done.busy += at.since(since);
        }
    }

    /// Gives free slots to those who have waited longest.
    fn grant(&mut self, at: Offset) {
        while self.free > 0
            && let Some(id) = self.queue.pop_front()
        {
            let Some(job) = self.jobs.get_mut(&id) else {
                continue; // it left while it waited
            };
            job.running = true;
            self.busy_since.get_or_insert(at);
            self.free -= 1;
            self.waiting -= 1;
            self.done.prompt_tokens += u64::from(job.ask.prompt_tokens);
            self.granted.push_back(Emission { at, job: id, event: Event::Started });
            let first = self.conditions.end_of(at, job.next_pause(&self.options));
            self.due.push(Reverse((first, id)));
        }
    }

    /// The next tokens of a request, or its end.
    fn step(&mut self, at: Offset, id: JobId, out: &mut Vec<Emission>) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return; // its client left
        };
        let count = self.options.tokens_per_step.get().min(job.ask.output_tokens - job.sent);
        job.sent += count;
        self.done.steps += 1;
        self.done.generated_tokens += u64::from(count);
        if count > 0 {
            out.push(Emission { at, job: id, event: Event::Tokens(count) });
        }
        if job.sent < job.ask.output_tokens {
            let next = self.conditions.end_of(at, job.next_pause(&self.options));
            self.due.push(Reverse((next, id)));
            return;
        }
        self.done.items += u64::from(job.ask.items);
        out.push(Emission { at, job: id, event: Event::Finished });
        self.jobs.remove(&id);
        self.conditions.served(at);
        self.conditions.drop_over(|job| self.jobs.contains_key(&job));
        self.release(at);
    }
}

impl Job {
    /// From the last tokens, or the grant, to the next tokens.
    fn next_pause(&mut self, options: &FixedOptions) -> Duration {
        let count = options.tokens_per_step.get();
        let even = if self.sent == 0 { options.ttft } else { options.itl * count };
        let mut pause = even;
        if options.jitter > 0.0 {
            let lot: f64 = self.rng.random();
            pause = even.mul_f64(1.0 + options.jitter * (2.0 * lot - 1.0));
        }
        if self.stall_at.is_some_and(|at| at < self.sent + count) {
            self.stall_at = None;
            pause += options.stall;
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Engine;

    const MS: u64 = 1_000_000;

    fn options() -> FixedOptions {
        FixedOptions {
            ttft: Duration::from_millis(50),
            itl: Duration::from_millis(10),
            slots: NonZeroU32::MIN,
            queue: None,
            jitter: 0.0,
            tokens_per_step: NonZeroU32::MIN,
            stall: Duration::ZERO,
            stall_rate: 1.0,
            seed: Seed(0),
        }
    }

    fn ask(output_tokens: u32) -> Ask {
        Ask { prompt_tokens: 5, output_tokens, items: 1, prefix: Arc::default() }
    }

    /// Tokens of each request as (ms, request, count).
    fn tokens(engine: &mut Engine) -> Vec<(u64, u64, u32)> {
        let mut out = Vec::new();
        engine.advance(Offset::MAX, &mut out);
        let tokens = |emission: &Emission| match emission.event {
            Event::Tokens(count) => Some((emission.at.as_nanos() / MS, emission.job.0, count)),
            _ => None,
        };
        out.iter().filter_map(tokens).collect()
    }

    fn engine(options: FixedOptions, asks: &[u32]) -> Engine {
        let mut engine = Engine::Fixed(Fixed::new(options));
        for (id, &tokens) in (0..).zip(asks) {
            engine.arrive(Offset::ZERO, JobId(id), &ask(tokens)).unwrap();
        }
        engine
    }

    #[test]
    fn tokens_come_on_an_absolute_grid_and_slots_in_order() {
        let one = |options: FixedOptions, asked| tokens(&mut engine(options, &[asked]));
        assert_eq!(one(options(), 3), [(50, 0, 1), (60, 0, 1), (70, 0, 1)]);
        let pairs = FixedOptions { tokens_per_step: NonZeroU32::new(2).unwrap(), ..options() };
        assert_eq!(one(pairs, 5), [(50, 0, 2), (70, 0, 2), (90, 0, 1)]);
        let stall = FixedOptions { stall: Duration::from_secs(1), ..options() };
        assert_eq!(one(stall, 4), [(50, 0, 1), (60, 0, 1), (1070, 0, 1), (1080, 0, 1)]);
        assert_eq!(tokens(&mut engine(options(), &[1, 2])), [(50, 0, 1), (100, 1, 1), (110, 1, 1)]);
    }

    #[test]
    fn a_full_queue_refuses_and_those_who_left_make_room() {
        let mut engine = engine(FixedOptions { queue: Some(1), ..options() }, &[2, 2]);
        assert_eq!(engine.arrive(Offset::ZERO, JobId(2), &ask(2)), Err(Refused::QueueFull));
        engine.cancel(Offset::ZERO, JobId(1));
        assert_eq!(engine.arrive(Offset::ZERO, JobId(3), &ask(1)), Ok(()));
        assert_eq!((engine.state(Offset::ZERO).waiting, engine.state(Offset::ZERO).running), (1, 1));
        engine.cancel(Offset::from_nanos(MS), JobId(0));
        assert_eq!(tokens(&mut engine), [(51, 3, 1)]);
        assert_eq!((engine.next_event(), engine.state(Offset::MAX).running), (None, 0));
    }

    #[test]
    fn it_is_busy_while_a_slot_is_taken() {
        let mut engine = engine(options(), &[2, 1]);
        let ms = |ms| Offset::from_nanos(ms * MS);
        let busy = [20, 60, 100, 110, 500].map(|at| {
            engine.advance(ms(at), &mut Vec::new());
            engine.state(ms(at)).busy.as_millis()
        });
        assert_eq!(busy, [20, 60, 100, 110, 110]);
        engine.arrive(ms(600), JobId(2), &ask(1)).unwrap();
        engine.cancel(ms(630), JobId(2));
        assert_eq!(engine.state(ms(700)).busy.as_millis(), 140);
    }

    #[test]
    fn jitter_repeats_with_the_seed_and_differs_without() {
        let play = |seed| {
            tokens(&mut engine(FixedOptions { jitter: 0.5, seed: Seed(seed), ..options() }, &[200; 3]))
        };
        assert_eq!(play(1), play(1));
        assert_ne!(play(1), play(2));
    }
}
