//! Mean and variance of a sample in one pass.

/// Mean and variance so far (Welford, Technometrics 4, 1962: no cancellation).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// How many values there are.
    pub(crate) fn count(self) -> u64 {
        self.count
    }

    /// Their mean; 0 without any.
    pub(crate) fn mean(self) -> f64 {
        self.mean
    }

    /// Their variance with divisor `n - 1`; 0 for fewer than two.
    pub(crate) fn variance(self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        values.into_iter().fold(Moments::default(), |sofar, value| {
            let count = sofar.count + 1;
            let off = value - sofar.mean;
            let mean = sofar.mean + off / count as f64;
            Moments { count, mean, squares: sofar.squares + off * (value - mean) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_a_large_offset() {
        let moments: Moments = [4.0, 7.0, 13.0, 16.0].map(|value| value + 1e9).into_iter().collect();
        assert_eq!((moments.count(), moments.mean(), moments.variance()), (4, 1e9 + 10.0, 30.0));
        assert_eq!(Moments::default().variance(), 0.0);
    }
}
