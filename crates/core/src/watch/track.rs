//! One figure over time, in memory that does not grow with the hours.

use serde::{Deserialize, Serialize};

/// Points that are kept; twice as many are put together in pairs. At one a second the first two hours are kept as they are.
const POINTS: usize = 3_600;

/// A figure over time: a value for each span between two scrapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Track {
    points: Vec<Point>,
}

/// A value and the time for which it stands, in seconds from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    from: f64,
    until: f64,
    /// What it counts in means and percentiles: its seconds, or the events that it is the mean of.
    weight: f64,
    value: f64,
    min: f64,
    max: f64,
}

/// A figure over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Mean, weighted by time; of what is told of each event, such as the time a request waited, the mean of all events.
    pub mean: f64,
    /// What it was not above for 95 % of the time (of the events).
    pub p95: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
}

impl Track {
    /// Adds the value that stands for the time from `from` to `until`, which begins where the last one ended or later.
    pub(super) fn push(&mut self, from: f64, until: f64, value: f64) {
        self.push_weighted((from, until), until - from, value);
    }

    /// Adds the mean of that many events between `from` and `until`: of none there is nothing to add.
    pub(super) fn push_mean(&mut self, from: f64, until: f64, (value, events): (f64, f64)) {
        self.push_weighted((from, until), events, value);
    }

    fn push_weighted(&mut self, (from, until): (f64, f64), weight: f64, value: f64) {
        if until <= from || weight <= 0.0 || !value.is_finite() {
            return;
        }
        self.points.push(Point { from, until, weight, value, min: value, max: value });
        if self.points.len() >= 2 * POINTS {
            self.points = self.points.chunks(2).map(together).collect();
        }
    }

    /// The figure over the window from `start` to `end`; nothing if it was not watched then.
    pub(super) fn level(&self, start: f64, end: f64) -> Option<Level> {
        let mut inside: Vec<(f64, &Point)> = self
            .points
            .iter()
            .map(|point| (point.weight_within(start, end), point))
            .filter(|(weight, _)| *weight > 0.0)
            .collect();
        let all: f64 = inside.iter().map(|(weight, _)| weight).sum();
        let mean = inside.iter().map(|(weight, point)| weight * point.value).sum::<f64>() / all;
        inside.sort_by(|(_, a), (_, b)| a.value.total_cmp(&b.value));
        let mut so_far = 0.0;
        let (_, at_95) = inside.iter().find(|(weight, _)| {
            so_far += weight;
            so_far >= 0.95 * all * (1.0 - 1e-9)
        })?;
        let of = |value: fn(&Point) -> f64, pick: fn(f64, f64) -> f64| {
            inside.iter().map(|(_, point)| value(point)).reduce(pick)
        };
        Some(Level {
            mean,
            p95: at_95.value,
            min: of(|point| point.min, f64::min)?,
            max: of(|point| point.max, f64::max)?,
        })
    }
}

impl Point {
    fn weight_within(&self, start: f64, end: f64) -> f64 {
        self.weight * (self.until.min(end) - self.from.max(start)) / (self.until - self.from)
    }
}

fn together(pair: &[Point]) -> Point {
    let [first, second] = pair else { return pair[0] };
    let (a, b) = (first.weight, second.weight);
    Point {
        from: first.from,
        until: second.until,
        weight: a + b,
        value: (a * first.value + b * second.value) / (a + b),
        min: first.min.min(second.min),
        max: first.max.max(second.max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(values: &[f64]) -> Track {
        let mut track = Track::default();
        for (second, value) in values.iter().enumerate() {
            track.push(second as f64, second as f64 + 1.0, *value);
        }
        track
    }

    #[test]
    fn means_are_weighted_by_time_and_cut_at_the_window() {
        let mut uneven = track(&[1.0, 3.0]);
        uneven.push(2.0, 6.0, 5.0);
        assert_eq!(uneven.level(0.0, 6.0).unwrap().mean, 4.0);
        assert_eq!(uneven.level(0.5, 2.0).unwrap(), Level { mean: 3.5 / 1.5, p95: 3.0, min: 1.0, max: 3.0 });
        assert_eq!(uneven.level(7.0, 9.0), None, "not watched then");
        assert_eq!(Track::default().level(0.0, 9.0), None);
    }

    #[test]
    fn means_of_events_are_weighted_by_how_many_there_were() {
        let mut waits = Track::default();
        waits.push_mean(0.0, 1.0, (0.1, 90.0));
        waits.push_mean(1.0, 2.0, (2.0, 10.0));
        waits.push_mean(2.0, 3.0, (9.0, 0.0));
        let level = waits.level(0.0, 3.0).unwrap();
        assert!((level.mean - 0.29).abs() < 1e-12, "{level:?}");
        assert_eq!(
            (level.p95, level.max),
            (2.0, 2.0),
            "the longest is of ten in a hundred, and of none nothing is known"
        );
        assert!(
            (waits.level(0.5, 2.0).unwrap().mean - (4.5 + 20.0) / 55.0).abs() < 1e-12,
            "half of the first span"
        );
    }

    #[test]
    fn the_95th_percentile_is_by_time() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(track(&values).level(0.0, 100.0).unwrap().p95, 95.0);
    }

    #[test]
    fn hours_take_no_more_memory_and_keep_their_mean_and_extremes() {
        let values: Vec<f64> = (0..50_000).map(|n| if n == 777 { 1e6 } else { f64::from(n % 10) }).collect();
        let long = track(&values);
        assert!(long.points.len() < 2 * POINTS);
        let level = long.level(0.0, 50_000.0).unwrap();
        assert!((level.mean - (4.5 + 20.0)).abs() < 0.01, "{level:?}");
        assert_eq!((level.min, level.max), (0.0, 1e6));
    }

    #[test]
    fn what_is_no_number_and_takes_no_time_is_passed_over() {
        let mut track = Track::default();
        track.push(0.0, 1.0, f64::NAN);
        track.push(1.0, 1.0, 5.0);
        assert_eq!(track.level(0.0, 2.0), None);
    }
}
