//! The LLM server: what happens to it, and what it does step by step.

use std::collections::VecDeque;

use plimsoll_core::seed::{Rng, Seed};
use plimsoll_core::time::Offset;
use rustc_hash::FxHashMap;

use super::job::{Job, Place};
use super::kv_cache::KvCache;
use super::power::PowerMeter;
use super::{LlmOptions, OptionsError};
use crate::conditions::{Change, Conditions};
use crate::engine::{Ask, Emission, Event, Failure, JobId, Refused, State};

/// The number of a request's entry in the table of jobs.
pub(super) type Slot = u32;

/// The stream from which the jitter of steps is drawn.
const JITTER: &str = "sim-llm-jitter";

/// A simulated LLM server.
#[derive(Clone, Debug)]
pub struct Llm {
    pub(super) options: LlmOptions,
    /// Entries of requests; those that are free are listed.
    pub(super) jobs: Vec<Job>,
    free: Vec<Slot>,
    by_id: FxHashMap<JobId, Slot>,
    /// First come first served, the preempted in front. Some may have left.
    pub(super) waiting: VecDeque<Slot>,
    /// Requests in `waiting` that have not left.
    pub(super) waiting_count: u32,
    /// In order of admission.
    pub(super) running: Vec<Slot>,
    pub(super) kv: KvCache,
    /// The step in flight.
    pub(super) step: Option<Step>,
    /// When the next step begins, if none is in flight and requests wait.
    wake: Option<Offset>,
    pub(super) jitter: Rng,
    pub(crate) conditions: Conditions,
    power: PowerMeter,
    pub(super) done: State,
}

/// What happens next, in the order in which things happen that are due at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    StepEnds,
    TimesOut(JobId),
    Changes,
    StepBegins,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub began: Offset,
    pub ends: Offset,
    /// See [`super::StepTime::compute_share`].
    pub compute_share: f64,
}

impl Llm {
    /// An idle server.
    ///
    /// # Errors
    /// `options` make no server; see [`LlmOptions::check`].
    pub fn new(options: LlmOptions) -> Result<Self, OptionsError> {
        options.check()?;
        Ok(Llm {
            jobs: Vec::new(),
            free: Vec::new(),
            by_id: FxHashMap::default(),
            waiting: VecDeque::new(),
            waiting_count: 0,
            running: Vec::new(),
            kv: KvCache::new(options.kv_blocks.get(), options.block_size.get()),
            step: None,
            wake: None,
            conditions: Conditions::new(options.conditions.clone())?,
            jitter: options.seed.stream(JITTER),
            power: PowerMeter::default(),
            done: State::default(),
            options,
        })
    }

    /// See [`crate::Engine::reseed`].
    pub(crate) fn reseed(&mut self, seed: Seed) {
        self.options.seed = seed;
        self.jitter = seed.stream(JITTER);
    }

    /// What the server is made of.
    pub fn options(&self) -> &LlmOptions {
        &self.options
    }

    /// See [`crate::Engine::arrive`].
    ///
    /// # Errors
    /// The server is not ready, the queue is full, or the request is longer than [`LlmOptions::longest_request`].
    pub fn arrive(&mut self, at: Offset, id: JobId, ask: &Ask) -> Result<(), Refused> {
        if let Some(refusal) = self.conditions.refusal(at) {
            return Err(refusal);
        }
        let longest = self.options.longest_request();
        if ask.prompt_tokens.saturating_add(ask.output_tokens) > longest {
            return Err(Refused::TooLong(longest));
        }
        let places = self.options.max_num_seqs.get().saturating_sub(self.running.len() as u32);
        if self.options.queue.is_some_and(|most| self.waiting_count >= most.saturating_add(places)) {
            return Err(Refused::QueueFull);
        }
        let slot = self.insert(id, ask);
        self.waiting.push_back(slot);
        self.waiting_count += 1;
        self.conditions.arrived(at, id);
        if self.step.is_none() && self.wake.is_none() {
            self.wake = Some(at);
        }
        Ok(())
    }

    /// See [`crate::Engine::cancel`].
    pub fn cancel(&mut self, _at: Offset, id: JobId) {
        if self.remove(id) {
            self.conditions.drop_over(|job| self.by_id.contains_key(&job));
        }
    }

    /// See [`crate::Engine::next_event`].
    pub fn next_event(&self) -> Option<Offset> {
        if self.by_id.is_empty() && self.step.is_none() {
            return None; // a change of phase concerns nobody
        }
        self.next().map(|(at, _)| at)
    }

