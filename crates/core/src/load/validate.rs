//! What the types of a load model cannot rule out: values that make no load, each refused with a reason.

use std::time::Duration;

use thiserror::Error;

use super::stages::RateProfile;
use super::{Arrivals, ClosedLoop, ClosedShape, GapDistribution, LoadModel, Replay, Stage, ThinkTime};
use crate::time::Rate;

impl LoadModel {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// Names the first value that makes no load and what to give instead.
    pub fn validate(&self) -> Result<(), LoadError> {
        match self {
            LoadModel::Closed(closed) => Ok(closed.validate()?),
            LoadModel::Open(open) => Ok(open.arrivals.validate()?),
        }
    }
}

/// Why a [`LoadModel`] makes no load.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LoadError {
    /// In its closed loop.
    #[error(transparent)]
    Closed(#[from] ClosedLoopError),
    /// In the schedule of its open loop.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl ClosedLoop {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// Names the first value that makes no load and what to give instead.
    pub fn validate(&self) -> Result<(), ClosedLoopError> {
        if let ThinkTime::Uniform(low, high) = self.think
            && low > high
        {
            return Err(ClosedLoopError::ThinkRange { low, high });
        }
        match self.shape {
            ClosedShape::Burst { period: Duration::ZERO, .. } => Err(ClosedLoopError::BurstPeriod),
            ClosedShape::Burst { .. } if self.think != ThinkTime::Zero => Err(ClosedLoopError::BurstThink),
            _ => Ok(()),
        }
    }
}

/// Why a [`ClosedLoop`] makes no load.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ClosedLoopError {
    /// A burst every zero seconds.
    #[error("a burst period of 0 is no burst: give a time above 0")]
    BurstPeriod,
    /// Two pacings at once.
    #[error(
        "a burst excludes a think time: its period already says when users start again, so give one of the two"
    )]
    BurstThink,
    /// An empty range.
    #[error("a think time from {low:?} to {high:?} is an empty range: give the shorter time first")]
    ThinkRange {
        /// The first bound given.
        low: Duration,
        /// The second.
        high: Duration,
    },
}

impl Arrivals {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// Names the first value that makes no load and what to give instead.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        match self {
            Arrivals::Process { gaps, .. } => gaps.validate(),
            Arrivals::Stages { start, stages, gaps } => {
                gaps.validate()?;
                validate_stages(*start, stages, *gaps)
            }
            Arrivals::Replay(replay) => replay.validate(),
        }
    }
}

impl GapDistribution {
    fn validate(self) -> Result<(), ScheduleError> {
        match self {
            GapDistribution::Gamma { cv } if !(Self::CV_MIN..=Self::CV_MAX).contains(&cv) => {
                Err(ScheduleError::Cv(cv))
            }
            _ => Ok(()),
        }
    }
}

fn validate_stages(start: f64, stages: &[Stage], gaps: GapDistribution) -> Result<(), ScheduleError> {
    let in_range = |rate: f64| (0.0..=Rate::MAX).contains(&rate);
    if stages.is_empty() {
        return Err(ScheduleError::NoStages);
    }
    if !in_range(start) {
        return Err(ScheduleError::StartRate(start));
    }
    if let Some(at) = stages.iter().position(|stage| !in_range(stage.target)) {
        return Err(ScheduleError::StageRate { stage: at + 1, rate: stages[at].target });
    }
    let requests = RateProfile::new(start, stages).total();
    // Equal gaps make the integral of the rate, rounded: below one half that is nothing.
    if requests == 0.0 || (gaps == GapDistribution::Constant && requests < 0.5) {
        return Err(ScheduleError::NothingDue { requests });
    }
    Ok(())
}

impl Replay {
    fn validate(&self) -> Result<(), ScheduleError> {
        validate_speed(self.speed)?;
        if self.due.is_empty() {
            return Err(ScheduleError::EmptyTrace { trace: self.source.clone() });
        }
        match self.due.windows(2).position(|pair| pair[0] > pair[1]) {
            Some(at) => Err(ScheduleError::TraceOrder { trace: self.source.clone(), request: at + 2 }),
            None => Ok(()),
        }
    }
}

/// Checks the speed of a replay.
pub(super) fn validate_speed(speed: f64) -> Result<(), ScheduleError> {
    if speed.is_finite() && speed > 0.0 { Ok(()) } else { Err(ScheduleError::Speed(speed)) }
}

