//! The batching engine: a queue, a rule for batches, and instances that work on them.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::instances::Instances;
use super::line::{Job, Line, Next};
use super::options::BatchOptions;
use crate::conditions::{Change, Conditions};
use crate::engine::{Ask, Emission, Event, Failure, JobId, Refused, State};

/// A server of a classic model.
#[derive(Clone, Debug)]
pub struct Batch {
    pub(crate) options: BatchOptions,
    line: Line,
    instances: Instances,
    /// When a batch leaves although it is not as large as it could be, if an instance is free.
    wake: Option<Offset>,
    /// What began since the last `advance`.
    begun: Vec<Emission>,
    pub(crate) conditions: Conditions,
    done: State,
}

impl Batch {
    /// An idle server that is ready and stays well.
    pub fn new(options: BatchOptions) -> Self {
        Self::under(options, Conditions::default())
    }

    /// An idle server to which `conditions` happen.
    pub fn under(options: BatchOptions, conditions: Conditions) -> Self {
        Batch {
            conditions,
            line: Line::new(&options.batching),
            instances: Instances::new(options.instances.get()),
            wake: None,
            begun: Vec::new(),
            done: State::default(),
            options,
        }
    }

    /// See [`crate::Engine::arrive`].
    ///
    /// # Errors
    /// The server is not ready, the queue is full, or the request has more items than a batch may have.
    pub fn arrive(&mut self, at: Offset, id: JobId, ask: &Ask) -> Result<(), Refused> {
        if let Some(refusal) = self.conditions.refusal(at) {
            return Err(refusal);
        }
        let items = ask.items.max(1);
        if let Some(max) = self.line.max_items()
            && items > max
        {
            return Err(Refused::TooLong(max));
        }
        let limited = !self.instances.any_free() || self.line.limit_holds_while_gathering();
        if limited && self.options.queue.is_some_and(|max| self.line.len() >= max.get() as usize) {
            return Err(Refused::QueueFull);
        }
        self.line.push(Job {
            id,
            arrived: at,
            items,
            prompt_tokens: ask.prompt_tokens,
            output_tokens: ask.output_tokens,
        });
        self.gather(at);
        Ok(())
    }

    /// See [`crate::Engine::cancel`].
    pub fn cancel(&mut self, at: Offset, id: JobId) {
        if self.line.remove(id).is_some() {
            self.gather(at);
        } else {
            self.instances.remove(id);
        }
    }

    /// See [`crate::Engine::next_event`].
    pub fn next_event(&self) -> Option<Offset> {
        match self.begun.first() {
            Some(emission) => Some(emission.at),
            // While nobody is in, a change of phase concerns nobody.
            None if self.line.len() == 0 && self.instances.next_end().is_none() => None,
            None => self.next_due(),
        }
    }

