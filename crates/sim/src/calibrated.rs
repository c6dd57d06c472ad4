//! Servers made of measured constants, and constants made better by simulating the runs that they come from.

mod procedure;
mod refine;

use std::time::Duration;

use plimsoll_core::calibrate::{Calibration, Constants, Limits, ObservedRun};
use plimsoll_core::seed::Seed;

use crate::conditions::ConditionOptions;
use crate::engine::Engine;
use crate::llm::{Hardware, Llm, LlmOptions, OptionsError, StepTime};
use crate::replay::{Replayed, replay};

pub use procedure::{Calibrated, Known, calibrate};
pub use refine::{Refined, refine, typical_error};

/// A server that takes as long as a calibrated one. What a request takes outside the steps
/// ([`Constants::per_request`]) is for whoever hands requests to the engine.
pub fn llm_options(limits: &Limits, constants: &Constants) -> LlmOptions {
    LlmOptions {
        step_time: StepTime {
            fixed: constants.fixed,
            batched: constants.batched,
            per_sequence: constants.per_sequence,
            per_context_token: constants.per_context_token,
            per_prefill_token: constants.per_prefill_token,
            per_prefill_pair: constants.per_prefill_pair,
            ..StepTime::default()
        },
        jitter: 0.0,
        max_num_seqs: limits.max_num_seqs,
        max_num_batched_tokens: limits.max_num_batched_tokens,
        max_model_len: limits.max_model_len,
        kv_blocks: limits.kv_blocks,
        block_size: limits.block_size,
        prefix_caching: false,
        queue: None,
        speculative: None,
        conditions: ConditionOptions::default(),
        hardware: Hardware::default(),
        seed: Seed(0),
    }
}

/// A calibrated server as a simulated one, with the time that a request takes before it reaches the engine.
///
/// # Errors
/// The calibration makes no server.
pub fn engine(calibration: &Calibration) -> Result<(Engine, Duration), OptionsError> {
    simulated(&calibration.limits, &calibration.constants)
}

fn simulated(limits: &Limits, constants: &Constants) -> Result<(Engine, Duration), OptionsError> {
    let engine = Llm::new(llm_options(limits, constants))?;
    Ok((Engine::Llm(engine), Duration::try_from_secs_f64(constants.per_request).unwrap_or_default()))
}

/// A run as a calibrated server would have answered it.
///
/// # Errors
/// Limits and constants make no server.
pub fn predict(run: &ObservedRun, limits: &Limits, constants: &Constants) -> Result<Replayed, OptionsError> {
    let (engine, per_request) = simulated(limits, constants)?;
    Ok(replay(run, engine, per_request))
}

#[cfg(test)]
mod tests;
