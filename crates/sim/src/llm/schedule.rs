//! Which tokens the next step computes.
//!
//! The order is that of vLLM's V1 scheduler: running requests first, each its next token or more of its prompt; then,
//! if nobody had to be preempted, waiting ones, first come first served.

use std::time::Duration;

use plimsoll_core::time::Offset;
use rand::RngExt;

use super::BatchShape;
use super::engine::{Llm, Slot, Step};
use super::job::Place;
use crate::engine::{Emission, Event};

impl Llm {
    /// Fills a step that begins at `at`; starts none if there is nothing to compute.
    pub(super) fn begin_step(&mut self, at: Offset, out: &mut Vec<Emission>) {
        let mut batch = BatchShape::default();
        let mut budget = self.options.max_num_batched_tokens.get();
        let preemptions = self.done.preemptions;
        self.continue_running(&mut budget, &mut batch);
        if self.done.preemptions == preemptions {
            self.admit_waiting(at, &mut budget, &mut batch, out);
        }
        if batch.sequences == 0 {
            return;
        }
        let span = self.step_time(&batch);
        let compute_share = self.options.step_time.compute_share(&batch, span);
        self.step = Some(Step { began: at, ends: self.conditions.end_of(at, span), compute_share });
    }

    fn step_time(&mut self, batch: &BatchShape) -> Duration {
        let mut span = self.options.step_time.step(batch);
        if let Some(guess) = &self.options.speculative
            && batch.drafted_tokens > 0
        {
            span += guess.draft * guess.acceptance.len() as u32;
        }
        if self.options.jitter > 0.0 {
            let lot: f64 = self.jitter.random();
            span = span.mul_f64(1.0 + self.options.jitter * (2.0 * lot - 1.0));
        }
        span
    }

    /// Those that run, in order of admission, until the budget is spent.
    fn continue_running(&mut self, budget: &mut u32, batch: &mut BatchShape) {
        let drafts = self.options.drafted();
        let mut index = 0;
        while index < self.running.len() && *budget > 0 {
            let slot = self.running[index];
            let job = &mut self.jobs[slot as usize];
            let decodes = job.decodes();
            let wanted = job.known - job.computed + if decodes { drafts } else { 0 };
            let count = wanted.min(*budget);
            let tokens = job.computed + count;
            if !self.kv.extend(&mut job.blocks, tokens) && !self.make_room(slot, tokens) {
                return; // it was the last, and had to go itself
            }
            let job = &mut self.jobs[slot as usize];
            job.scheduled = count;
            *budget -= count;
            if decodes {
                job.drafted = count - 1;
                batch.add_decode(job.computed, count - 1);
            } else {
                job.drafted = 0;
                batch.add_prefill(job.computed, count);
                self.publish(slot);
            }
            index += 1;
        }
    }

    /// Preempts the last of those that run until the request in `slot` has room for `tokens`; false if it went itself.
    fn make_room(&mut self, slot: Slot, tokens: u32) -> bool {
        while let Some(last) = self.running.pop() {
            self.preempt(last);
            if last == slot {
                return false;
            }
            if self.kv.extend(&mut self.jobs[slot as usize].blocks, tokens) {
                return true;
            }
        }
        false
    }

    /// Takes a request's blocks away. It will compute all its tokens again, but for those in blocks that it finds as
    /// they were: nobody needed them in the meantime.
    fn preempt(&mut self, slot: Slot) {
        let full = {
            let job = &mut self.jobs[slot as usize];
            job.preempted = self.options.prefix_caching;
            job.computed / self.options.block_size.get()
        };
        self.publish_until(slot, full);
        let job = &mut self.jobs[slot as usize];
        self.kv.release(&mut job.blocks);
        job.computed = 0;
        job.scheduled = 0;
        job.published = 0;
        job.place = Place::Waiting;
        self.waiting.push_front(slot);
        self.waiting_count += 1;
        self.done.preemptions += 1;
    }

    /// Those that wait, while places, budget and blocks last.
    fn admit_waiting(
        &mut self,
        at: Offset,
        budget: &mut u32,
        batch: &mut BatchShape,
        out: &mut Vec<Emission>,
    ) {
        while *budget > 0 && self.running.len() < self.options.max_num_seqs.get() as usize {
            let Some(slot) = self.first_waiting() else {
                return;
            };
            let Some(count) = self.admit(slot, *budget) else {
                return; // nobody overtakes the first
            };
            self.waiting.pop_front();
            self.waiting_count -= 1;
            self.running.push(slot);
            *budget -= count;
            self.publish(slot);
            let job = &mut self.jobs[slot as usize];
            batch.add_prefill(job.computed, count);
            if !job.started {
                job.started = true;
                self.done.prompt_tokens += u64::from(job.prompt);
                out.push(Emission { at, job: job.id, event: Event::Started });
            }
        }
    }

    /// The request that has waited longest. Those that left are dropped from the queue.
    fn first_waiting(&mut self) -> Option<Slot> {
        while let Some(&slot) = self.waiting.front() {
            if self.jobs[slot as usize].place == Place::Waiting {
                return Some(slot);
            }
            self.waiting.pop_front();
            self.forget(slot);
        }
        None
    }

    /// Gives blocks to a request that waits, and schedules as much of it as `budget` allows: returns how many tokens.
    /// `None` if there are too few blocks.
    fn admit(&mut self, slot: Slot, budget: u32) -> Option<u32> {
        let block_size = self.options.block_size.get();
        let job = &mut self.jobs[slot as usize];
        let mut blocks = std::mem::take(&mut job.blocks);
        // The last token is always computed: its result is the next token.
        let reusable = (job.known - 1) / block_size;
        let keys = (0..reusable).map_while(|index| job.key(index));
        let admitted = self.kv.admit(keys, &mut blocks, job.known, budget);
        job.blocks = blocks;
        let (found, count) = admitted?;
        job.place = Place::Running;
        job.computed = found * block_size;
        job.published = found;
        job.scheduled = count;
        job.drafted = 0;
        if self.options.prefix_caching && !job.preempted {
            self.done.prefix_queries += u64::from(job.prompt);
            self.done.prefix_hits += u64::from(job.computed);
        }
        Some(count)
    }

    /// Lets others find the blocks of a request that this step completes. They can be used in this very step: keys and
    /// values are written before they are read.
    fn publish(&mut self, slot: Slot) {
        let job = &self.jobs[slot as usize];
        let full = (job.computed + job.scheduled) / self.options.block_size.get();
        self.publish_until(slot, full.min(job.shared));
    }

    fn publish_until(&mut self, slot: Slot, blocks: u32) {
        let job = &mut self.jobs[slot as usize];
        for index in job.published..blocks {
            if let Some(key) = job.key(index) {
                self.kv.publish(job.blocks[index as usize], key);
            }
        }
        job.published = job.published.max(blocks);
    }
}
