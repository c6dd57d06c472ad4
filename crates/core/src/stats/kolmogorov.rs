//! The one-sample Kolmogorov-Smirnov test, for values that are whole numbers of a unit (nanoseconds).

use std::f64::consts::PI;

/// The largest distance between the distribution of the `sorted` sample and `cdf`, where `cdf(v)` is the probability
/// of at most `v` units. `None` for an empty sample.
///
/// Both are step functions on whole numbers, so they are compared at each value that occurs and just before the next.
pub(crate) fn largest_distance(sorted: &[u64], cdf: impl Fn(u64) -> f64) -> Option<f64> {
    let n = sorted.len() as f64;
    let mut below = 0;
    sorted
        .chunk_by(|a, b| a == b)
        .map(|equal| {
            let value = equal[0];
            let before = value.checked_sub(1).map_or(0.0, &cdf);
            let step_from = below as f64 / n;
            below += equal.len();
            (before - step_from).abs().max((cdf(value) - below as f64 / n).abs())
        })
        .reduce(f64::max)
}

/// The probability of a [`largest_distance`] of at least `distance` in a sample of `n` from the distribution itself.
///
/// Kolmogorov's limit with the correction for finite samples of Stephens, Journal of the Royal Statistical Society B 32
/// (1970): good to two digits from `n = 8` on. For values in steps, not continuous, it errs on the high side.
pub(crate) fn kolmogorov_p_value(distance: f64, n: u64) -> f64 {
    let root = (n as f64).sqrt();
    let x = (root + 0.12 + 0.11 / root) * distance;
    // Two series for the same function; each converges in a few terms on its side of 1.
    let p = if x < 1.0 {
        let terms = (1..=4).map(|j| (-f64::from(2 * j - 1).powi(2) * PI * PI / (8.0 * x * x)).exp());
        1.0 - (2.0 * PI).sqrt() / x * terms.sum::<f64>()
    } else {
        let sign = |j: i32| if j % 2 == 1 { 2.0 } else { -2.0 };
        (1..=4).map(|j| sign(j) * (-2.0 * f64::from(j * j) * x * x).exp()).sum()
    };
    if x == 0.0 { 1.0 } else { p.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_agree_with_the_tables() {
        // Critical values of the limiting distribution (Smirnov, Annals of Mathematical Statistics 19, 1948).
        let n = 1_000_000_000_000;
        for (x, p) in [
            (0.5, 0.963_945),
            (0.8276, 0.5),
            (0.99, 0.280_9),
            (1.01, 0.259_4),
            (1.3581, 0.05),
            (1.6276, 0.01),
        ] {
            let found = kolmogorov_p_value(x / (n as f64).sqrt(), n);
            assert!((found - p).abs() < 1e-3, "{x}: {found}");
        }
        assert_eq!(kolmogorov_p_value(0.0, 10), 1.0);
        assert!(kolmogorov_p_value(1.0, 100) < 1e-80);
    }

    #[test]
    fn the_largest_distance_looks_on_both_sides_of_every_step() {
        let die = |value: u64| (value as f64 / 6.0).min(1.0);
        for (sample, distance) in [
            (&[1, 2, 3, 4, 5, 6][..], 0.0),
            (&[3, 3, 3], 0.5),    // 1/3 of the die lies below 3, and half above
            (&[6], 5.0 / 6.0),    // before the only step
            (&[1, 1], 5.0 / 6.0), // after it
            (&[1, 6], 1.0 / 3.0), // between the two
        ] {
            let found = largest_distance(sample, die).expect("not empty");
            assert!((found - distance).abs() < 1e-12, "{sample:?}: {found}");
        }
        assert_eq!(largest_distance(&[], die), None);
    }
}
