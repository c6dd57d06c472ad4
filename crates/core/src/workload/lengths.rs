//! How many tokens to generate: a distribution around a mean, truncated by rejection.

use std::fmt;

use thiserror::Error;

use super::truncated::Truncated;
use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::{LengthShape, OutputLength};

/// Why an [`OutputLength`] cannot be drawn from.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LengthError {
    /// A distribution around zero.
    #[error(
        "a mean of 0 output tokens leaves nothing to draw from: give the distribution a mean of at least 1, \
         or ask for exactly 0 with the constant shape"
    )]
    ZeroMean,
    /// A width that is negative or not a number.
    #[error("the range of output lengths is {0}: give a number of at least 0, relative to the mean")]
    Range(f64),
    /// A cap below one token.
    #[error("a cap of 0 output tokens excludes every length: give a cap of at least 1")]
    ZeroCap,
    /// So few draws lie within the bounds that a run would get stuck on one.
    #[error("hardly any length drawn from {0} lies between 1 and the cap: raise the cap or lower the mean")]
    Rejected(OutputLength),
}

impl OutputLength {
    /// The same length for every request.
    pub const fn constant(tokens: u32) -> Self {
        OutputLength { mean: tokens, shape: LengthShape::Constant, range: 0.0, cap: None }
    }

    /// Checks that lengths can be drawn.
    ///
    /// # Errors
    /// Says which parameter is impossible. A constant 0 is allowed: the answer is then empty on purpose.
    pub fn validate(&self) -> Result<(), LengthError> {
        if self.cap == Some(0) {
            return Err(LengthError::ZeroCap);
        }
        if !(self.range.is_finite() && self.range >= 0.0) {
            return Err(LengthError::Range(self.range));
        }
        if self.mean == 0 && self.shape != LengthShape::Constant {
            return Err(LengthError::ZeroMean);
        }
        if !self.truncated().is_drawable() {
            return Err(LengthError::Rejected(*self));
        }
        Ok(())
    }

    /// The length for one request: the same for the same seed and id.
    pub fn sample(&self, seed: Seed, id: RequestId) -> u32 {
        if self.shape == LengthShape::Constant {
            return self.mean;
        }
        self.truncated().sample(&mut seed.keyed("output-length", id.0))
    }

    fn truncated(&self) -> Truncated {
        // Who asks for 0 tokens each time means it; nobody means it now and then.
        let least = u32::from(self.shape != LengthShape::Constant);
        let most = self.cap.unwrap_or(u32::MAX);
        Truncated { mean: self.mean, shape: self.shape, range: self.range, least, most }
    }
}