    /// See [`crate::Engine::advance`].
    pub fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        out.append(&mut self.begun);
        while let Some(at) = self.next_due()
            && at <= now
        {
            self.finish(at, out);
            self.gather(at);
            out.append(&mut self.begun);
            if self.expire(at, out) {
                self.gather(at);
                out.append(&mut self.begun);
            }
            if self.conditions.next_change().is_some_and(|change| change <= at)
                && self.conditions.change(at) == Change::Crashed
            {
                self.crash(at, out);
            }
        }
    }

    /// See [`crate::Engine::state`].
    pub fn state(&self, now: Offset) -> State {
        let (busy, all) = self.instances.busy_of();
        let accelerator = &self.options.accelerator;
        let share = busy as f64 / all as f64;
        State {
            waiting: self.line.len() as u32,
            running: self.instances.running(),
            phase: self.conditions.phase(),
            busy: Duration::from_nanos(self.instances.busy_nanos(now) / all as u64),
            resident_bytes: self.conditions.resident_bytes(),
            accelerator_bytes: (accelerator.bytes as f64 * self.conditions.loaded_share(now)) as u64,
            accelerator_bytes_total: accelerator.bytes_total,
            power_watts: accelerator.watts_idle + (accelerator.watts_busy - accelerator.watts_idle) * share,
            ..self.done.clone()
        }
    }

    /// The next moment at which something happens by itself.
    fn next_due(&self) -> Option<Offset> {
        let change = self.conditions.next_change();
        [self.instances.next_end(), self.wake, self.next_expiry(), change].into_iter().flatten().min()
    }

    /// When the next request has waited, or been there at all, for too long.
    fn next_expiry(&self) -> Option<Offset> {
        let in_queue = self.options.queue_timeout.zip(self.line.oldest());
        let in_all = self.conditions.request_timeout().zip(self.oldest());
        [in_queue, in_all].into_iter().flatten().map(|(timeout, job)| job.arrived + timeout).min()
    }

    /// The oldest request of all.
    fn oldest(&self) -> Option<&Job> {
        [self.instances.oldest(), self.line.oldest()].into_iter().flatten().min_by_key(|job| job.arrived)
    }

    /// Lets all batches that are due leave.
    fn gather(&mut self, at: Offset) {
        self.wake = None;
        while self.instances.any_free() {
            match self.line.next(at) {
                None => return,
                Some(Next::Now(count)) => self.start(at, count),
                Some(Next::At(due)) => {
                    self.wake = Some(due);
                    return;
                }
            }
        }
    }

    /// Starts a batch of the `count` oldest requests.
    fn start(&mut self, at: Offset, count: usize) {
        let Some((index, batch)) = self.instances.take(at) else {
            return;
        };
        for job in std::iter::from_fn(|| self.line.pop()).take(count) {
            batch.items += u64::from(job.items);
            batch.jobs.push(job);
            self.done.prompt_tokens += u64::from(job.prompt_tokens);
            self.done.queue_time += at.since(job.arrived);
            self.begun.push(Emission { at, job: job.id, event: Event::Started });
        }
        let items = batch.items;
        let end = self.conditions.end_of(at, self.service_time(items));
        self.done.steps += 1;
        self.instances.launch(index, end);
    }

    /// How long the next batch takes, with so many items.
    fn service_time(&self, items: u64) -> Duration {
        let cost = &self.options.cost;
        let items = (cost.per_item.as_nanos() as u64).saturating_mul(items);
        let nanos = (cost.per_batch.as_nanos() as u64).saturating_add(items);
        if cost.spread.is_constant() {
            return Duration::from_nanos(nanos);
        }
        let mut rng = self.options.seed.keyed("sim-batch", self.done.steps);
        Duration::from_nanos((nanos as f64 * cost.spread.draw(&mut rng)).round() as u64)
    }

    /// Ends all batches that are over.
    fn finish(&mut self, at: Offset, out: &mut Vec<Emission>) {
        while let Some(batch) = self.instances.finish(at) {
            self.done.items += batch.items;
            self.done.compute_time += at.since(batch.started) * batch.jobs.len() as u32;
            for job in &batch.jobs {
                if job.output_tokens > 0 {
                    self.done.generated_tokens += u64::from(job.output_tokens);
                    out.push(Emission { at, job: job.id, event: Event::Tokens(job.output_tokens) });
                }
                self.conditions.served(at);
                out.push(Emission { at, job: job.id, event: Event::Finished });
            }
        }
    }

    /// Gives up those who have been there too long; says whether there were any.
    fn expire(&mut self, at: Offset, out: &mut Vec<Emission>) -> bool {
        let before = out.len();
        while let Some(timeout) = self.conditions.request_timeout()
            && let Some(oldest) = self.oldest()
            && oldest.arrived + timeout <= at
        {
            let id = oldest.id;
            if self.line.remove(id).is_none() {
                self.instances.remove(id);
            }
            out.push(Emission { at, job: id, event: Event::Failed(Failure::TimedOut) });
        }
        while let Some(timeout) = self.options.queue_timeout
            && self.line.oldest().is_some_and(|oldest| oldest.arrived + timeout <= at)
            && let Some(job) = self.line.pop()
        {
            out.push(Emission { at, job: job.id, event: Event::Failed(Failure::TimedOut) });
        }
        out.len() > before
    }

    /// All requests are lost, in the order of their numbers.
    fn crash(&mut self, at: Offset, out: &mut Vec<Emission>) {
        let mut lost: Vec<JobId> =
            self.instances.clear(at).chain(self.line.clear()).map(|job| job.id).collect();
        lost.sort_unstable();
        out.extend(lost.into_iter().map(|job| Emission { at, job, event: Event::Failed(Failure::Crashed) }));
        self.wake = None;
    }
}
