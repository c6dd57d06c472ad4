//! Where an objective seems to be missed first: a guess from all loads near the capacity, which says where evidence is cheap.

/// One objective at one load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// Natural logarithm of the load.
    pub(super) at: f64,
    /// Natural logarithm of the share of misses over the share allowed, or of a mean over its limit: 0 at the limit.
    pub(super) pressure: f64,
    /// How much it has to say: one over the variance of `pressure`.
    pub(super) weight: f64,
}

/// How steeply pressure rises before anything is seen of that: an M/M/1 queue at 80 % and its 95th percentile have 12.
const SLOPE: f64 = 12.0;
/// How sure that is: the standard deviation of the slope.
const SLOPE_DEVIATION: f64 = 12.0;
/// The least slope: pressure does not fall with the load.
const SLOPE_MIN: f64 = 1.0;

/// The logarithm of the load at which the pressure is 0, by a weighted straight line through what was seen.
pub(super) fn crossing(seen: &[Seen]) -> Option<f64> {
    let weight: f64 = seen.iter().map(|one| one.weight).sum();
    if weight <= 0.0 {
        return None;
    }
    let mean = |of: fn(&Seen) -> f64| seen.iter().map(|one| one.weight * of(one)).sum::<f64>() / weight;
    let (at, pressure) = (mean(|one| one.at), mean(|one| one.pressure));
    let prior = SLOPE_DEVIATION.powi(-2);
    let spread: f64 = seen.iter().map(|one| one.weight * (one.at - at).powi(2)).sum();
    let product: f64 = seen.iter().map(|one| one.weight * (one.at - at) * (one.pressure - pressure)).sum();
    let slope = ((product + prior * SLOPE) / (spread + prior)).max(SLOPE_MIN);
    Some(at - pressure / slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_followed_to_its_limit() {
        let line = |at: f64, weight| Seen { at, pressure: 8.0 * (at - 3.0), weight };
        let found = crossing(&[line(2.9, 1e6), line(3.05, 1e6), line(3.2, 1e6)]).unwrap();
        assert!((found - 3.0).abs() < 1e-6, "{found}");
        // A single load says where, the usual slope how far.
        let found = crossing(&[Seen { at: 3.0, pressure: -1.2, weight: 5.0 }]).unwrap();
        assert!((found - 3.1).abs() < 1e-9, "{found}");
        // Pressure that falls with the load is noise.
        let falling = [line(3.2, 1.0), line(2.8, 1.0)].map(|one| Seen { pressure: -one.pressure, ..one });
        assert!(crossing(&falling).unwrap().is_finite());
        assert_eq!(crossing(&[]), None);
    }
}