/// Why [`Arrivals`] make no schedule.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ScheduleError {
    /// A gamma distribution that cannot be drawn from.
    #[error(
        "a coefficient of variation of {0} is out of range: give one from {min} to {max} (1 is Poisson)",
        min = GapDistribution::CV_MIN,
        max = GapDistribution::CV_MAX
    )]
    Cv(f64),
    /// No stage at all.
    #[error("a staged rate without stages asks for nothing: give at least one duration with its target rate")]
    NoStages,
    /// A rate at the start that cannot be paced.
    #[error("a staged rate cannot start at {0}/s: give a rate from 0/s to {max}/s", max = Rate::MAX)]
    StartRate(f64),
    /// A target that cannot be paced.
    #[error("stage {stage} cannot have a target of {rate}/s: give a rate from 0/s to {max}/s", max = Rate::MAX)]
    StageRate {
        /// Which stage, from 1.
        stage: usize,
        /// Its target, per second.
        rate: f64,
    },
    /// Stages too short or too slow for one request.
    #[error("the stages add up to {requests} requests: raise a target or lengthen a stage")]
    NothingDue {
        /// The integral of the rate.
        requests: f64,
    },
    /// A speed that time cannot run at.
    #[error(
        "a replay at {0} times the speed is impossible: give a number above 0 (1 is the trace's own speed)"
    )]
    Speed(f64),
    /// Nothing to replay.
    #[error("{trace} has no request in the window to replay: widen the window")]
    EmptyTrace {
        /// Where the trace was read from.
        trace: String,
    },
    /// Due instants that go backwards.
    #[error("request {request} of {trace} is due before the one ahead of it: sort the trace by time")]
    TraceOrder {
        /// Where the trace was read from.
        trace: String,
        /// Which request, from 1.
        request: usize,
    },
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::time::Offset;

    fn stages(start: f64, stages: &[(u64, f64)]) -> Arrivals {
        let stages = stages
            .iter()
            .map(|&(secs, target)| Stage { duration: Duration::from_secs(secs), target })
            .collect();
        Arrivals::Stages { start, stages, gaps: GapDistribution::Constant }
    }

    fn replay(speed: f64, due: &[u64]) -> Arrivals {
        let due = due.iter().map(|&nanos| Offset::from_nanos(nanos)).collect();
        Arrivals::Replay(Replay { source: "t.csv".to_owned(), speed, due })
    }

    #[test]
    fn arrivals_without_meaning_are_refused_with_what_to_do() {
        let gamma = |cv| Arrivals::Process {
            rate: Rate::try_from(1.0).expect("in range"),
            gaps: GapDistribution::Gamma { cv },
        };
        for (arrivals, says) in [
            (gamma(0.0), "coefficient of variation of 0 is out of range: give one from 0.000001 to 1000"),
            (gamma(-1.0), "-1"),
            (gamma(f64::NAN), "NaN"),
            (gamma(f64::INFINITY), "inf"),
            (stages(1.0, &[]), "at least one duration"),
            (stages(-1.0, &[(1, 1.0)]), "cannot start at -1/s"),
            (stages(1.0, &[(1, 1.0), (1, -5.0)]), "stage 2 cannot have a target of -5/s"),
            (stages(1.0, &[(1, f64::NAN)]), "stage 1"),
            (stages(1.0, &[(1, 1e6)]), "100000/s"),
            (stages(0.0, &[(60, 0.0)]), "add up to 0 requests"),
            (stages(0.4, &[(1, 0.4)]), "add up to 0.4 requests"),
            (replay(0.0, &[1]), "0 times the speed"),
            (replay(f64::NAN, &[1]), "NaN times"),
            (replay(1.0, &[]), "t.csv has no request"),
            (replay(1.0, &[1, 3, 2]), "request 3 of t.csv is due before"),
        ] {
            let error = arrivals.validate().expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
        for arrivals in [gamma(0.1), gamma(7.0), stages(0.0, &[(0, 5.0), (9, 5.0)]), replay(0.5, &[0, 0, 7])]
        {
            assert_eq!(arrivals.validate(), Ok(()), "{arrivals:?}");
        }
    }

    #[test]
    fn closed_loops_without_meaning_are_refused_with_what_to_do() {
        let second = Duration::from_secs(1);
        let closed = |shape, think| ClosedLoop { users: NonZeroU32::MIN, shape, think };
        let steady = ClosedShape::Steady { spawn_rate: None };
        let burst = |period| ClosedShape::Burst { period, spawn_rate: None };
        for (closed, error) in [
            (closed(burst(Duration::ZERO), ThinkTime::Zero), ClosedLoopError::BurstPeriod),
            (closed(burst(second), ThinkTime::Constant(second)), ClosedLoopError::BurstThink),
            (
                closed(steady.clone(), ThinkTime::Uniform(second, Duration::ZERO)),
                ClosedLoopError::ThinkRange { low: second, high: Duration::ZERO },
            ),
        ] {
            assert_eq!(LoadModel::Closed(closed).validate(), Err(LoadError::Closed(error)));
        }
        assert_eq!(closed(steady, ThinkTime::Uniform(second, second)).validate(), Ok(()));
        assert_eq!(closed(burst(second), ThinkTime::Zero).validate(), Ok(()));
    }
}
