//! The exact binomial tests against published sample sizes.

use crate::slo::{Looks, Trials, least_requests};

#[test]
fn sample_sizes_are_those_of_mlperf() {
    // p99 at 99 %: MLPerf LoadGen's early stopping, whose MultiStream scenario asks for 662 queries.
    for (misses, percentile, confidence, n) in [
        (0, 0.99, 0.99, 459),
        (1, 0.99, 0.99, 662),
        (2, 0.99, 0.99, 838),
        (5, 0.99, 0.99, 1_307),
        (10, 0.99, 0.99, 2_010),
        (0, 0.99, 0.95, 299),
        (1, 0.99, 0.95, 473),
        (2, 0.99, 0.95, 628),
        (5, 0.99, 0.95, 1_049),
        (10, 0.99, 0.95, 1_693),
        (0, 0.95, 0.95, 59),
        (1, 0.95, 0.95, 93),
        (2, 0.95, 0.95, 124),
        (5, 0.95, 0.95, 208),
        (10, 0.95, 0.95, 336),
        (0, 0.999, 0.95, 2_995),
        (1, 0.999, 0.95, 4_742),
        (2, 0.999, 0.95, 6_294),
    ] {
        assert_eq!(
            least_requests(misses, percentile, confidence),
            n,
            "{misses} misses, {percentile}, {confidence}"
        );
        let decide = |n: u64| {
            Trials { n: n as f64, misses: misses as f64 }.decide(
                1.0 - percentile,
                1.0 - confidence + 1e-12,
                Looks::Once,
            )
        };
        assert_eq!((decide(n), decide(n - 1)), (Some(true), None));
    }
}

#[test]
fn intervals_are_those_of_clopper_and_pearson() {
    // One-sided at 2.5 %, which is two-sided at 95 %. 0 of 10 and 10 of 10 by hand, 1 - 0.025^(1/10); 3 of 20 and 7 of 10
    // from the tables of Diem and Lentner, Documenta Geigy (1970).
    for (misses, n, low, high) in [
        (0.0, 10.0, 0.0, 0.3085),
        (10.0, 10.0, 0.6915, 1.0),
        (3.0, 20.0, 0.0321, 0.3789),
        (7.0, 10.0, 0.3475, 0.9333),
    ] {
        let found = Trials { n, misses }.interval(0.025, Looks::Once);
        assert!((found.0 - low).abs() < 1e-4 && (found.1 - high).abs() < 1e-4, "{misses} of {n}: {found:?}");
    }
}

#[test]
fn repeated_looks_ask_for_more_and_decide_the_same_way() {
    for (n, misses, once, repeated) in [
        (299.0, 0.0, Some(true), None),
        (460.0, 0.0, Some(true), Some(true)),
        (1_000.0, 16.0, Some(false), None),
        (1_000.0, 30.0, Some(false), Some(false)),
        (1_000.0, 1_000.0, Some(false), Some(false)),
        (1e7, 1e7, Some(false), Some(false)),
        (1e7, 0.0, Some(true), Some(true)),
        (5.0, 5.0, Some(false), Some(false)),
        (0.0, 0.0, None, None),
    ] {
        let trials = Trials { n, misses };
        let found = (trials.decide(0.01, 0.05, Looks::Once), trials.decide(0.01, 0.05, Looks::Repeated));
        assert_eq!(found, (once, repeated), "{misses} of {n}");
    }
}
