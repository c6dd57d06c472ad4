//! How many requests arrive in a cell.

use plimsoll_core::seed::Rng;
use rand_distr::{Distribution as _, Gamma, Poisson};

/// Arrivals of a cell. Over a cell with many arrivals, those of a renewal process with coefficient of variation `cv`
/// have a variance of `cv²` times their mean; a mixture of Poisson counts has that for `cv > 1`, and smoother
/// arrivals are taken to be Poisson, which errs to the safe side.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals(Law);

#[derive(Clone, Copy, Debug)]
enum Law {
    None,
    Poisson(Poisson<f64>),
    /// Gamma-distributed means: counts are negative binomial.
    Mixed(Gamma<f64>),
}

impl Arrivals {
    /// Those of cells with `mean` arrivals; a mean that is not positive is none at all.
    pub fn new(mean: f64, cv: f64) -> Self {
        let excess = cv * cv - 1.0;
        if excess > 1e-9
            && let Ok(means) = Gamma::new(mean / excess, excess)
        {
            return Arrivals(Law::Mixed(means));
        }
        Arrivals(Poisson::new(mean).map_or(Law::None, Law::Poisson))
    }

    /// Draws those of one cell.
    pub fn draw(&self, rng: &mut Rng) -> u32 {
        let count = match &self.0 {
            Law::None => 0.0,
            Law::Poisson(law) => law.sample(rng),
            Law::Mixed(means) => Poisson::new(means.sample(rng)).map_or(0.0, |law| law.sample(rng)),
        };
        count as u32 // `as` saturates
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::seed::Seed;

    use super::*;

    #[test]
    fn mean_and_variance_are_those_of_the_process() {
        for (mean, cv, variance) in [(20.0, 1.0, 20.0), (20.0, 2.0, 80.0), (20.0, 0.5, 20.0), (0.0, 1.0, 0.0)]
        {
            let (law, mut rng) = (Arrivals::new(mean, cv), Seed(1).stream("test"));
            let counts: Vec<f64> = (0..100_000).map(|_| f64::from(law.draw(&mut rng))).collect();
            let average = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
            let got = average(counts.clone());
            let spread = average(counts.iter().map(|count| (count - got).powi(2)).collect());
            assert!((got - mean).abs() <= 0.01 * mean, "{got} of {mean}");
            assert!((spread - variance).abs() <= 0.03 * variance, "{spread} of {variance}");
        }
    }
}
