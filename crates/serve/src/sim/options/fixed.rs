//! The options of the fixed grid.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_sim::fixed::FixedOptions;

use super::error::SimOptionError;
use super::values::{Pair, from_one, group, number, share, time};

pub(super) const KEYS: &[&str] =
    &["ttft", "itl", "slots", "queue", "jitter", "tokens_per_chunk", "stall", "stall_rate"];

/// What a fixed grid is when nothing is said.
pub(super) fn default() -> FixedOptions {
    FixedOptions {
        ttft: Duration::from_millis(50),
        itl: Duration::from_millis(10),
        slots: NonZeroU32::MIN.saturating_add(63),
        queue: None,
        jitter: 0.0,
        tokens_per_step: NonZeroU32::MIN,
        stall: Duration::ZERO,
        stall_rate: 1.0,
        seed: Seed(0),
    }
}

pub(super) fn build(pairs: &[Pair], seed: Seed) -> Result<FixedOptions, SimOptionError> {
    let mut options = FixedOptions { seed, ..default() };
    for (key, value) in pairs {
        match key.as_str() {
            "ttft" => options.ttft = time(key, value)?,
            "itl" => options.itl = time(key, value)?,
            "slots" => options.slots = from_one(key, value)?,
            "queue" => options.queue = Some(number(key, value, "a whole number")?),
            "jitter" => options.jitter = share(key, value)?,
            "tokens_per_chunk" => options.tokens_per_step = group(key, value)?,
            "stall" => options.stall = time(key, value)?,
            "stall_rate" => options.stall_rate = share(key, value)?,
            _ => {}
        }
    }
    Ok(options)
}
