//! Many runs in order of time: where a figure changed, and by how much.

use super::case::quantile;
use super::difference::{Change, Scale, Verdict};
use super::figure::Figure;
use super::judge::{ALPHA, Rules, direction};
use crate::stats::{ChangePoint, ChangePointOptions, Moments, change_points};

/// One figure over all runs that have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which.
    pub figure: Figure,
    /// The runs that have it, by their place in the history, and its value in each.
    pub values: Vec<(usize, f64)>,
    /// Where it changed, in order.
    pub shifts: Vec<Shift>,
    /// Up to here a change is noise.
    pub threshold: f64,
}

/// A place where a figure changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The first run after the change, by its place in the history.
    pub run: usize,
    /// Share of rearrangements of the runs that show as large a change.
    pub p: f64,
    /// Median of the runs since the change before it.
    pub before: f64,
    /// Median of the runs up to the next change.
    pub after: f64,
    /// By how much the mean of the runs after differs from that of those before; nothing for a ratio with 0 in it.
    pub change: Option<Change>,
    /// BETTER, WORSE, HIGHER or LOWER; SAME for a change within the threshold.
    pub verdict: Verdict,
}

/// Runs that a history needs before anything can be found in it: five on either side of a change.
pub const HISTORY_MIN: usize = 10;

/// Rearrangements that a change is compared with: enough for Holm's method over some dozens of figures.
const PERMUTATIONS: u32 = 1_999;

/// Looks for changes in each figure; `table` has a row for each of them, with its value in each run in order of time.
///
/// Change points are those of E-divisive (see `stats::change_points`), at most 5 % wrong over all figures together by
/// Holm's method.
pub fn histories(figures: &[Figure], table: &[Vec<Option<f64>>], rules: &Rules) -> Vec<Series> {
    let found: Vec<(Series, Vec<ChangePoint>)> =
        figures.iter().zip(table).map(|(&figure, row)| search(figure, row, rules)).collect();
    // The figure with the least p-value is held to the strictest level; what is not found at 5 % comes last in any case.
    let least = |points: &[ChangePoint]| points.iter().map(|point| point.p_value).fold(1.0, f64::min);
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|&left, &right| least(&found[left].1).total_cmp(&least(&found[right].1)));
    let mut levels = vec![0.0; found.len()];
    for (rank, &index) in order.iter().enumerate() {
        let level = ALPHA / (found.len() - rank) as f64;
        if least(&found[index].1) > level {
            break;
        }
        levels[index] = level;
    }
    found.into_iter().zip(levels).map(|((series, points), level)| kept(series, &points, level)).collect()
}

fn search(figure: Figure, row: &[Option<f64>], rules: &Rules) -> (Series, Vec<ChangePoint>) {
    let values: Vec<(usize, f64)> =
        row.iter().enumerate().filter_map(|(run, value)| Some((run, (*value)?))).collect();
    let plain: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let options =
        ChangePointOptions { permutations: PERMUTATIONS, alpha: ALPHA, ..ChangePointOptions::default() };
    let points = change_points(&plain, &options, &mut rules.seed.stream(&figure.to_string()));
    (Series { figure, values, shifts: Vec::new(), threshold: rules.threshold(figure) }, points)
}

/// The series with those of its change points that are sure enough.
fn kept(mut series: Series, points: &[ChangePoint], level: f64) -> Series {
    let points: Vec<&ChangePoint> = points.iter().filter(|point| point.p_value <= level).collect();
    let mut shifts = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let start = index.checked_sub(1).map_or(0, |before| points[before].at);
        let end = points.get(index + 1).map_or(series.values.len(), |next| next.at);
        let part = |range: std::ops::Range<usize>| -> Vec<f64> {
            series.values[range].iter().map(|(_, value)| *value).collect()
        };
        let (before, after) = (part(start..point.at), part(point.at..end));
        let change = change(series.figure, &before, &after);
        let verdict = match change {
            Some(change) if change.estimate.abs() <= series.threshold => Verdict::Same,
            Some(change) => direction(series.figure.better(), change.estimate),
            None => direction(series.figure.better(), point.after - point.before),
        };
        let median = |part: &[f64]| crate::stats::median(part).unwrap_or_default();
        shifts.push(Shift {
            run: series.values[point.at].0,
            p: point.p_value,
            before: median(&before),
            after: median(&after),
            change,
            verdict,
        });
    }
    series.shifts = shifts;
    series
}

