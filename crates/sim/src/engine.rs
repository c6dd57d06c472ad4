//! One simulated model server, whatever model of it is inside: requests go in, tokens come out, time is an argument.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;

use crate::batch::Batch;
use crate::conditions::Conditions;
use crate::fixed::Fixed;
use crate::llm::Llm;

/// A request's number, chosen by the caller; no two requests of an engine share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// What a request asks of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens to generate; 0 for a classic model, whose answer is one document.
    pub output_tokens: u32,
    /// Items of a classic model's request, 1 or more: the rows of its input tensor.
    pub items: u32,
    /// Hashes of the prompt's full blocks, each chained to those before it: equal prefixes, equal hashes. Empty for a
    /// prompt that shares nothing.
    pub prefix: Arc<[u64]>,
}

/// Something that an engine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emission {
    /// When.
    pub at: Offset,
    /// For which request.
    pub job: JobId,
    /// What.
    pub event: Event,
}

/// What an engine does for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It left the queue, for the first time.
    Started,
    /// So many more tokens have been generated.
    Tokens(u32),
    /// All that was asked for has been given: the request is over.
    Finished,
    /// The request is over without the rest.
    Failed(Failure),
}

/// Why an engine gave a request up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It took longer than the server allows.
    TimedOut,
    /// The server crashed.
    Crashed,
    /// It was sent on from a queue in front, and the server behind did not take it.
    Refused(Refused),
}

/// Why an engine does not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The queue is full.
    QueueFull,
    /// A rate limit in front of the server lets no more through; it lets the next one through at this moment.
    RateLimited(Offset),
    /// The server is loading its model; it will be ready at this moment.
    Loading(Offset),
    /// The server does not run at all.
    Down,
    /// Prompt and answer exceed this many tokens, the most that the server has room for; or the request of a classic
    /// model exceeds this many items, the most of a batch.
    TooLong(u32),
}

/// What a server is doing as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Loading its model until this moment.
    Loading(Offset),
    /// Taking requests.
    Ready,
    /// Not running.
    Down,
}

/// What an engine looks like at one moment, and what it has done since it began: the source of every metric that a
/// simulated server exports.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What it is doing as a whole.
    pub phase: Phase,
    /// Requests that wait.
    pub waiting: u32,
    /// Requests that are being worked on.
    pub running: u32,
    /// Blocks of the KV cache that running requests hold, and all there are; both 0 where there is no such cache.
    pub kv_blocks_used: u64,
    /// See `kv_blocks_used`.
    pub kv_blocks_total: u64,
    /// Prompt tokens looked up in the prefix cache, and those found there.
    pub prefix_queries: u64,
    /// See `prefix_queries`.
    pub prefix_hits: u64,
    /// Times that a running request was put back for want of memory.
    pub preemptions: u64,
    /// Prompt tokens of the requests that started.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Items that classic models computed.
    pub items: u64,
    /// Steps of the scheduler, or batches executed.
    pub steps: u64,
    /// Time in which the accelerator had work; with several instances, their mean.
    pub busy: Duration,
    /// Time that requests of a classic model waited before they started, of all that did; 0 for other engines.
    pub queue_time: Duration,
    /// Time that requests of a classic model were worked on, of all that finished: each counts the whole time of its
    /// batch. 0 for other engines.
    pub compute_time: Duration,
    /// Resident memory of the server's process, bytes; 0 where it is not modelled.
    pub resident_bytes: u64,
    /// Memory of the accelerator in use, and all there is, bytes; 0 where it is not modelled.
    pub accelerator_bytes: u64,
    /// See `accelerator_bytes`.
    pub accelerator_bytes_total: u64,
    /// Power drawn by the accelerator, watts; 0 where it is not modelled.
    pub power_watts: f64,
}

impl Default for State {
    /// An idle server that is ready and has done nothing.
    fn default() -> Self {
        State {
            phase: Phase::Ready,
            waiting: 0,
            running: 0,
            kv_blocks_used: 0,
            kv_blocks_total: 0,
            prefix_queries: 0,
            prefix_hits: 0,
            preemptions: 0,
            prompt_tokens: 0,
            generated_tokens: 0,
            items: 0,
            steps: 0,
            busy: Duration::ZERO,
            queue_time: Duration::ZERO,
            compute_time: Duration::ZERO,
            resident_bytes: 0,
            accelerator_bytes: 0,
            accelerator_bytes_total: 0,
            power_watts: 0.0,
        }
    }
}

/// A simulated model server.
///
/// Whoever owns time calls [`Engine::advance`] up to a moment before it tells the engine of anything that happens then:
/// at equal moments, what the engine does comes before what is done to it.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a server has one, and it stays where it is")]
pub enum Engine {
    /// A fixed grid in a fixed number of slots: knows no load but its own queue.
    Fixed(Fixed),
    /// A classic model whose requests are gathered into batches.
    Batch(Batch),
    /// A large language model behind a continuous batcher.
    Llm(Llm),
}

impl Engine {
    /// Gives an idle server a seed of its own.
    pub(crate) fn reseed(&mut self, seed: Seed) {
        match self {
            Engine::Fixed(engine) => engine.options.seed = seed,
            Engine::Batch(engine) => engine.options.seed = seed,
            Engine::Llm(engine) => engine.reseed(seed),
        }
    }

    /// What happens to the server; to be changed only while it is idle.
    pub(crate) fn conditions_mut(&mut self) -> &mut Conditions {
        match self {
            Engine::Fixed(engine) => &mut engine.conditions,
            Engine::Batch(engine) => &mut engine.conditions,
            Engine::Llm(engine) => &mut engine.conditions,
        }
    }

    /// A request arrives at `at`.
    ///
    /// # Errors
    /// The engine does not take it; the request leaves no trace but in what the engine counts.
    pub fn arrive(&mut self, at: Offset, job: JobId, ask: &Ask) -> Result<(), Refused> {
        match self {
            Engine::Fixed(engine) => engine.arrive(at, job, ask),
            Engine::Batch(engine) => engine.arrive(at, job, ask),
            Engine::Llm(engine) => engine.arrive(at, job, ask),
        }
    }

    /// The client of `job` is gone: nothing more is emitted for it. A request that is over already is ignored.
    pub fn cancel(&mut self, at: Offset, job: JobId) {
        match self {
            Engine::Fixed(engine) => engine.cancel(at, job),
            Engine::Batch(engine) => engine.cancel(at, job),
            Engine::Llm(engine) => engine.cancel(at, job),
        }
    }

    /// The next moment at which something happens by itself; nothing while the engine is idle.
    pub fn next_event(&self) -> Option<Offset> {
        match self {
            Engine::Fixed(engine) => engine.next_event(),
            Engine::Batch(engine) => engine.next_event(),
            Engine::Llm(engine) => engine.next_event(),
        }
    }

    /// Lets everything happen that is due at or before `now`, and appends it to `out` in order of time.
    pub fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        match self {
            Engine::Fixed(engine) => engine.advance(now, out),
            Engine::Batch(engine) => engine.advance(now, out),
            Engine::Llm(engine) => engine.advance(now, out),
        }
    }

    /// What the engine looks like at `now`, after [`Engine::advance`] to it.
    pub fn state(&self, now: Offset) -> State {
        match self {
            Engine::Fixed(engine) => engine.state(now),
            Engine::Batch(engine) => engine.state(now),
            Engine::Llm(engine) => engine.state(now),
        }
    }
}
