//! What theory says about the gaps of an arrival process, to hold a schedule against.

use statrs::distribution::{ContinuousCDF as _, Gamma, Normal};

use super::GapDistribution;

/// Above this shape, sums of series for the gamma distribution get long and a normal approximation is as good.
const LARGE_SHAPE: f64 = 1e4;
/// Below this many nanoseconds the rounding of gaps to whole ones is taken into account exactly.
const FINE: u64 = 1000;

/// The distribution of a random gap, in mean gaps.
#[derive(Clone, Debug)]
pub(super) enum GapLaw {
    Uniform,
    Gamma {
        law: Gamma,
        one_shape_up: Gamma,
    },
    /// A gamma distribution of a shape above [`LARGE_SHAPE`].
    NearlyNormal {
        shape: f64,
    },
}

impl GapLaw {
    /// The law of random gaps; `None` for equal ones, and where there is no such distribution.
    pub(super) fn of(gaps: GapDistribution) -> Option<GapLaw> {
        let shape = match gaps {
            GapDistribution::Constant => return None,
            GapDistribution::Uniform => return Some(GapLaw::Uniform),
            GapDistribution::Poisson => 1.0,
            GapDistribution::Gamma { cv } => (cv * cv).recip(),
        };
        if shape > LARGE_SHAPE {
            return Some(GapLaw::NearlyNormal { shape });
        }
        // statrs takes a rate in place of a scale: equal to the shape it makes the mean one.
        let law = Gamma::new(shape, shape).ok()?;
        let one_shape_up = Gamma::new(shape + 1.0, shape).ok()?;
        Some(GapLaw::Gamma { law, one_shape_up })
    }

    /// The probability of a gap of at most `x` mean gaps.
    fn cdf(&self, x: f64) -> f64 {
        match self {
            GapLaw::Uniform => (x / 2.0).clamp(0.0, 1.0),
            GapLaw::Gamma { law, .. } => law.cdf(x),
            // Wilson and Hilferty, PNAS 17 (1931): the cube root is close to normal.
            GapLaw::NearlyNormal { shape } => {
                Normal::standard().cdf((x.cbrt() - 1.0 + 1.0 / (9.0 * shape)) * 3.0 * shape.sqrt())
            }
        }
    }

    /// The integral of [`GapLaw::cdf`] from 0 to `x`: `x F(x) - E[gap; gap <= x]`.
    fn cdf_integral(&self, x: f64) -> f64 {
        match self {
            GapLaw::Uniform if x <= 2.0 => x * x / 4.0,
            GapLaw::Uniform => x - 1.0,
            GapLaw::Gamma { law, one_shape_up } => x * law.cdf(x) - one_shape_up.cdf(x),
            GapLaw::NearlyNormal { .. } => x * self.cdf(x) / 2.0, // next to 0 wherever it is used
        }
    }

    /// The probability that two arrivals, each rounded to the nanosecond, are at most `nanos` apart, where `nano` is
    /// one nanosecond in mean gaps.
    ///
    /// The first arrival lies anywhere within its nanosecond, so the bound on the true gap is spread evenly from
    /// `nanos` to `nanos + 1`. (Of the gaps of a bursty process at a high rate, half can be shorter than a nanosecond.)
    pub(super) fn cdf_of_rounded(&self, nanos: u64, nano: f64) -> f64 {
        let from = nanos as f64 * nano;
        if nanos < FINE {
            (self.cdf_integral(from + nano) - self.cdf_integral(from)) / nano
        } else {
            self.cdf(from + nano / 2.0)
        }
    }
}

impl GapDistribution {
    /// The coefficient of variation of the gaps.
    pub fn cv(self) -> f64 {
        match self {
            GapDistribution::Constant => 0.0,
            GapDistribution::Uniform => 1.0 / 3_f64.sqrt(),
            GapDistribution::Poisson => 1.0,
            GapDistribution::Gamma { cv } => cv,
        }
    }

    /// The third central moment of the gaps, in cubed mean gaps.
    fn third_moment(self) -> f64 {
        match self {
            GapDistribution::Constant | GapDistribution::Uniform => 0.0,
            GapDistribution::Poisson => 2.0,
            GapDistribution::Gamma { cv } => 2.0 * cv.powi(4),
        }
    }