/// The difference of the means of two samples on the figure's scale, with Welch's interval (Biometrika 34, 1947).
fn change(figure: Figure, before: &[f64], after: &[f64]) -> Option<Change> {
    let scale = Scale::of(figure);
    let moments = |values: &[f64]| -> Option<Moments> {
        Some(
            values
                .iter()
                .map(|&value| scale.place(value))
                .collect::<Option<Vec<f64>>>()?
                .into_iter()
                .collect(),
        )
    };
    let (before, after) = (moments(before)?, moments(after)?);
    let share = |moments: Moments| moments.variance() / moments.count() as f64;
    let (left, right) = (share(before), share(after));
    let squares = |part: f64, moments: Moments| part * part / (moments.count() as f64 - 1.0).max(1.0);
    let freedom = match squares(left, before) + squares(right, after) {
        0.0 => 1.0,
        sum => (left + right).powi(2) / sum,
    };
    let distance = after.mean() - before.mean();
    let half = quantile(1.0 - ALPHA / 2.0, freedom.max(1.0)) * (left + right).sqrt();
    Some(Change {
        estimate: scale.change(distance),
        low: scale.change(distance - half),
        high: scale.change(distance + half),
    })
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::seed::Seed;

    fn figures() -> Vec<Figure> {
        ["ttft.p99", "latency.p50", "qps", "error_rate"].map(|name| name.parse().unwrap()).to_vec()
    }

    /// Runs whose figures vary by 3 %, from run `at` on with `ttft.p99` and `qps` times `step`.
    fn table(seed: u64, runs: usize, at: usize, step: f64) -> Vec<Vec<Option<f64>>> {
        let mut rng = Seed(seed).stream("history test");
        let mut row = |level: f64, step: f64| -> Vec<Option<f64>> {
            let value =
                |run| level * (1.0 + rng.random_range(-0.05..0.05)) * if run < at { 1.0 } else { step };
            (0..runs).map(value).map(Some).collect()
        };
        vec![row(0.2, step), row(0.1, 1.0), row(50.0, 1.0 / step), vec![Some(0.0); runs]]
    }

    #[test]
    fn a_change_is_found_in_its_run_with_its_size() {
        let found = histories(&figures(), &table(1, 24, 14, 1.2), &Rules::default());
        let [ttft, latency, qps, errors] = &found[..] else { panic!("{found:?}") };
        assert!(latency.shifts.is_empty() && errors.shifts.is_empty(), "{found:?}");
        for (series, verdict) in [(ttft, Verdict::Worse), (qps, Verdict::Worse)] {
            let [shift] = &series.shifts[..] else { panic!("{series:?}") };
            assert_eq!((shift.run, shift.verdict), (14, verdict), "{shift:?}");
        }
        let change = ttft.shifts[0].change.unwrap();
        assert!(change.low < 0.2 && change.high > 0.2 && change.high - change.low < 0.1, "{change:?}");
    }

    #[test]
    fn runs_without_a_value_are_left_out() {
        let mut table = table(2, 24, 12, 1.3);
        table[0][3] = None;
        let found = histories(&figures(), &table, &Rules::default());
        assert_eq!(found[0].values.len(), 23);
        assert_eq!(found[0].shifts[0].run, 12);
    }

    #[test]
    fn a_change_within_the_threshold_is_the_same() {
        let rules = Rules { threshold: 0.5, ..Rules::default() };
        let found = histories(&figures(), &table(1, 24, 14, 1.2), &rules);
        assert_eq!(found[0].shifts[0].verdict, Verdict::Same);
    }

    #[test]
    fn of_a_hundred_steady_histories_few_have_a_change() {
        let wrong = (0..100).filter(|&seed| {
            let found = histories(&figures(), &table(seed, 20, 20, 1.0), &Rules::default());
            found.iter().any(|series| !series.shifts.is_empty())
        });
        assert!(wrong.count() <= 10); // 5 expected at most; more than 10 has a probability of 1 %
    }
}
