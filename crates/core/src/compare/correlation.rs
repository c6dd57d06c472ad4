//! How long the values of a series remember each other.

/// The integrated autocorrelation time of some series around 0, in values: so many of them are worth one independent value,
/// and the variance of their sum is so much greater. At least 1.
///
/// Geyer's initial positive sequence (Statistical Science 7, 1992): autocorrelations are added up in pairs for as long as
/// the pairs are positive, at most to a third of the shortest series. What the subtraction of the mean took from them is
/// given back to first order.
pub(super) fn correlation_time(series: &[&[f64]]) -> f64 {
    let at_lag = |lag: usize| -> f64 {
        series.iter().flat_map(|run| run.iter().zip(run.iter().skip(lag))).map(|(a, b)| a * b).sum()
    };
    let variance = at_lag(0);
    let shortest = series.iter().map(|run| run.len()).min().unwrap_or(0);
    if variance <= 0.0 || shortest < 3 {
        return 1.0;
    }
    let mut pairs = 0.0;
    let mut lag = 0;
    while lag + 1 < shortest / 3 {
        let pair = (at_lag(lag) + at_lag(lag + 1)) / variance;
        if pair <= 0.0 {
            break;
        }
        pairs += pair;
        lag += 2;
    }
    let time = (2.0 * pairs - 1.0).max(1.0);
    // The mean of n values takes time / n from each autocorrelation.
    let lost = (2.0 * lag as f64 - 1.0).max(0.0) * time / shortest as f64;
    if time > 1.0 { time + lost } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::seed::Seed;

    /// Mean correlation time of series of which each value keeps `memory` of the one before.
    fn found(memory: f64, length: usize) -> f64 {
        let of = |seed: u64| {
            let mut rng = Seed(seed).stream("correlation test");
            let mut value = 0.0;
            let series: Vec<f64> = (0..length)
                .map(|_| {
                    value = memory * value + rng.random_range(-1.0..1.0);
                    value
                })
                .collect();
            let mean = series.iter().sum::<f64>() / length as f64;
            correlation_time(&[&series.iter().map(|value| value - mean).collect::<Vec<_>>()])
        };
        (0..200).map(of).sum::<f64>() / 200.0
    }

    #[test]
    fn the_time_of_known_series_is_found() {
        // (1 + memory) / (1 - memory). Short series show less of a long memory, and white noise may look like some.
        for (memory, length, low, high) in [
            (0.0, 60, 1.0, 1.4),
            (0.5, 60, 2.3, 4.0),
            (0.5, 600, 2.7, 3.3),
            (0.9, 600, 15.0, 22.0),
            (0.9, 60, 6.0, 20.0),
        ] {
            let found = found(memory, length);
            assert!((low..=high).contains(&found), "memory {memory}, {length} values: {found}");
        }
        assert_eq!(correlation_time(&[&[0.0; 9]]), 1.0);
        assert_eq!(correlation_time(&[]), 1.0);
    }
}
