//! What a batching server is told: how it gathers batches, what they cost, where it says no.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;

use crate::spread::Spread;

/// How a [`super::Batch`] server behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOptions {
    /// How requests are gathered into batches.
    pub batching: Batching,
    /// Copies of the model; each works on one batch at a time. They do not slow each other down: for several on one
    /// accelerator give the cost at that sharing.
    pub instances: NonZeroU32,
    /// How long a batch takes.
    pub cost: Cost,
    /// Most requests that wait; `None` is no limit.
    pub queue: Option<NonZeroU32>,
    /// A request that has waited so long fails; `None` is never. Triton's `default_timeout_microseconds` with the
    /// action REJECT.
    pub queue_timeout: Option<Duration>,
    /// What the accelerator reports of itself.
    pub accelerator: Accelerator,
    /// The seed of the cost's spread: a batch's draw depends on it and on the batch's number only.
    pub seed: Seed,
}

/// How requests are gathered into batches. A request is never split between two; they leave in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batching {
    /// Each request alone.
    Off,
    /// As Triton's dynamic batcher; sizes are items. A batch of a preferred size, or the largest that does not pass
    /// the largest of them, leaves at once. Otherwise it waits until the oldest request is `max_delay` old; then as
    /// much as there is leaves.
    Triton {
        /// Most items of a batch. A request with more is refused.
        max_items: NonZeroU32,
        /// Preferred sizes; those above `max_items` are ignored. If there are none, `max_items` is the one.
        preferred: Vec<u32>,
        /// Longest that a request waits for company while an instance is free; zero takes at once what is there.
        max_delay: Duration,
    },
    /// As TorchServe's workers; sizes are requests. A free worker takes the oldest request, then waits for others
    /// until it has `size` or `max_delay` is over. Its clock starts when the worker begins, not with the arrival.
    TorchServe {
        /// Requests of a full batch: `batchSize`.
        size: NonZeroU32,
        /// Longest that a worker waits for a full batch: `maxBatchDelay`.
        max_delay: Duration,
    },
}

/// How long a batch takes: `(per_batch + per_item * items)`, times a draw from `spread`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Paid once per batch.
    pub per_batch: Duration,
    /// Paid per item.
    pub per_item: Duration,
    /// How the time of a batch spreads around that.
    pub spread: Spread,
}

/// What an accelerator reports of itself. All zero where it is not modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accelerator {
    /// Memory that the loaded model holds, bytes.
    pub bytes: u64,
    /// All its memory, bytes.
    pub bytes_total: u64,
    /// Power drawn with nothing to do, watts.
    pub watts_idle: f64,
    /// Power drawn with all instances busy, watts; in between it grows with the busy share.
    pub watts_busy: f64,
}
