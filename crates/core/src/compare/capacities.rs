//! Two certified capacities beside each other.

use super::difference::{Change, Open, Verdict};
use super::figure::Better;
use super::judge::direction;

/// What a search knows of a capacity: it lies between a load that passes and one that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CapacityRange {
    /// The certified load; nothing where no load passes.
    pub low: Option<f64>,
    /// The least load that fails; nothing where none does.
    pub high: Option<f64>,
}

/// By how much capacity `b` differs from `a`, and what follows. The change lies between the two extremes that the ranges
/// allow; its estimate is between their middles. Nothing is said of it where a range has an end open.
pub fn compare_capacities(a: CapacityRange, b: CapacityRange, threshold: f64) -> (Option<Change>, Verdict) {
    let below =
        |left: Option<f64>, right: Option<f64>| left.zip(right).is_some_and(|(left, right)| left < right);
    let (
        CapacityRange { low: Some(a_low), high: Some(a_high) },
        CapacityRange { low: Some(b_low), high: Some(b_high) },
    ) = (a, b)
    else {
        // The known ends may still lie apart.
        let verdict = match (below(a.high, b.low), below(b.high, a.low)) {
            (true, _) => Verdict::Better,
            (_, true) => Verdict::Worse,
            _ => Verdict::Undecided(Open::NoValue),
        };
        return (None, verdict);
    };
    let change = Change {
        estimate: (b_low * b_high / (a_low * a_high)).sqrt() - 1.0,
        low: b_low / a_high - 1.0,
        high: b_high / a_low - 1.0,
    };
    let is_apart = change.low > 0.0 || change.high < 0.0;
    let verdict = if change.low >= -threshold && change.high <= threshold {
        Verdict::Same
    } else if is_apart && change.estimate.abs() > threshold {
        direction(Better::Higher, change.estimate)
    } else {
        Verdict::Undecided(Open::FinerSearch)
    };
    (Some(change), verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_told_apart_by_their_ranges() {
        let range = |low, high| CapacityRange { low, high };
        let known = |low, high| range(Some(low), Some(high));
        for (a, b, expected) in [
            (known(10.0, 10.4), known(12.0, 12.4), Verdict::Better),
            (known(12.0, 12.4), known(10.0, 10.4), Verdict::Worse),
            (known(10.0, 10.2), known(10.0, 10.2), Verdict::Same),
            (known(10.0, 12.0), known(10.0, 12.0), Verdict::Undecided(Open::FinerSearch)),
            (known(10.0, 10.2), known(10.3, 10.45), Verdict::Same),
            (known(10.0, 11.0), known(10.6, 11.6), Verdict::Undecided(Open::FinerSearch)),
            (range(Some(10.0), None), known(8.0, 8.4), Verdict::Worse),
            (known(10.0, 10.4), range(Some(11.0), None), Verdict::Better),
            (known(10.0, 10.4), range(None, Some(1.0)), Verdict::Worse),
            (range(None, None), known(1.0, 1.1), Verdict::Undecided(Open::NoValue)),
        ] {
            assert_eq!(compare_capacities(a, b, 0.05).1, expected, "{a:?} {b:?}");
        }
        let change = compare_capacities(known(10.0, 10.0), known(11.0, 12.1), 0.05).0.unwrap();
        assert!((change.low - 0.1).abs() < 1e-9 && (change.high - 0.21).abs() < 1e-9, "{change:?}");
    }
}
