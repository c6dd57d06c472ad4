//! The options of a classic model: a preset, and what is changed of it.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_sim::batch::presets::BatchPreset;
use plimsoll_sim::batch::{BatchOptions, Batching};
use plimsoll_sim::spread::Spread;

use super::error::SimOptionError;
use super::values::{Pair, bad, from_one, given, number, time, within};

pub(super) const KEYS: &[&str] = &[
    "batching",
    "max_batch_size",
    "preferred_batch_size",
    "max_queue_delay",
    "instances",
    "per_batch",
    "per_item",
    "cv",
    "queue",
    "queue_timeout",
];

/// The preset with what was given.
pub(super) fn build(
    preset: &BatchPreset,
    pairs: &[Pair],
    seed: Seed,
) -> Result<BatchOptions, SimOptionError> {
    let mut options = preset.options(seed);
    options.batching = batching(pairs)?;
    for (key, value) in pairs {
        match key.as_str() {
            "instances" => options.instances = from_one(key, value)?,
            "per_batch" => options.cost.per_batch = time(key, value)?,
            "per_item" => options.cost.per_item = time(key, value)?,
            "cv" => {
                let cv = within(key, value, 0.0, 10.0, "a coefficient of variation from 0 to 10")?;
                options.cost.spread =
                    Spread::log_normal(cv).map_err(|error| SimOptionError::NoServer(error.to_string()))?;
            }
            "queue" => options.queue = Some(from_one(key, value)?),
            "queue_timeout" => options.queue_timeout = Some(time(key, value)?),
            _ => {}
        }
    }
    Ok(options)
}

/// How batches are gathered: Triton's way, with the defaults of the presets, unless another is asked for.
fn batching(pairs: &[Pair]) -> Result<Batching, SimOptionError> {
    let size = given(pairs, "max_batch_size").map(|value| from_one("max_batch_size", value)).transpose()?;
    let size = size.unwrap_or(NonZeroU32::MIN.saturating_add(31));
    let delay = given(pairs, "max_queue_delay").map(|value| time("max_queue_delay", value)).transpose()?;
    let delay = delay.unwrap_or(Duration::from_millis(1));
    let preferred = given(pairs, "preferred_batch_size").map(sizes).transpose()?;
    let way = given(pairs, "batching").unwrap_or("triton");
    let unused = match way {
        "triton" => &[][..],
        "torchserve" => &["preferred_batch_size"],
        _ => &["preferred_batch_size", "max_batch_size", "max_queue_delay"],
    };
    if let Some(key) = unused.iter().find(|key| given(pairs, key).is_some()) {
        return Err(SimOptionError::Alone { key, needed: "batching=triton" });
    }
    match way {
        "triton" => Ok(Batching::Triton {
            max_items: size,
            preferred: preferred.unwrap_or_default(),
            max_delay: delay,
        }),
        "torchserve" => Ok(Batching::TorchServe { size, max_delay: delay }),
        "off" => Ok(Batching::Off),
        other => Err(bad("batching", other, "triton, torchserve or off")),
    }
}

/// `4,8,16`.
fn sizes(text: &str) -> Result<Vec<u32>, SimOptionError> {
    let key = "preferred_batch_size";
    let expected = "sizes from 1, such as 4,8,16";
    let size = |part| number::<NonZeroU32>(key, part, expected).map(NonZeroU32::get);
    text.split(',').map(size).collect()
}
