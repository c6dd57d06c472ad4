//! The unit-rate process behind every random schedule: gaps with mean one, added up without drift.

use rand::RngExt as _;
use rand_distr::{Exp1, Gamma};

use super::{GapDistribution, ScheduleError};
use crate::seed::{Rng, Seed};

/// Arrivals at a mean of one per unit of "operational time". Dividing by a rate, or inverting an integrated rate, turns
/// them into instants.
#[derive(Clone, Debug)]
pub(super) struct UnitProcess {
    gaps: Gaps,
    rng: Rng,
    // The position is kept as a whole number and a part below one: each addition rounds at the scale of one gap, so
    // the error of a billion of them stays far below a billionth of a gap.
    whole: u64,
    part: f64,
}

#[derive(Clone, Debug)]
enum Gaps {
    Constant,
    Uniform,
    Poisson,
    Gamma(Gamma<f64>),
}

impl UnitProcess {
    /// The process with these gaps. Random ones begin with a gap; the `k`-th of equal ones is at `k + 1/2`, so that at
    /// any position the count is that position, rounded.
    pub(super) fn new(gaps: GapDistribution, seed: Seed) -> Result<Self, ScheduleError> {
        let gaps = match gaps {
            GapDistribution::Constant => Gaps::Constant,
            GapDistribution::Uniform => Gaps::Uniform,
            GapDistribution::Poisson => Gaps::Poisson,
            // Shape 1 / cv^2 has that coefficient of variation; scale 1 / shape makes the mean one.
            GapDistribution::Gamma { cv } => {
                Gaps::Gamma(Gamma::new((cv * cv).recip(), cv * cv).map_err(|_| ScheduleError::Cv(cv))?)
            }
        };
        let part = if matches!(gaps, Gaps::Constant) { -0.5 } else { 0.0 };
        Ok(UnitProcess { gaps, rng: seed.stream("arrivals"), whole: 0, part })
    }

    /// The position of the next arrival.
    pub(super) fn advance(&mut self) -> f64 {
        self.part += match &self.gaps {
            Gaps::Constant => 1.0,
            Gaps::Uniform => 2.0 * self.rng.random::<f64>(),
            Gaps::Poisson => self.rng.sample(Exp1),
            Gaps::Gamma(gamma) => self.rng.sample(gamma),
        };
        let whole = self.part.floor();
        self.part -= whole;
        self.whole = self.whole.saturating_add(whole as u64);
        self.whole as f64 + self.part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_million_equal_gaps_do_not_drift() {
        let mut process = UnitProcess::new(GapDistribution::Constant, Seed(1)).expect("valid");
        process.whole = 100_000_000;
        assert_eq!(process.advance(), 100_000_000.5);
    }

    #[test]
    fn tiny_gaps_far_out_are_not_lost() {
        let mut process = UnitProcess::new(GapDistribution::Gamma { cv: 1e-6 }, Seed(1)).expect("valid");
        process.whole = 1 << 52; // where a plain sum in f64 would keep whole gaps only
        for _ in 0..1000 {
            process.advance();
        }
        let position = (process.whole - (1 << 52)) as f64 + process.part;
        assert!((position - 1000.0).abs() < 1e-3, "{position}");
    }
}
