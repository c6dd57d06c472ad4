//! Where a series changes its level: E-divisive with permutation tests.
//!
//! The energy distance of Székely and Rizzo tells two samples apart whatever differs, mean or spread. A series is split
//! where it is largest, and the split is kept if few rearrangements of the same values have one as large (Matteson and
//! James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data", JASA 109, 2014, with the
//! exponent 1). Then each side is looked at in the same way. The rearrangements look for their own best split, so that
//! choosing the split first costs no false alarms.

use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::rank::median;
use crate::seed::Rng;

/// How change points are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePointOptions {
    /// Fewest values on either side of a change; 2 or more.
    pub min_segment: usize,
    /// Rearrangements that a split is compared with; `1 / alpha` or more, or nothing can be found.
    pub permutations: u32,
    /// Probability of a change point in a series that has none.
    pub alpha: f64,
    /// Successive values that are rearranged together: 1 where values are independent, more where neighbours resemble
    /// each other.
    pub block: usize,
}

impl Default for ChangePointOptions {
    /// Segments of 5, 499 rearrangements, 1 %, independent values.
    fn default() -> Self {
        ChangePointOptions { min_segment: 5, permutations: 499, alpha: 0.01, block: 1 }
    }
}

/// A place where a series changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// Index of the first value after the change.
    pub at: usize,
    /// Share of rearrangements that have a split as large.
    pub p_value: f64,
    /// Median of the values between the change point before it, or the beginning, and this one.
    pub before: f64,
    /// Median from here to the next change point, or the end.
    pub after: f64,
}

/// The change points of `series`, in order. Its values must be finite.
pub fn change_points(series: &[f64], options: &ChangePointOptions, rng: &mut Rng) -> Vec<ChangePoint> {
    let mut splits = Vec::new();
    divide(series, 0, options, rng, &mut splits);
    splits.sort_by_key(|&(at, _)| at);
    let mut bounds: Vec<usize> = splits.iter().map(|&(at, _)| at).collect();
    bounds.insert(0, 0);
    bounds.push(series.len());
    let level = |index: usize| median(&series[bounds[index]..bounds[index + 1]]).unwrap_or_default();
    splits
        .iter()
        .enumerate()
        .map(|(index, &(at, p_value))| ChangePoint {
            at,
            p_value,
            before: level(index),
            after: level(index + 1),
        })
        .collect()
}

/// Adds the splits of a part of the series that begins at `offset`.
fn divide(
    part: &[f64],
    offset: usize,
    options: &ChangePointOptions,
    rng: &mut Rng,
    splits: &mut Vec<(usize, f64)>,
) {
    let min_segment = options.min_segment.max(2);
    let values = ranked(part);
    let Some(best) = best_split(&values, min_segment) else { return };
    let Some(p_value) = p_value(&values, best.distance, min_segment, options, rng) else { return };
    splits.push((offset + best.at, p_value));
    divide(&part[..best.at], offset, options, rng, splits);
    divide(&part[best.at..], offset + best.at, options, rng, splits);
}

/// Share of rearrangements with a split of at least `distance`; nothing once it is sure to be above `alpha`.
fn p_value(
    values: &[Ranked],
    distance: f64,
    min_segment: usize,
    options: &ChangePointOptions,
    rng: &mut Rng,
) -> Option<f64> {
    let mut blocks: Vec<&[Ranked]> = values.chunks(options.block.max(1)).collect();
    let mut as_large = 1; // the series itself is one of its arrangements
    let arrangements = f64::from(options.permutations) + 1.0;
    for _ in 0..options.permutations {
        blocks.shuffle(rng);
        let found = best_split(&blocks.concat(), min_segment);
        // Sums in another order differ in their last digits.
        as_large += u32::from(found.is_some_and(|found| found.distance >= distance * (1.0 - 1e-9)));
        if f64::from(as_large) / arrangements > options.alpha {
            return None;
        }
    }
    let share = f64::from(as_large) / arrangements;
    (share <= options.alpha).then_some(share)
}

/// A value with its place among all values of its part.
#[derive(Clone, Copy)]
struct Ranked {
    value: f64,
    rank: usize,
}

fn ranked(part: &[f64]) -> Vec<Ranked> {
    let mut order: Vec<usize> = (0..part.len()).collect();
    order.sort_by(|&a, &b| part[a].total_cmp(&part[b]));
    let mut values: Vec<Ranked> = part.iter().map(|&value| Ranked { value, rank: 0 }).collect();
    order.into_iter().enumerate().for_each(|(rank, index)| values[index].rank = rank);
    values
}

struct Split {
    at: usize,
    distance: f64,
}

/// The split with the largest scaled energy distance between its sides; nothing if there are too few values, or if the
/// sides of each split are as alike as the values on each.
fn best_split(values: &[Ranked], min_segment: usize) -> Option<Split> {
    let length = values.len();
    let left = distances_within(values.iter());
    let mut right = distances_within(values.iter().rev());
    right.reverse();
    let total = *left.last()?;
    (min_segment..=length.checked_sub(min_segment)?)
        .map(|at| {
            let (m, n) = (at as f64, (length - at) as f64);
            let between = total - left[at] - right[at];
            let energy = 2.0 * between / (m * n)
                - 2.0 * left[at] / (m * (m - 1.0))
                - 2.0 * right[at] / (n * (n - 1.0));
            Split { at, distance: m * n / (m + n) * energy }
        })
        .filter(|split| split.distance > 0.0)
        .max_by(|a, b| a.distance.total_cmp(&b.distance))
}