/// As the seed's load test writes it in its `Generation Tokens` column: `uniform(128 +/- 38) capped at 200`.
impl fmt::Display for OutputLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mean, width) = (self.mean, self.truncated().half_width());
        match self.shape {
            LengthShape::Constant => write!(f, "{mean}")?,
            LengthShape::Uniform => write!(f, "uniform({mean} +/- {width})")?,
            LengthShape::Normal => write!(f, "normal({mean}, {width})")?,
            LengthShape::Exponential => write!(f, "exponential({mean})")?,
        }
        self.cap.map_or(Ok(()), |cap| write!(f, " capped at {cap}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: u64 = 20_000;

    fn lengths(mean: u32, shape: LengthShape, range: f64, cap: Option<u32>) -> OutputLength {
        OutputLength { mean, shape, range, cap }
    }

    /// Mean and standard deviation of the first `N` lengths, each within the bounds.
    fn moments(length: OutputLength) -> (f64, f64) {
        let drawn: Vec<f64> = (0..N)
            .map(|id| {
                let drawn = length.sample(Seed(7), RequestId(id));
                assert!(drawn >= 1 && drawn <= length.cap.unwrap_or(u32::MAX), "{length}: {drawn}");
                f64::from(drawn)
            })
            .collect();
        let mean = drawn.iter().sum::<f64>() / N as f64;
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / N as f64;
        (mean, variance.sqrt())
    }

    /// Five standard errors of the mean, plus half a token because fractions are cut off.
    fn assert_mean(length: OutputLength, expected: f64) {
        let (mean, deviation) = moments(length);
        let tolerance = 5.0 * deviation / (N as f64).sqrt();
        assert!(
            (mean - expected).abs() <= tolerance,
            "{length}: mean {mean}, expected {expected} ± {tolerance}"
        );
    }

    #[test]
    fn shapes_have_their_moments() {
        let uniform = lengths(128, LengthShape::Uniform, 0.3, None);
        assert_mean(uniform, 128.0);
        let (_, deviation) = moments(uniform);
        assert!((deviation - (77.0_f64.powi(2) - 1.0).sqrt() / 12.0_f64.sqrt()).abs() < 0.5, "{deviation}");

        // Cutting off fractions takes half a token on average.
        let normal = lengths(500, LengthShape::Normal, 0.1, None);
        assert_mean(normal, 499.5);
        assert!((moments(normal).1 - 50.0).abs() < 1.5);

        // The geometric distribution that int() makes of an exponential one, given that it is at least 1.
        let q = (-1.0_f64 / 64.0).exp();
        assert_mean(lengths(64, LengthShape::Exponential, 0.3, None), 1.0 / (1.0 - q));

        let constant = lengths(128, LengthShape::Constant, 0.3, None);
        assert_eq!(moments(constant), (128.0, 0.0));
    }

    #[test]
    fn truncation_is_by_rejection_not_by_clamping() {
        for shape in [LengthShape::Normal, LengthShape::Exponential] {
            let length = lengths(100, shape, 0.5, Some(120));
            let at_cap = (0..N).filter(|&id| length.sample(Seed(1), RequestId(id)) == 120).count();
            assert!(at_cap < N as usize / 50, "{length}: {at_cap} of {N} at the cap");
        }
        let uniform = lengths(100, LengthShape::Uniform, 0.5, Some(120));
        assert_mean(uniform, 85.0); // uniform on 50..=120
        let wide = lengths(2, LengthShape::Uniform, 3.0, None);
        assert_mean(wide, 4.5); // uniform on 1..=8
    }

    #[test]
    fn a_length_depends_on_seed_and_id_only() {
        let length = lengths(1000, LengthShape::Exponential, 0.3, None);
        let draw = |seed, id| length.sample(Seed(seed), RequestId(id));
        assert_eq!(draw(3, 17), draw(3, 17));
        assert_ne!((draw(3, 17), draw(3, 18)), (draw(4, 17), draw(4, 18)));
    }

    #[test]
    fn impossible_parameters_are_refused() {
        use LengthShape::{Constant, Exponential, Normal, Uniform};
        for shape in [Uniform, Normal, Exponential] {
            assert_eq!(lengths(0, shape, 0.3, None).validate(), Err(LengthError::ZeroMean));
        }
        for (mean, shape, range, cap) in [
            (0, Constant, 0.3, None),
            (64, Normal, 0.0, None),
            (64, Normal, 0.3, Some(64)),
            (64, Uniform, 5.0, Some(1)),
            (1, Exponential, 0.3, None),
            (64, Exponential, 0.3, Some(10)),
        ] {
            let length = lengths(mean, shape, range, cap);
            assert_eq!(length.validate(), Ok(()), "{length}");
        }
        for (mean, shape, range, cap) in [
            (64, Constant, 0.3, Some(63)),
            (64, Uniform, 0.3, Some(44)),
            (1000, Normal, 0.1, Some(500)),
            (100_000, Exponential, 0.3, Some(10)),
        ] {
            let length = lengths(mean, shape, range, cap);
            assert_eq!(length.validate(), Err(LengthError::Rejected(length)));
        }
        assert_eq!(lengths(64, Constant, 0.3, Some(0)).validate(), Err(LengthError::ZeroCap));
        assert_eq!(lengths(64, Normal, -0.3, None).validate(), Err(LengthError::Range(-0.3)));
        assert!(lengths(64, Normal, f64::NAN, None).validate().is_err());
    }

    #[test]
    fn the_summary_names_it_as_the_seeds_load_test_does() {
        for (shape, cap, text) in [
            (LengthShape::Constant, None, "128"),
            (LengthShape::Uniform, None, "uniform(128 +/- 38)"),
            (LengthShape::Normal, None, "normal(128, 38)"),
            (LengthShape::Exponential, None, "exponential(128)"),
            (LengthShape::Normal, Some(200), "normal(128, 38) capped at 200"),
        ] {
            assert_eq!(lengths(128, shape, 0.3, cap).to_string(), text);
        }
    }
}
