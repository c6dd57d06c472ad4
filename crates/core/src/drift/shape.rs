//! Whether growth lasts, or has filled something that is full now.

use crate::stats::trend;

/// Whether the growth of `values`, of the given `slope` per value, goes on at their end.
///
/// It does not if the second half is shown to grow less than half as fast, or if an exponential that settles within the
/// series explains it clearly better than a line: by Akaike's criterion for `independent` values, with its one more
/// parameter.
pub(super) fn lasts(values: &[f64], slope: f64, independent: f64) -> bool {
    let half = &values[values.len() / 2..];
    let flattened = trend(half, CONFIDENCE).is_some_and(|half| match slope >= 0.0 {
        true => half.slope_high < LASTING * slope,
        false => half.slope_low > LASTING * slope,
    });
    !flattened && !settles(values, independent)
}

/// Of the slope of the second half.
const CONFIDENCE: f64 = 0.9;
/// Growth that has lost half of its pace is ending.
const LASTING: f64 = 0.5;
/// By how much the exponential must be better in Akaike's criterion: a line is then `exp(-3)` times as likely.
const CLEARLY: f64 = 6.0;

/// Whether `a + b (1 - exp(-t / tau))` with a `tau` below half of the series fits clearly better than a line.
fn settles(values: &[f64], independent: f64) -> bool {
    let n = values.len() as f64;
    let place = |index: usize| index as f64 / n;
    let line = left_over(values, place);
    let best = (1..=RATES)
        .map(|step| {
            let tau = 0.5 * f64::from(step) / f64::from(RATES);
            left_over(values, |index| 1.0 - (-place(index) / tau).exp())
        })
        .fold(f64::INFINITY, f64::min);
    if line <= 0.0 {
        return false; // an exact line
    }
    let gain = independent * (line / best.max(line * 1e-12)).ln() - 2.0;
    gain > CLEARLY
}

/// Time constants that are tried.
const RATES: u32 = 40;

/// The sum of squares that least squares of `a + b x` leaves, with `x` a function of the place.
fn left_over(values: &[f64], x: impl Fn(usize) -> f64) -> f64 {
    let n = values.len() as f64;
    let mean_x = (0..values.len()).map(&x).sum::<f64>() / n;
    let mean_y = values.iter().sum::<f64>() / n;
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let (dx, dy) = (x(index) - mean_x, value - mean_y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    if xx > 0.0 { (yy - xy * xy / xx).max(0.0) } else { yy }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::seed::Seed;

    fn series(seed: u64, of: impl Fn(f64) -> f64, noise: f64) -> Vec<f64> {
        let mut rng = Seed(seed).stream("shape");
        (0..120).map(|place| of(f64::from(place) / 120.0) + noise * rng.random_range(-1.0..1.0)).collect()
    }

    fn share_lasting(of: impl Fn(f64) -> f64 + Copy, noise: f64) -> f64 {
        let lasting = (0..50).filter(|&seed| {
            let values = series(seed, of, noise);
            let found = trend(&values, 0.95).unwrap();
            lasts(&values, found.slope, values.len() as f64 / found.widening)
        });
        lasting.count() as f64 / 50.0
    }

    #[test]
    fn lines_last_and_what_fills_does_not() {
        let fills = |t: f64| 10.0 * (1.0 - (-t / 0.1).exp());
        let ramp_then_flat = |t: f64| 10.0 * t.min(0.4);
        for noise in [0.0, 0.1, 0.5] {
            assert!(share_lasting(|t| 10.0 * t, noise) >= 0.9, "a line with noise {noise}");
            assert!(share_lasting(|t| -10.0 * t, noise) >= 0.9, "a falling line with noise {noise}");
            assert!(share_lasting(fills, noise) <= 0.02, "filling with noise {noise}");
            assert!(share_lasting(ramp_then_flat, noise) <= 0.02, "then flat with noise {noise}");
        }
        assert!(share_lasting(|t| 10.0 * t * t, 0.5) == 1.0, "growth that grows");
        assert!(share_lasting(|t| t, 0.5) >= 0.9, "a weak line");
    }
}