/// For each number of first values, 0 to all, the sum of the distances of all their pairs.
///
/// A tree of partial sums over the ranks (Fenwick, 1994) gives the distances of a value to all before it in the
/// logarithm of their number.
fn distances_within<'a>(values: impl ExactSizeIterator<Item = &'a Ranked>) -> Vec<f64> {
    let length = values.len();
    let mut tree = vec![(0.0_f64, 0.0_f64); length + 1];
    let mut within = Vec::with_capacity(length + 1);
    let (mut sum, mut count, mut all) = (0.0, 0.0, 0.0);
    within.push(0.0);
    for &Ranked { value, rank } in values {
        let (mut below, mut below_sum) = (0.0, 0.0);
        let mut node = rank;
        while node > 0 {
            below += tree[node].0;
            below_sum += tree[node].1;
            node &= node - 1;
        }
        sum += value * below - below_sum + (all - below_sum) - value * (count - below);
        within.push(sum);
        let mut node = rank + 1;
        while node <= length {
            tree[node].0 += 1.0;
            tree[node].1 += value;
            node += node & node.wrapping_neg();
        }
        count += 1.0;
        all += value;
    }
    within
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;
    use crate::seed::Seed;

    fn noise(seed: u64, length: usize) -> Vec<f64> {
        let mut rng = Seed(seed).stream("noise");
        (0..length).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn found(series: &[f64], seed: u64) -> Vec<usize> {
        let options = ChangePointOptions::default();
        let points = change_points(series, &options, &mut Seed(seed).stream("test"));
        points.into_iter().map(|point| point.at).collect()
    }

    #[test]
    fn the_energy_distance_is_that_of_its_definition() {
        // By hand: {0, 1} and {5, 7}: between 5+7+4+6 = 22, within 1 and 2; 1 * (2*22/4 - 1 - 2) = 8.
        let split = best_split(&ranked(&[0.0, 1.0, 5.0, 7.0]), 2).unwrap();
        assert_eq!((split.at, split.distance), (2, 8.0));
        assert!(best_split(&ranked(&[1.0, 2.0, 3.0]), 2).is_none(), "too few");
        assert!(best_split(&ranked(&[4.0; 20]), 2).is_none(), "nothing differs");
    }

    #[test]
    fn steps_are_found_where_they_are() {
        let steps: Vec<f64> = noise(3, 90)
            .into_iter()
            .enumerate()
            .map(|(index, noise)| {
                noise
                    + match index {
                        0..30 => 10.0,
                        30..50 => 14.0,
                        _ => 11.5,
                    }
            })
            .collect();
        assert_eq!(found(&steps, 1), [29, 50]); // the first within one place, the noise being what it is
        let points = change_points(&steps, &ChangePointOptions::default(), &mut Seed(1).stream("test"));
        assert!((points[0].before - 10.0).abs() < 0.5 && (points[0].after - 14.0).abs() < 0.5, "{points:?}");
        assert_eq!(points[0].after, points[1].before);
        assert!(points.iter().all(|point| point.p_value <= 0.01), "{points:?}");
    }

    #[test]
    fn a_change_of_spread_alone_is_one() {
        let noise = noise(4, 120);
        let wider: Vec<f64> = noise
            .iter()
            .enumerate()
            .map(|(index, noise)| if index < 60 { *noise } else { 8.0 * noise })
            .collect();
        let found = found(&wider, 1);
        assert!(found.len() == 1 && found[0].abs_diff(60) <= 5, "{found:?}");
    }

    #[test]
    fn of_a_hundred_series_without_a_change_few_have_one() {
        let options = ChangePointOptions { permutations: 199, ..ChangePointOptions::default() };
        let with_one = (0..100).filter(|&seed| {
            !change_points(&noise(seed, 40), &options, &mut Seed(seed).stream("test")).is_empty()
        });
        assert!(with_one.count() <= 4); // 1 expected; more than 4 has a probability of 0.3 %
        assert!(found(&[], 1).is_empty());
        assert!(found(&[1.0; 50], 1).is_empty());
    }

    #[test]
    fn blocks_keep_a_wandering_from_being_a_change() {
        let wandering = |seed| {
            let mut level = 0.0;
            noise(seed, 80)
                .into_iter()
                .map(|noise| {
                    level = 0.8 * level + noise;
                    level
                })
                .collect::<Vec<f64>>()
        };
        let with_change = |block| {
            let options = ChangePointOptions { permutations: 199, block, ..ChangePointOptions::default() };
            (0..60)
                .filter(|&seed| {
                    !change_points(&wandering(seed), &options, &mut Seed(seed).stream("test")).is_empty()
                })
                .count()
        };
        let (single, blocks) = (with_change(1), with_change(10));
        assert!(single > 3 * blocks && blocks <= 4, "{single} and {blocks}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sums_of_distances_are_those_of_all_pairs(values in prop::collection::vec(-100.0..100.0_f64, 0..30)) {
            let within = distances_within(ranked(&values).iter());
            for (length, found) in within.iter().enumerate() {
                let pairs = (0..length).flat_map(|j| (0..j).map(move |i| (i, j)));
                let expected: f64 = pairs.map(|(i, j)| (values[i] - values[j]).abs()).sum();
                prop_assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "{found} {expected}");
            }
        }
    }
}