    /// See [`crate::Engine::advance`].
    pub fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        while let Some((at, next)) = self.next()
            && at <= now
        {
            match next {
                Next::StepEnds => self.end_step(out),
                Next::StepBegins => {
                    self.wake = None;
                    self.begin_step(at, out);
                }
                Next::TimesOut(id) => {
                    self.remove(id);
                    self.conditions.drop_over(|job| self.by_id.contains_key(&job));
                    out.push(Emission { at, job: id, event: Event::Failed(Failure::TimedOut) });
                }
                Next::Changes => {
                    if self.conditions.change(at) == Change::Crashed {
                        self.crash(at, out);
                    }
                }
            }
        }
    }

    fn next(&self) -> Option<(Offset, Next)> {
        let work = match (self.step, self.wake) {
            (Some(step), _) => Some((step.ends, Next::StepEnds)),
            (None, wake) => wake.map(|at| (at, Next::StepBegins)),
        };
        let timeout = self.conditions.next_timeout().map(|(at, id)| (at, Next::TimesOut(id)));
        let change = self.conditions.next_change().map(|at| (at, Next::Changes));
        [work, timeout, change].into_iter().flatten().min()
    }

    /// See [`crate::Engine::state`].
    pub fn state(&self, now: Offset) -> State {
        let hardware = &self.options.hardware;
        let mut busy = self.done.busy;
        let mut power = self.power;
        if let Some(step) = self.step {
            let until = step.ends.min(now);
            busy += until.since(step.began);
            power.worked(step.began, until, step.compute_share);
        }
        State {
            phase: self.conditions.phase(),
            waiting: self.waiting_count,
            running: self.running.len() as u32,
            kv_blocks_used: self.kv.used().into(),
            kv_blocks_total: self.kv.total().into(),
            busy,
            resident_bytes: self.conditions.resident_bytes(),
            accelerator_bytes: (hardware.memory_used as f64 * self.conditions.loaded_share(now)) as u64,
            accelerator_bytes_total: hardware.memory,
            power_watts: power.watts(now, hardware),
            ..self.done.clone()
        }
    }

    /// Gives the results of the step in flight out, and lets the next one begin.
    fn end_step(&mut self, out: &mut Vec<Emission>) {
        let Some(step) = self.step.take() else {
            return;
        };
        let at = step.ends;
        self.done.steps += 1;
        self.worked(step, at);
        let mut kept = 0;
        for index in 0..self.running.len() {
            let slot = self.running[index];
            if self.receive(at, slot, out) {
                self.finish(at, slot, out);
            } else {
                self.running[kept] = slot;
                kept += 1;
            }
        }
        let over = kept < self.running.len();
        self.running.truncate(kept);
        if over {
            self.conditions.drop_over(|job| self.by_id.contains_key(&job));
        }
        self.wake = (!self.by_id.is_empty()).then_some(at);
    }

    /// The accelerator worked on `step` until `until`.
    fn worked(&mut self, step: Step, until: Offset) {
        self.done.busy += until.since(step.began);
        self.power.worked(step.began, until, step.compute_share);
    }

    /// All requests are lost, and so is what the KV cache held.
    fn crash(&mut self, at: Offset, out: &mut Vec<Emission>) {
        if let Some(step) = self.step.take() {
            self.worked(step, at);
        }
        let mut lost: Vec<JobId> = self.by_id.drain().map(|(id, _)| id).collect();
        lost.sort_unstable();
        self.conditions.drop_over(|_| false);
        out.extend(lost.into_iter().map(|job| Emission { at, job, event: Event::Failed(Failure::Crashed) }));
        self.jobs.clear();
        self.free.clear();
        self.waiting.clear();
        self.waiting_count = 0;
        self.running.clear();
        self.wake = None;
        self.kv = KvCache::new(self.options.kv_blocks.get(), self.options.block_size.get());
    }

    /// Takes a request out, wherever it is; false if it is over already.
    fn remove(&mut self, id: JobId) -> bool {
        let Some(slot) = self.by_id.remove(&id) else {
            return false;
        };
        let job = &mut self.jobs[slot as usize];
        if job.place == Place::Waiting {
            job.place = Place::Gone;
            self.waiting_count -= 1;
        } else {
            self.kv.release(&mut job.blocks);
            self.free.push(slot);
            self.running.retain(|&other| other != slot);
        }
        true
    }

    /// What the step did for one request; true if that was the last.
    #[inline]
    fn receive(&mut self, at: Offset, slot: Slot, out: &mut Vec<Emission>) -> bool {
        let job = &mut self.jobs[slot as usize];
        if job.scheduled == 0 {
            return false;
        }
        let accepted = if job.drafted > 0 { job.accepted(self.options.speculative.as_ref()) } else { 0 };
        job.computed += job.scheduled - job.drafted;
        job.scheduled = 0;
        if job.computed < job.known {
            return false; // the rest of its prompt comes in later steps
        }
        let count = (1 + accepted).min(job.remaining);
        job.computed += count.saturating_sub(1);
        job.known += count;
        job.remaining -= count;
        self.done.generated_tokens += u64::from(count);
        if count > 0 {
            out.push(Emission { at, job: job.id, event: Event::Tokens(count) });
        }
        job.remaining == 0
    }

    /// The request in `slot` has all that it asked for. It is taken out of `running` by the caller.
    fn finish(&mut self, at: Offset, slot: Slot, out: &mut Vec<Emission>) {
        let job = &mut self.jobs[slot as usize];
        self.kv.release(&mut job.blocks);
        self.by_id.remove(&job.id);
        self.conditions.served(at);
        out.push(Emission { at, job: job.id, event: Event::Finished });
        self.free.push(slot);
    }

    fn insert(&mut self, id: JobId, ask: &Ask) -> Slot {
        let mut job = Job::new(id, ask, self.options.block_size.get(), self.options.prefix_caching);
        job.rng = self.options.speculative.as_ref().map(|_| self.options.seed.keyed("sim-llm-accept", id.0));
        let slot = match self.free.pop() {
            Some(slot) => {
                let old = &mut self.jobs[slot as usize];
                job.blocks = std::mem::take(&mut old.blocks); // empty, with its memory
                *old = job;
                slot
            }
            None => {
                self.jobs.push(job);
                self.jobs.len() as Slot - 1
            }
        };
        self.by_id.insert(id, slot);
        slot
    }

    /// Frees the entry of a request that left while it waited.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.free.push(slot);
    }
}
