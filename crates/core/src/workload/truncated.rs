//! Whole numbers drawn from a distribution around a mean, truncated by rejection.

use rand::RngExt;
use rand_distr::{Distribution, Exp, Normal};
use statrs::distribution::{ContinuousCDF, Normal as NormalCdf};

use crate::seed::Rng;
use crate::spec::LengthShape;

/// Draws made before a number is given up, as in the seed's load test.
const ATTEMPTS: u32 = 1000;

/// With this share of acceptable draws, 1000 of them are all rejected once in a billion requests.
const LEAST_ACCEPTED: f64 = 0.0205;

/// A distribution whose draws outside of `[least, most]` are drawn again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Truncated {
    /// Mean before truncation.
    pub(super) mean: u32,
    pub(super) shape: LengthShape,
    /// Width relative to the mean, finite and at least 0.
    pub(super) range: f64,
    pub(super) least: u32,
    pub(super) most: u32,
}

impl Truncated {
    /// Whether draws are accepted so often that drawing comes to an end.
    pub(super) fn is_drawable(&self) -> bool {
        self.accepted() >= LEAST_ACCEPTED
    }

    /// One number within the bounds.
    pub(super) fn sample(&self, rng: &mut Rng) -> u32 {
        (0..ATTEMPTS)
            .map(|_| self.draw(rng))
            .find(|number| (self.least..=self.most).contains(number))
            .unwrap_or(self.mean.clamp(self.least, self.most)) // not reached by what is drawable
    }

    /// The mean times the range, in whole numbers.
    pub(super) fn half_width(&self) -> u32 {
        (f64::from(self.mean) * self.range) as u32
    }

    /// One draw, before truncation. Fractions are cut off towards zero.
    fn draw(&self, rng: &mut Rng) -> u32 {
        let mean = f64::from(self.mean);
        let real = match self.shape {
            LengthShape::Constant => mean,
            LengthShape::Uniform => {
                let (low, high) = self.uniform_bounds();
                return if low <= high { rng.random_range(low..=high) } else { 0 };
            }
            LengthShape::Normal => {
                Normal::new(mean, mean * self.range).map_or(0.0, |normal| normal.sample(rng))
            }
            LengthShape::Exponential => {
                Exp::new(1.0 / mean).map_or(0.0, |exponential| exponential.sample(rng))
            }
        };
        real as u32 // saturates: negative numbers become 0, which is rejected
    }

    /// `[m - m a, m + m a]` cut to the bounds.
    fn uniform_bounds(&self) -> (u32, u32) {
        let high = self.mean.saturating_add(self.half_width()).min(self.most);
        (self.mean.saturating_sub(self.half_width()).max(self.least), high)
    }

    /// The share of draws that lies within the bounds.
    fn accepted(&self) -> f64 {
        let mean = f64::from(self.mean);
        // Fractions are cut off, so that what lies below the next number is within.
        let (least, top) = (f64::from(self.least), f64::from(self.most) + 1.0);
        let holds = |inside: bool| if inside { 1.0 } else { 0.0 };
        match self.shape {
            LengthShape::Constant => holds((least..top).contains(&mean)),
            LengthShape::Uniform => {
                let (low, high) = self.uniform_bounds();
                holds(low <= high)
            }
            LengthShape::Exponential => (-least / mean).exp() - (-top / mean).exp(),
            LengthShape::Normal => match NormalCdf::new(mean, mean * self.range) {
                Ok(normal) => normal.cdf(top) - normal.cdf(least),
                Err(_) => holds((least..top).contains(&mean)), // a range of 0: always the mean
            },
        }
    }
}
