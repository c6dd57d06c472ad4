//! Constants fitted through the simulator, where that predicts better.

use plimsoll_core::calibrate::{Comparison, Constant, Constants, Limits, ObservedRun, Quantity, compare};

use super::predict;
use crate::llm::OptionsError;

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
