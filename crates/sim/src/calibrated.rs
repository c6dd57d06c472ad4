//! Servers made of measured constants, and constants made better by simulating the runs that they come from.

use std::time::Duration;

use plimsoll_core::calibrate::{
    Calibration, Comparison, Constant, Constants, Limits, ObservedRun, Quantity, compare,
};
use plimsoll_core::seed::Seed;

use crate::engine::Engine;
use crate::llm::{Hardware, Llm, LlmOptions, OptionsError, StepTime};
use crate::replay::{Replayed, replay};

/// A server that takes as long as a calibrated one. What a request takes outside the steps
/// ([`Constants::per_request`]) is for whoever hands requests to the engine.
pub fn llm_options(limits: &Limits, constants: &Constants) -> LlmOptions {
    LlmOptions {
        step_time: StepTime {
            fixed: constants.fixed,
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

/// Constants that were fitted through the simulator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refined {
    /// The better ones of those that came in and those that were found.
    pub constants: Constants,
    /// Typical error of the runs' percentiles as simulated with the constants that came in.
    pub before: f64,
    /// The same of each run with constants that were refined on the other runs; nothing for a single run.
    pub after: Option<f64>,
}

/// Only if the error falls by this part are refined constants taken: a smaller gain may be noise of the runs.
const GAIN_MIN: f64 = 0.10;

/// Steps of the search, relative to a constant.
const STEPS: [f64; 4] = [0.2, 0.1, 0.05, 0.025];

/// Rounds over all constants with each step.
const ROUNDS: usize = 4;

impl Refined {
    /// Whether the refined constants were taken.
    pub fn helped(&self) -> bool {
        self.after.is_some_and(|after| after <= self.before * (1.0 - GAIN_MIN))
    }
}

/// Moves the constants until the simulated `runs` look most like the measured ones. Linear least squares sees steps only
/// through their sums, so it may be biased where requests wait for each other; the simulator is not.
///
/// A few percentiles are easily fitted too well. So it is judged by runs that it did not see: the constants are moved only
/// if those refined on all runs but one predict that one better than those that came in.
///
/// # Errors
/// Limits and constants make no server.
pub fn refine(runs: &[&ObservedRun], limits: &Limits, start: Constants) -> Result<Refined, OptionsError> {
    let mut refined = Refined { constants: start, before: error_of(runs, limits, &start)?, after: None };
    if runs.len() < 2 {
        return Ok(refined);
    }
    let mut squares = 0.0;
    for (index, run) in runs.iter().enumerate() {
        let others: Vec<&ObservedRun> =
            runs.iter().enumerate().filter(|&(other, _)| other != index).map(|(_, run)| *run).collect();
        let moved = search(&others, limits, start)?;
        squares += error_of(&[run], limits, &moved)?.powi(2);
    }
    refined.after = Some((squares / runs.len() as f64).sqrt());
    if refined.helped() {
        refined.constants = search(runs, limits, start)?;
    }
    Ok(refined)
}

/// A pattern search (Hooke and Jeeves, Journal of the ACM 8, 1961): one constant after the other is made a little larger or
/// smaller, as long as that helps, and then by less. A constant at zero stays there.
fn search(runs: &[&ObservedRun], limits: &Limits, start: Constants) -> Result<Constants, OptionsError> {
    let mut best = start;
    let mut least = error_of(runs, limits, &best)?;
    for step in STEPS {
        for _ in 0..ROUNDS {
            let round_began = least;
            for (constant, factor) in
                Constant::ALL.into_iter().flat_map(|name| [(name, 1.0 + step), (name, 1.0 / (1.0 + step))])
            {
                let tried = best.with(constant, best.get(constant) * factor);
                let error = if tried == best { least } else { error_of(runs, limits, &tried)? };
                if error < least {
                    (best, least) = (tried, error);
                }
            }
            if least >= round_began {
                break;
            }
        }
    }
    Ok(best)
}

/// The [`typical_error`] of simulated runs.
fn error_of(runs: &[&ObservedRun], limits: &Limits, constants: &Constants) -> Result<f64, OptionsError> {
    let comparisons = runs.iter().map(|run| Ok(compare(run, &predict(run, limits, constants)?.requests)));
    Ok(typical_error(&comparisons.collect::<Result<Vec<_>, OptionsError>>()?))
}

/// Root of the mean square of the logarithms of predicted over measured, for the percentiles of TTFT and TPOT: about the
/// relative error.
pub fn typical_error(comparisons: &[Comparison]) -> f64 {
    let figures = comparisons.iter().flat_map(|comparison| &comparison.figures);
    let squares: Vec<f64> = figures
        .filter(|figure| matches!(figure.quantity, Quantity::Ttft | Quantity::Tpot))
        // What is predicted as nothing at all is as wrong as can be, but no reason to stop.
        .map(|figure| (figure.predicted.max(1e-9) / figure.measured).ln().powi(2))
        .collect();
    if squares.is_empty() { 0.0 } else { (squares.iter().sum::<f64>() / squares.len() as f64).sqrt() }
}

#[cfg(test)]
mod tests;
