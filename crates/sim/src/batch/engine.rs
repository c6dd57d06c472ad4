//! The batching engine: a queue, a rule for batches, and instances that work on them.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::instances::Instances;
use super::line::{Job, Line, Next};
use super::options::BatchOptions;
use crate::engine::{Ask, Emission, Event, Failure, JobId, Refused, State};

/// A server of a classic model.
#[derive(Clone, Debug)]
pub struct Batch {
    options: BatchOptions,
    line: Line,
    instances: Instances,
    /// When a batch leaves although it is not as large as it could be, if an instance is free.
    wake: Option<Offset>,
    /// What began since the last `advance`.
    begun: Vec<Emission>,
    done: State,
}

impl Batch {
    /// An idle server.
    pub fn new(options: BatchOptions) -> Self {
        Batch {
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
    /// The queue is full, or the request has more items than a batch may have.
    pub fn arrive(&mut self, at: Offset, id: JobId, ask: &Ask) -> Result<(), Refused> {
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
            if self.expire(at, out) {
                self.gather(at);
            }
            out.append(&mut self.begun);
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
            busy: Duration::from_nanos(self.instances.busy_nanos(now) / all as u64),
            accelerator_bytes: accelerator.bytes,
            accelerator_bytes_total: accelerator.bytes_total,
            power_watts: accelerator.watts_idle + (accelerator.watts_busy - accelerator.watts_idle) * share,
            ..self.done.clone()
        }
    }

    /// The next moment at which something happens by itself.
    fn next_due(&self) -> Option<Offset> {
        let expiry = match (self.options.queue_timeout, self.line.oldest()) {
            (Some(timeout), Some(oldest)) => Some(oldest.arrived + timeout),
            _ => None,
        };
        [self.instances.next_end(), self.wake, expiry].into_iter().flatten().min()
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
        let end = at + self.service_time(items);
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
                out.push(Emission { at, job: job.id, event: Event::Finished });
            }
        }
    }

    /// Gives up those who have waited too long; says whether there were any.
    fn expire(&mut self, at: Offset, out: &mut Vec<Emission>) -> bool {
        let before = self.line.len();
        let Some(timeout) = self.options.queue_timeout else {
            return false;
        };
        while self.line.oldest().is_some_and(|oldest| oldest.arrived + timeout <= at)
            && let Some(job) = self.line.pop()
        {
            out.push(Emission { at, job: job.id, event: Event::Failed(Failure::TimedOut) });
        }
        self.line.len() < before
    }
}
