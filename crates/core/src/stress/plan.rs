//! The load of a stress test: below the capacity, beyond it, and back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::load::Stage;

/// What a step of the load is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Below the capacity: what the server is like when it is well.
    Baseline,
    /// At or beyond it.
    Overload,
    /// Back at the baseline's rate.
    Recovery,
}

/// A part of the load with one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it is for.
    pub kind: StepKind,
    /// Its rate as a multiple of the capacity.
    pub multiple: f64,
    /// Its length.
    pub lasts: Duration,
}

/// The steps of a stress test against a server that is said to bear `capacity` requests per second.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Requests per second.
    pub capacity: f64,
    /// Baseline, one or more of overload, recovery.
    pub steps: Vec<Step>,
}

/// A load that is no stress test.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum PlanError {
    /// The baseline is not below the capacity.
    #[error(
        "a baseline of {0} times the capacity is not below it: give more than 0 and at most 1, such as 0.7"
    )]
    Baseline(f64),
    /// A step that is no number above zero.
    #[error("a step of {0} times the capacity: give numbers above 0, such as 1,1.5,2,3")]
    Multiple(f64),
    /// Nothing goes beyond the capacity.
    #[error("no step goes beyond the capacity, so nothing is stressed: give one above 1, such as 2")]
    NoOverload,
}

impl Plan {
    /// A baseline of `baseline` times the capacity, steps of `multiples` of it, and the baseline's rate again.
    ///
    /// # Errors
    /// A number is out of range, or no step goes beyond the capacity.
    pub fn new(
        capacity: f64,
        baseline: (f64, Duration),
        multiples: &[f64],
        step: Duration,
        recovery: Duration,
    ) -> Result<Plan, PlanError> {
        let (below, lasts) = baseline;
        if !(below > 0.0 && below <= 1.0) {
            return Err(PlanError::Baseline(below));
        }
        if let Some(&wrong) = multiples.iter().find(|&&multiple| !(multiple > 0.0 && multiple.is_finite())) {
            return Err(PlanError::Multiple(wrong));
        }
        if !multiples.iter().any(|&multiple| multiple > 1.0) {
            return Err(PlanError::NoOverload);
        }
        let overload =
            multiples.iter().map(|&multiple| Step { kind: StepKind::Overload, multiple, lasts: step });
        let mut steps = vec![Step { kind: StepKind::Baseline, multiple: below, lasts }];
        steps.extend(overload);
        steps.push(Step { kind: StepKind::Recovery, multiple: below, lasts: recovery });
        Ok(Plan { capacity, steps })
    }

    /// The rate at which the load begins, and its stages: each step is a jump and then holds.
    pub fn stages(&self) -> (f64, Vec<Stage>) {
        let rate = |step: &Step| step.multiple * self.capacity;
        let hold = |step: &Step| {
            let jump = Stage { duration: Duration::ZERO, target: rate(step) };
            [jump, Stage { duration: step.lasts, target: rate(step) }]
        };
        (self.steps.first().map_or(0.0, rate), self.steps.iter().flat_map(hold).collect())
    }

    /// How long all of it takes.
    pub fn lasts(&self) -> Duration {
        self.steps.iter().map(|step| step.lasts).sum()
    }

    /// Each step with its beginning and its end, in seconds from the start of the load.
    pub fn spans(&self) -> impl Iterator<Item = (&Step, f64, f64)> {
        self.steps.iter().scan(0.0, |elapsed, step| {
            let begin = *elapsed;
            *elapsed += step.lasts.as_secs_f64();
            Some((step, begin, *elapsed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_jump_and_hold() {
        let seconds = Duration::from_secs;
        let plan = Plan::new(50.0, (0.8, seconds(30)), &[1.5, 3.0], seconds(20), seconds(60)).unwrap();
        let (start, stages) = plan.stages();
        let stages: Vec<_> = stages.iter().map(|stage| (stage.duration.as_secs(), stage.target)).collect();
        assert_eq!(start, 40.0);
        assert_eq!(
            stages,
            [(0, 40.0), (30, 40.0), (0, 75.0), (20, 75.0), (0, 150.0), (20, 150.0), (0, 40.0), (60, 40.0)]
        );
        let spans: Vec<_> = plan.spans().map(|(step, begin, end)| (step.kind, begin, end)).collect();
        assert_eq!(spans[2], (StepKind::Overload, 50.0, 70.0));
        assert_eq!((spans[3], plan.lasts()), ((StepKind::Recovery, 70.0, 130.0), seconds(130)));
    }

    #[test]
    fn what_stresses_nothing_is_refused() {
        let plan = |baseline, multiples: &[f64]| {
            let second = Duration::from_secs(1);
            Plan::new(10.0, (baseline, second), multiples, second, second).map(|_| ())
        };
        assert_eq!(plan(0.7, &[0.5, 1.0]), Err(PlanError::NoOverload));
        assert_eq!(plan(0.7, &[]), Err(PlanError::NoOverload));
        assert_eq!(plan(1.2, &[2.0]), Err(PlanError::Baseline(1.2)));
        assert_eq!(plan(0.7, &[2.0, -1.0]), Err(PlanError::Multiple(-1.0)));
        assert!(plan(f64::NAN, &[2.0]).is_err());
    }
}
