//! The series of a soak: what is looked at of its windows, and in which direction it does harm.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::windows::SoakWindow;
use crate::slo::{Metric, Slo, Stat};
use crate::stats::median;

/// Which way of a series does harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is worse.
    Up,
    /// Less is worse.
    Down,
}

/// What a series measures, which decides which change of it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How well requests fare: a change is a share of the level, and a lasting step does harm.
    Service,
    /// A share of requests, 0 to 1: a change is a difference.
    Share,
    /// Something of which there is so much: standing on a higher level does no harm.
    Resource,
}

/// What must not be passed, by name of the series (`latency.p99`), in its unit.
pub type Limits = BTreeMap<String, f64>;

/// The limit that an objective sets to a series, by the series' name; nothing if it is about something that windows do
/// not have.
pub fn limit_of(slo: &Slo) -> Option<(String, f64)> {
    let Slo::Statistic(statistic) = slo else { return None };
    let name = match (statistic.metric, statistic.stat) {
        (Metric::ErrorRate, _) => "error_rate".to_owned(),
        (Metric::Qps, _) => "completed_rate".to_owned(),
        (metric @ (Metric::Latency | Metric::Ttft | Metric::Tpot), Some(Stat::Percentile(p))) => {
            format!("{}.p{p}", metric.name())
        }
        _ => return None,
    };
    let known = |(harm, _, group): &(Direction, Kind, &[Figure])| {
        (*harm == Direction::Up) == slo.is_upper() && group.iter().any(|figure| figure.name == name)
    };
    FIGURES.iter().any(known).then(|| (name, slo.limit()))
}

/// One figure of each window, as far as the windows have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name: `latency.p99`, `error_rate`, `resident_bytes`.
    pub name: &'static str,
    /// Which way does harm.
    pub harm: Direction,
    /// What it measures.
    pub kind: Kind,
    /// Its values, each the median of so many windows that there are at most [`POINTS_MAX`].
    pub values: Vec<f64>,
    /// Seconds from value to value, on average.
    pub step: f64,
    /// Seconds from the start of the run to the middle of what the first value stands for.
    pub begin: f64,
}

/// Most values of a series: what is compared in pairs must not grow with the hours.
pub const POINTS_MAX: usize = 480;
/// A series that more windows lack is none.
const PRESENT_MIN: f64 = 0.8;

/// A figure of a window.
struct Figure {
    name: &'static str,
    of: fn(&SoakWindow) -> Option<f64>,
}

/// The figures that are looked at: of each group the first that most windows have.
const FIGURES: [(Direction, Kind, &[Figure]); 10] = [
    (Direction::Up, Kind::Service, &[Figure { name: "latency.p50", of: |window| window.latency.p50 }]),
    (
        Direction::Up,
        Kind::Service,
        &[
            Figure { name: "latency.p99", of: |window| window.latency.p99 },
            Figure { name: "latency.p95", of: |window| window.latency.p95 },
            Figure { name: "latency.p90", of: |window| window.latency.p90 },
        ],
    ),
    (
        Direction::Up,
        Kind::Service,
        &[
            Figure { name: "ttft.p99", of: |window| window.ttft.p99 },
            Figure { name: "ttft.p95", of: |window| window.ttft.p95 },
            Figure { name: "ttft.p90", of: |window| window.ttft.p90 },
        ],
    ),
    (Direction::Up, Kind::Service, &[Figure { name: "tpot.p50", of: |window| window.tpot.p50 }]),
    (
        Direction::Down,
        Kind::Service,
        &[Figure { name: "completed_rate", of: |window| Some(window.ok as f64 / window.length) }],
    ),
    (Direction::Up, Kind::Share, &[Figure { name: "error_rate", of: error_rate }]),
    (Direction::Up, Kind::Resource, &[Figure { name: "resident_bytes", of: |window| window.resident_bytes }]),
    (Direction::Up, Kind::Resource, &[Figure { name: "open_files", of: |window| window.open_files }]),
    (Direction::Up, Kind::Resource, &[Figure { name: "kv_usage", of: |window| window.kv_usage }]),
    (
        Direction::Up,
        Kind::Resource,
        &[Figure { name: "gpu_memory_bytes", of: |window| window.gpu_memory_bytes }],
    ),
];

