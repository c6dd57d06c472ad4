//! The requests that wait, and the rule by which the next batch is taken from them.

use std::collections::VecDeque;
use std::time::Duration;

use plimsoll_core::time::Offset;

use super::options::Batching;
use crate::engine::JobId;

/// What the engine keeps of a request. Small and `Copy`: there may be millions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub id: JobId,
    pub arrived: Offset,
    pub items: u32,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
}

/// When the next batch leaves, if an instance is free all the while and nobody arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Now, with so many requests.
    Now(usize),
    /// Not before this moment.
    At(Offset),
}

/// The waiting requests, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Line {
    rule: Rule,
    jobs: VecDeque<Job>,
    /// When a free TorchServe worker began to gather.
    gathering: Option<Offset>,
}

/// [`Batching`] in the form in which it is looked up.
#[derive(Clone, Debug)]
enum Rule {
    Off,
    Triton { max_items: u32, preferred: Vec<u32>, max_preferred: u32, max_delay: Duration },
    TorchServe { size: usize, max_delay: Duration },
}

impl Line {
    pub(super) fn new(batching: &Batching) -> Self {
        Line { rule: Rule::of(batching), jobs: VecDeque::new(), gathering: None }
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn oldest(&self) -> Option<&Job> {
        self.jobs.front()
    }

    /// The most items that a request may have.
    pub(super) fn max_items(&self) -> Option<u32> {
        match &self.rule {
            Rule::Triton { max_items, .. } => Some(*max_items),
            Rule::Off | Rule::TorchServe { .. } => None,
        }
    }

    /// Whether the queue limit holds for an arrival while an instance is free. A gathering TorchServe worker takes
    /// requests off the queue as they come; Triton's stay in it until their batch leaves.
    pub(super) fn limit_holds_while_gathering(&self) -> bool {
        matches!(self.rule, Rule::Triton { .. })
    }

    pub(super) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    pub(super) fn pop(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Lets all go.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Job> {
        self.gathering = None;
        self.jobs.drain(..)
    }

    /// Takes a request out. Those who give up are mostly the oldest, so the search begins there.
    pub(super) fn remove(&mut self, id: JobId) -> Option<Job> {
        let place = self.jobs.iter().position(|job| job.id == id)?;
        self.jobs.remove(place)
    }

    /// When the next batch leaves; nothing if nobody waits. To be asked only while an instance is free.
    pub(super) fn next(&mut self, now: Offset) -> Option<Next> {
        let Some(oldest) = self.jobs.front() else {
            self.gathering = None;
            return None;
        };
        match &self.rule {
            Rule::Off => Some(Next::Now(1)),
            Rule::Triton { max_items, preferred, max_preferred, max_delay } => {
                let due = oldest.arrived + *max_delay;
                let late = !max_delay.is_zero() && due <= now;
                match largest(&self.jobs, *max_items, preferred, *max_preferred) {
                    Largest { good: Some(count), .. } if !late => Some(Next::Now(count)),
                    Largest { all, full, .. } if full || late || max_delay.is_zero() => Some(Next::Now(all)),
                    _ => Some(Next::At(due)),
                }
            }
            Rule::TorchServe { size, max_delay } => {
                let due = *self.gathering.get_or_insert(now) + *max_delay;
                if self.jobs.len() < *size && due > now {
                    return Some(Next::At(due));
                }
                self.gathering = None;
                Some(Next::Now(self.jobs.len().min(*size)))
            }
        }
    }
}

impl Rule {
    fn of(batching: &Batching) -> Self {
        match batching {
            Batching::Off => Rule::Off,
            Batching::Triton { max_items, preferred, max_delay } => {
                let max_items = max_items.get();
                let mut preferred: Vec<u32> =
                    preferred.iter().copied().filter(|size| (1..=max_items).contains(size)).collect();
                preferred.sort_unstable();
                let max_preferred = preferred.last().copied().unwrap_or(max_items);
                Rule::Triton { max_items, preferred, max_preferred, max_delay: *max_delay }
            }
            Batching::TorchServe { size, max_delay } => {
                Rule::TorchServe { size: size.get() as usize, max_delay: *max_delay }
            }
        }
    }
}

/// How far a Triton batch could reach into the queue, in requests.
struct Largest {
    /// To the largest preferred size, or just before the largest preferred size is passed.
    good: Option<usize>,
    /// As far as the maximum allows.
    all: usize,
    /// Whether waiting could not make `all` better: it has the largest preferred size or the next does not fit.
    full: bool,
}

/// Walks the queue once, no further than a batch can reach.
fn largest(jobs: &VecDeque<Job>, max_items: u32, preferred: &[u32], max_preferred: u32) -> Largest {
    let mut items = 0;
    let mut good = None;
    for (count, job) in jobs.iter().enumerate() {
        let with = items + u64::from(job.items);
        if count > 0 && with > u64::from(max_preferred) && good.is_none() {
            good = Some(count);
        }
        if with > u64::from(max_items) {
            return Largest { good, all: count.max(1), full: true };
        }
        items = with;
        if preferred.iter().any(|&size| u64::from(size) == items) {
            good = Some(count + 1);
        }
    }
    Largest { good, all: jobs.len(), full: items >= u64::from(max_preferred) }
}