    /// The fourth central moment over the squared variance.
    fn kurtosis(self) -> f64 {
        match self {
            GapDistribution::Constant | GapDistribution::Uniform => 1.8,
            GapDistribution::Poisson => 9.0,
            GapDistribution::Gamma { cv } => 3.0 + 6.0 * cv * cv,
        }
    }

    /// The standard error of the coefficient of variation of `n` random gaps, relative to it (delta method on mean and
    /// variance: Kendall, Stuart, The Advanced Theory of Statistics I, 10.5).
    pub(super) fn cv_error(self, n: f64) -> f64 {
        let cv = self.cv();
        let skewness = self.third_moment() / cv.powi(3);
        (((self.kurtosis() - 1.0) / 4.0 + cv * cv - skewness * cv) / n).sqrt()
    }

    /// The index of dispersion of counts in windows of `gaps` mean gaps: 1 for Poisson, 0 for equal gaps, else the
    /// asymptote of an equilibrium renewal process (Cox, Renewal Theory, 1962, 4.5), close for long windows.
    pub(super) fn dispersion(self, gaps: f64) -> f64 {
        let squared = self.cv() * self.cv();
        match self {
            GapDistribution::Constant => 0.0,
            _ => squared + (1.0 / 6.0 + squared * squared / 2.0 - self.third_moment() / 3.0) / gaps,
        }
    }

    /// From how many mean gaps on a window is long enough for [`GapDistribution::dispersion`]. Exact from the start for
    /// Poisson. Else the process forgets as `exp(-t / cv^2)` when gaps are uneven (the branch point of their Laplace
    /// transform) and as `exp(-2 pi^2 cv^2 t)` when they are nearly equal (its nearest pole): to a ten-thousandth here.
    pub(super) fn long_window(self) -> f64 {
        let squared = self.cv() * self.cv();
        match self {
            GapDistribution::Constant | GapDistribution::Poisson => 1.0,
            _ => (10.0 * squared).max(2.0 / squared),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_part_of_the_law() {
        for gaps in [
            GapDistribution::Uniform,
            GapDistribution::Poisson,
            GapDistribution::Gamma { cv: 4.0 },
            GapDistribution::Gamma { cv: 0.3 },
        ] {
            let law = GapLaw::of(gaps).expect("random gaps");
            let nano = 1e-4; // 100,000/s
            // The mean of F over [v, v + 1], by a fine sum.
            for nanos in [0, 1, 999, 10_000, 19_999, 30_000] {
                let steps = 100_000;
                let point =
                    |step| law.cdf((f64::from(nanos) + (f64::from(step) + 0.5) / f64::from(steps)) * nano);
                let mean = (0..steps).map(point).sum::<f64>() / f64::from(steps);
                let exact = law.cdf_of_rounded(nanos as u64, nano);
                assert!((mean - exact).abs() < 1e-6, "{gaps:?} {nanos}: {mean} {exact}");
            }
        }
    }

    #[test]
    fn the_normal_approximation_joins_the_gamma_distribution() {
        let exact = GapLaw::of(GapDistribution::Gamma { cv: 0.01 }).expect("random gaps");
        let near = GapLaw::NearlyNormal { shape: 1e4 };
        assert!(matches!(exact, GapLaw::Gamma { .. }));
        for x in [0.97, 0.99, 1.0, 1.005, 1.03] {
            assert!((exact.cdf(x) - near.cdf(x)).abs() < 1e-5, "{x}");
        }
    }

    #[test]
    fn a_gamma_distribution_of_cv_1_is_poisson() {
        let gamma = GapDistribution::Gamma { cv: 1.0 };
        assert_eq!(gamma.cv_error(100.0), GapDistribution::Poisson.cv_error(100.0));
        assert_eq!(gamma.cv_error(100.0), 0.1);
        assert!((gamma.dispersion(3.0) - 1.0).abs() < 1e-12);
        assert!((GapDistribution::Poisson.dispersion(1.0) - 1.0).abs() < 1e-12);
    }
}