/// The series that `windows` show.
pub fn series(windows: &[SoakWindow]) -> Vec<Series> {
    let gather = |(harm, kind, group): &(Direction, Kind, &[Figure])| {
        group.iter().find_map(|figure| {
            let (values, step, begin) = points(windows, figure.of)?;
            Some(Series { name: figure.name, harm: *harm, kind: *kind, values, step, begin })
        })
    };
    FIGURES.iter().filter_map(gather).collect()
}

/// Values, seconds from one to the next, and the moment of the first; nothing if too few windows have it.
fn points(windows: &[SoakWindow], of: fn(&SoakWindow) -> Option<f64>) -> Option<(Vec<f64>, f64, f64)> {
    let present: Vec<(f64, f64)> =
        windows.iter().filter_map(|window| Some((window.start + window.length / 2.0, of(window)?))).collect();
    if present.is_empty() || (present.len() as f64) < PRESENT_MIN * windows.len() as f64 {
        return None;
    }
    let together = present.len().div_ceil(POINTS_MAX);
    let middle = |part: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        median(&part.iter().map(of).collect::<Vec<f64>>()).unwrap_or_default()
    };
    // A last part that is not full would be noisier than the others.
    let parts: Vec<&[(f64, f64)]> = present.chunks_exact(together).collect();
    let moments: Vec<f64> = parts.iter().map(|part| middle(part, |point| point.0)).collect();
    let values: Vec<f64> = parts.iter().map(|part| middle(part, |point| point.1)).collect();
    let (first, last) = (*moments.first()?, *moments.last()?);
    let step = if values.len() > 1 { (last - first) / (values.len() - 1) as f64 } else { 0.0 };
    Some((values, step, first))
}

fn error_rate(window: &SoakWindow) -> Option<f64> {
    let all = window.ok + window.failed;
    (all > 0).then(|| window.failed as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::super::Quantiles;
    use super::*;

    fn window(number: u32, p99: Option<f64>) -> SoakWindow {
        let start = f64::from(number) * 10.0;
        let latency = Quantiles { p50: Some(0.1), p90: Some(0.2), p95: None, p99 };
        SoakWindow { start, length: 10.0, ok: 90, failed: 10, latency, ..SoakWindow::default() }
    }

    fn names(windows: &[SoakWindow]) -> Vec<&'static str> {
        series(windows).iter().map(|series| series.name).collect()
    }

    #[test]
    fn of_the_tail_that_is_looked_at_which_most_windows_have() {
        let full: Vec<_> = (0..40).map(|number| window(number, Some(0.3))).collect();
        assert_eq!(names(&full), ["latency.p50", "latency.p99", "completed_rate", "error_rate"]);
        let sparse: Vec<_> = (0..40).map(|number| window(number, (number % 2 == 0).then_some(0.3))).collect();
        assert_eq!(names(&sparse), ["latency.p50", "latency.p90", "completed_rate", "error_rate"]);
        assert!(names(&[]).is_empty());
        let errors = series(&full).pop().unwrap();
        assert_eq!((errors.values[0], errors.values.len(), errors.step, errors.begin), (0.1, 40, 10.0, 5.0));
    }

    #[test]
    fn objectives_limit_the_series_that_they_are_about() {
        for (slo, expected) in [
            ("latency.p99<2s", Some(("latency.p99", 2.0))),
            ("ttft.p95<=500ms", Some(("ttft.p95", 0.5))),
            ("tpot.p50<40ms", Some(("tpot.p50", 0.04))),
            ("error_rate<1%", Some(("error_rate", 0.01))),
            ("qps>=100", Some(("completed_rate", 100.0))),
            ("latency.p99>2s", None),
            ("latency.mean<2s", None),
            ("ttft.p99.9<2s", None),
            ("ttft<500ms & tpot<40ms @ 99%", None),
        ] {
            let expected = expected.map(|(name, limit)| (name.to_owned(), limit));
            assert_eq!(limit_of(&slo.parse().unwrap()), expected, "{slo}");
        }
    }

    #[test]
    fn many_windows_become_few_points() {
        let windows: Vec<_> = (0..10_000).map(|number| window(number, None)).collect();
        let rate = series(&windows).remove(0);
        assert!((300..=POINTS_MAX).contains(&rate.values.len()), "{}", rate.values.len());
        assert_eq!(rate.step, 210.0);
    }
}
