//! The options of a language model: a preset, and what is changed of it.

use std::num::NonZeroU32;

use plimsoll_core::seed::Seed;
use plimsoll_sim::llm::{LlmOptions, Overheads, Speculative, StepTime};
use plimsoll_sim::presets::Preset;

use super::error::SimOptionError;
use super::values::{Pair, bad, from_one, given, number, seconds, share, time, truth};
use super::{GROUP_MAX, conditions};

pub(super) const KEYS: &[&str] = &[
    "max_num_seqs",
    "max_num_batched_tokens",
    "max_model_len",
    "gpu_memory_utilization",
    "kv_blocks",
    "block_size",
    "prefix_caching",
    "queue",
    "jitter",
    "speculative",
    "acceptance",
    "draft_time",
    "step_fixed",
    "step_batched",
    "step_per_sequence",
    "step_per_context_token",
    "step_per_prefill_token",
    "step_per_prefill_pair",
    "step_experts",
    "step_expert_share",
];

/// The preset with what was given.
pub(super) fn build(preset: Preset, pairs: &[Pair], seed: Seed) -> Result<LlmOptions, SimOptionError> {
    let physics = in_memory(preset, pairs)?;
    let mut options = LlmOptions { seed, ..physics.options() };
    for (key, value) in pairs {
        match key.as_str() {
            "max_num_seqs" => options.max_num_seqs = from_one(key, value)?,
            "max_model_len" => options.max_model_len = from_one(key, value)?,
            "block_size" => {
                options.block_size = block_size(key, value)?;
                let blocks = physics.physics.kv_blocks(options.block_size.get());
                options.kv_blocks = NonZeroU32::new(blocks).unwrap_or(options.kv_blocks);
            }
            "prefix_caching" => options.prefix_caching = truth(key, value)?,
            "queue" => options.queue = Some(number(key, value, "a whole number")?),
            "jitter" => options.jitter = share(key, value)?,
            _ => step_part(&mut options.step_time, key, value)?,
        }
    }
    if let Some(value) = given(pairs, "kv_blocks") {
        options.kv_blocks = from_one("kv_blocks", value)?;
    }
    options.speculative = speculative(pairs)?;
    options.conditions = conditions::build(options.conditions, pairs)?;
    options.check().map_err(|error| SimOptionError::NoServer(error.to_string()))?;
    Ok(options)
}

/// The preset with the options that change how much memory is left for the KV cache.
fn in_memory(mut preset: Preset, pairs: &[Pair]) -> Result<Preset, SimOptionError> {
    let physics = &mut preset.physics;
    if let Some(value) = given(pairs, "max_num_batched_tokens") {
        preset.max_num_batched_tokens = from_one("max_num_batched_tokens", value)?;
        let tokens = preset.max_num_batched_tokens.get();
        physics.overheads = Overheads::vllm(&physics.model, physics.accelerators, tokens);
    }
    if let Some(value) = given(pairs, "gpu_memory_utilization") {
        physics.overheads.memory_share = share("gpu_memory_utilization", value)?;
        if physics.kv_blocks(1) == 0 {
            let reason = "no memory is left for the KV cache: give a larger gpu_memory_utilization";
            return Err(SimOptionError::NoServer(reason.to_owned()));
        }
    }
    Ok(preset)
}

fn step_part(step: &mut StepTime, key: &str, value: &str) -> Result<(), SimOptionError> {
    let part = match key {
        "step_fixed" => &mut step.fixed,
        "step_batched" => &mut step.batched,
        "step_per_sequence" => &mut step.per_sequence,
        "step_per_context_token" => &mut step.per_context_token,
        "step_per_prefill_token" => &mut step.per_prefill_token,
        "step_per_prefill_pair" => &mut step.per_prefill_pair,
        "step_experts" => &mut step.experts,
        "step_expert_share" => {
            step.expert_share = share(key, value)?;
            return Ok(());
        }
        _ => return Ok(()), // not of a step
    };
    *part = seconds(key, value)?;
    Ok(())
}

/// Prompts are compared in blocks of 16 tokens, so that is what larger blocks are made of.
fn block_size(key: &str, value: &str) -> Result<NonZeroU32, SimOptionError> {
    let size = from_one(key, value)?;
    if size.get().is_multiple_of(16) { Ok(size) } else { Err(bad(key, value, "a multiple of 16 tokens")) }
}

/// `speculative=3&acceptance=0.8`, or one share for each position: `acceptance=0.8,0.6,0.4`.
fn speculative(pairs: &[Pair]) -> Result<Option<Speculative>, SimOptionError> {
    let alone = |key| SimOptionError::Alone { key, needed: "speculative" };
    let Some(value) = given(pairs, "speculative") else {
        return match (given(pairs, "acceptance"), given(pairs, "draft_time")) {
            (Some(_), _) => Err(alone("acceptance")),
            (_, Some(_)) => Err(alone("draft_time")),
            _ => Ok(None),
        };
    };
    let expected = "a whole number of drafted tokens from 1 to 1023";
    let drafted: u32 = number("speculative", value, expected)?;
    if !(1..GROUP_MAX).contains(&drafted) {
        return Err(bad("speculative", value, expected));
    }
    let Some(shares) = given(pairs, "acceptance") else {
        return Err(SimOptionError::Alone { key: "speculative", needed: "acceptance" });
    };
    let mut acceptance =
        shares.split(',').map(|text| share("acceptance", text)).collect::<Result<Vec<f64>, _>>()?;
    if acceptance.len() == 1 {
        acceptance = vec![acceptance[0]; drafted as usize];
    }
    if acceptance.len() != drafted as usize {
        return Err(bad("acceptance", shares, "one share, or as many as tokens are drafted"));
    }
    let draft = given(pairs, "draft_time").map(|value| time("draft_time", value)).transpose()?;
    Ok(Some(Speculative { acceptance, draft: draft.unwrap_or_default() }))
}
