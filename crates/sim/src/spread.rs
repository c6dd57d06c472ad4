//! How a random time spreads around its mean.

use plimsoll_core::seed::Rng;
use rand::RngExt as _;
use rand_distr::{Exp1, Gamma, LogNormal};
use thiserror::Error;

/// A positive random factor with mean one: a time is its mean times this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread(Law);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Law {
    Constant,
    Exponential,
    Gamma(Gamma<f64>),
    LogNormal(LogNormal<f64>),
}

impl Spread {
    /// Always the mean.
    pub const CONSTANT: Spread = Spread(Law::Constant);
    /// Exponential: a coefficient of variation of one.
    pub const EXPONENTIAL: Spread = Spread(Law::Exponential);

    /// Gamma with coefficient of variation `cv`; zero is [`Spread::CONSTANT`].
    ///
    /// # Errors
    /// `cv` is negative, not finite, or so extreme that there is no such distribution in floating point.
    pub fn gamma(cv: f64) -> Result<Spread, SpreadError> {
        Self::with_cv(cv, || Gamma::new((cv * cv).recip(), cv * cv).map(Law::Gamma).ok())
    }

    /// Lognormal with coefficient of variation `cv`; zero is [`Spread::CONSTANT`].
    ///
    /// # Errors
    /// As for [`Spread::gamma`].
    pub fn log_normal(cv: f64) -> Result<Spread, SpreadError> {
        Self::with_cv(cv, || LogNormal::from_mean_cv(1.0, cv).map(Law::LogNormal).ok())
    }

    fn with_cv(cv: f64, law: impl FnOnce() -> Option<Law>) -> Result<Spread, SpreadError> {
        if cv == 0.0 {
            return Ok(Spread::CONSTANT);
        }
        if !cv.is_finite() || cv < 0.0 {
            return Err(SpreadError(cv));
        }
        law().map(Spread).ok_or(SpreadError(cv))
    }

    /// Whether the factor is always one, so that nothing need be drawn.
    pub fn is_constant(&self) -> bool {
        matches!(self.0, Law::Constant)
    }

    /// Draws a factor.
    pub fn draw(&self, rng: &mut Rng) -> f64 {
        match &self.0 {
            Law::Constant => 1.0,
            Law::Exponential => rng.sample(Exp1),
            Law::Gamma(law) => rng.sample(law),
            Law::LogNormal(law) => rng.sample(law),
        }
    }
}

/// A coefficient of variation for which there is no distribution.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error(
    "a coefficient of variation of {0} has no distribution: give a finite number, 0 or more, such as 0.3"
)]
pub struct SpreadError(pub f64);

#[cfg(test)]
mod tests {
    use plimsoll_core::seed::Seed;

    use super::*;

    #[test]
    fn factors_have_mean_one_and_the_cv_asked_for() {
        for (spread, cv) in [
            (Spread::CONSTANT, 0.0),
            (Spread::EXPONENTIAL, 1.0),
            (Spread::gamma(0.5).unwrap(), 0.5),
            (Spread::log_normal(0.3).unwrap(), 0.3),
            (Spread::gamma(0.0).unwrap(), 0.0),
        ] {
            let mut rng = Seed(7).stream("test");
            let draws: Vec<f64> = (0..100_000).map(|_| spread.draw(&mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((mean - 1.0).abs() < 0.01, "{spread:?}: mean {mean}");
            assert!((variance.sqrt() - cv).abs() < 0.015, "{spread:?}: cv {}", variance.sqrt());
        }
    }

    #[test]
    fn what_is_no_coefficient_of_variation_is_refused() {
        for cv in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(Spread::gamma(cv).is_err() && Spread::log_normal(cv).is_err(), "{cv}");
        }
    }
}
