//! The whole way from runs to a calibrated server.

use std::num::NonZeroU32;

use plimsoll_core::calibrate::{Calibration, Fit, Limits, ObservedRun, Slots, StepLimits, fit, slots};
use plimsoll_core::seed::Seed;

use super::{Refined, refine};
use crate::llm::OptionsError;

/// What is known of a server without looking at runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Most requests that it works on at once; nothing to read it from the runs.
    pub max_num_seqs: Option<NonZeroU32>,
    /// Most tokens in a step.
    pub max_num_batched_tokens: NonZeroU32,
    /// Tokens that its KV cache holds; nothing where memory never limits.
    pub kv_tokens: Option<NonZeroU32>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrated {
    /// The fit to sums over steps, with intervals that include what the simulator made of the constants.
    pub fit: Fit,
    /// What the runs say of the number of slots.
    pub slots: Slots,
    /// What came of fitting through the simulator.
    pub refined: Refined,
    /// The server.
    pub calibration: Calibration,
}

/// Tokens in a block of KV cache.
const BLOCK_SIZE: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// The calibrated server takes requests up to this length, or four times the longest that it was seen to take.
const MODEL_LEN_MIN: u32 = 32_768;

/// Calibrates the server that served `model` in `runs`. `seed` is that of the draws behind the intervals.
///
/// # Errors
/// What is known makes no server.
pub fn calibrate(
    runs: &[&ObservedRun],
    model: &str,
    known: Known,
    seed: Seed,
) -> Result<Calibrated, OptionsError> {
    let found = slots(runs);
    let limited = match (known.max_num_seqs, found) {
        (Some(given), _) => Some(given.get()),
        (None, Slots::Limited(seen)) => Some(seen),
        (None, Slots::AtLeast(_)) => None,
    };
    let step_limits = StepLimits { slots: limited, tokens: known.max_num_batched_tokens.get() };
    let mut fit = fit(runs, step_limits, seed);
    let limits = limits(runs, known, found);
    let refined = refine(runs, &limits, fit.constants)?;
    fit.move_to(refined.constants);
    let names = runs.iter().map(|run| run.name.clone()).collect();
    let calibration = Calibration::of(model, names, limits, refined.constants, &fit);
    Ok(Calibrated { fit, slots: found, refined, calibration })
}

fn limits(runs: &[&ObservedRun], known: Known, found: Slots) -> Limits {
    let (Slots::Limited(seen) | Slots::AtLeast(seen)) = found;
    let max_num_seqs = known.max_num_seqs.or(NonZeroU32::new(seen)).unwrap_or(NonZeroU32::MIN);
    let requests = runs.iter().flat_map(|run| &run.requests);
    let longest = requests
        .map(|request| request.prompt_tokens.saturating_add(request.output_tokens))
        .max()
        .unwrap_or(0);
    let max_model_len =
        NonZeroU32::new(longest.saturating_mul(4).max(MODEL_LEN_MIN)).unwrap_or(NonZeroU32::MIN);
    let kv_blocks = match known.kv_tokens {
        Some(tokens) => tokens.get() / BLOCK_SIZE,
        None => max_num_seqs.get().saturating_mul(max_model_len.get() / BLOCK_SIZE),
    };
    Limits {
        max_num_seqs,
        max_num_batched_tokens: known.max_num_batched_tokens,
        max_model_len,
        kv_blocks: NonZeroU32::new(kv_blocks).unwrap_or(NonZeroU32::MIN),
        block_size: BLOCK_SIZE,
    }
}
