//! Constants fitted through the simulator, where that predicts better.

use plimsoll_core::calibrate::{Comparison, Constant, Constants, Limits, ObservedRun, Quantity, compare};
use plimsoll_core::time::Offset;

use super::predict;
use crate::llm::OptionsError;

/// Constants that were fitted through the simulator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refined {
    /// The better ones of those that came in and those that were found.
    pub constants: Constants,
    /// Typical error of the percentiles, as simulated with the constants that came in.
    pub before: f64,
    /// The same with refined constants: of each half of the runs with those refined on the other half.
    pub after: f64,
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
        self.after < self.before * (1.0 - GAIN_MIN)
    }
}

/// Moves the constants until the simulated `runs` look most like the measured ones. Linear least squares sees steps only
/// through their sums, so it may be biased where requests wait for each other; the simulator is not.
///
/// A few percentiles are easily fitted too well. So the constants are moved only if those refined on one half of each run
/// predict the other half better than those that came in.
///
/// # Errors
/// Limits and constants make no server.
pub fn refine(runs: &[&ObservedRun], limits: &Limits, start: Constants) -> Result<Refined, OptionsError> {
    let halves = [Part::First, Part::Second].map(|part| Look { runs, limits, part });
    let [first, second] = &halves;
    let mean = |a: f64, b: f64| ((a * a + b * b) / 2.0).sqrt();
    let before = mean(first.error(&start)?, second.error(&start)?);
    let after = mean(second.error(&first.search(start)?)?, first.error(&second.search(start)?)?);
    let refined = Refined { constants: start, before, after };
    if !refined.helped() {
        return Ok(refined);
    }
    Ok(Refined { constants: Look { runs, limits, part: Part::Whole }.search(start)?, ..refined })
}

/// A part of a run, by when requests were sent.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    First,
    Second,
}

/// Runs to look at, and at which part of them.
struct Look<'a> {
    runs: &'a [&'a ObservedRun],
    limits: &'a Limits,
    part: Part,
}

impl Look<'_> {
    /// The [`typical_error`] of this part of the simulated runs.
    fn error(&self, constants: &Constants) -> Result<f64, OptionsError> {
        let compared = self.runs.iter().map(|run| {
            let mut measured = ObservedRun::clone(run);
            let mut predicted = predict(run, self.limits, constants)?.requests;
            let middle = middle(run);
            for request in measured.requests.iter_mut().chain(&mut predicted) {
                request.measured &= match self.part {
                    Part::Whole => true,
                    Part::First => request.sent < middle,
                    Part::Second => request.sent >= middle,
                };
            }
            Ok(compare(&measured, &predicted))
        });
        Ok(typical_error(&compared.collect::<Result<Vec<_>, OptionsError>>()?))
    }

    /// A pattern search (Hooke and Jeeves, Journal of the ACM 8, 1961): one constant after the other is made a little larger or
    /// smaller, as long as that helps, and then by less. A constant at zero stays there.
    fn search(&self, start: Constants) -> Result<Constants, OptionsError> {
        let mut best = start;
        let mut least = self.error(&best)?;
        for step in STEPS {
            for _ in 0..ROUNDS {
                let round_began = least;
                for (constant, factor) in Constant::ALL
                    .into_iter()
                    .flat_map(|name| [(name, 1.0 + step), (name, 1.0 / (1.0 + step))])
                {
                    let tried = best.with(constant, best.get(constant) * factor);
                    let error = if tried == best { least } else { self.error(&tried)? };
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
}

/// The moment before which half of a run's measured requests were sent.
fn middle(run: &ObservedRun) -> Offset {
    let mut sent: Vec<Offset> = run.measured().map(|request| request.sent).collect();
    sent.sort_unstable();
    sent.get(sent.len() / 2).copied().unwrap_or(Offset::ZERO)
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
