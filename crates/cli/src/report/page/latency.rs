//! What the records of a run say of its latencies: how they are distributed, and when they were long.

use plimsoll_core::metrics::Samples;
use plimsoll_core::record::{Outcome, Phase, Record};
use plimsoll_core::time::Offset;

use super::Heat;
use super::over_time::TimeUnit;

/// Columns of a map at most; then two become one.
const COLUMNS_MAX: usize = 240;
/// Seconds of a column of a short run.
const COLUMN_SECONDS: f64 = 0.25;
/// Rows for each factor of ten.
const ROWS_PER_DECADE: f64 = 20.0;
/// The lower edge of the first row, as a power of ten of seconds.
const LEAST: f64 = -5.0;
/// Rows: up to 10^4 seconds.
const ROWS: usize = 180;

/// A time of single requests by its public name.
type Quantity = (&'static str, fn(&Record) -> Option<f64>);

/// The times that have a curve.
const CURVES: [Quantity; 4] = [
    ("ttft", Record::ttft),
    ("tpot", Record::tpot),
    ("latency", Record::latency),
    ("response_time", Record::response_time),
];

/// Latencies of a run, folded from its records in any order, in memory that does not grow with them.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// By name, over the `ok` requests of the measured window, nanoseconds.
    pub(super) times: Vec<(&'static str, Samples)>,
    /// `latency` of all `ok` requests by the time at which they ended.
    pub(super) map: LatencyMap,
    /// Records that were looked at, and those that there are.
    pub(super) part: (u64, u64),
}

impl Seen {
    /// Nothing yet, of `part` of `total` records.
    pub(crate) fn new(part: u64, total: u64) -> Self {
        let times = CURVES.map(|(name, _)| (name, Samples::default())).into();
        Seen { times, map: LatencyMap::default(), part: (part, total) }
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, record: &Record) {
        if record.outcome != Outcome::Ok {
            return;
        }
        if let (Some(done), Some(latency)) = (record.done, record.latency()) {
            self.map.add(done, latency);
        }
        if record.phase != Phase::Measure {
            return;
        }
        for ((_, of), (_, samples)) in CURVES.iter().zip(&mut self.times) {
            if let Some(seconds) = of(record) {
                samples.record((seconds * 1e9).round() as u64);
            }
        }
    }
}

/// How many requests ended when, with which latency.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LatencyMap {
    /// Seconds of a column.
    width: f64,
    columns: Vec<[u32; ROWS]>,
}

impl Default for LatencyMap {
    fn default() -> Self {
        LatencyMap { width: COLUMN_SECONDS, columns: Vec::new() }
    }
}

impl LatencyMap {
    fn add(&mut self, ended: Offset, latency: f64) {
        while ended.as_secs_f64() >= self.width * COLUMNS_MAX as f64 {
            self.halve();
        }
        let column = (ended.as_secs_f64() / self.width) as usize;
        if column >= self.columns.len() {
            self.columns.resize(column + 1, [0; ROWS]);
        }
        let row = (latency.max(1e-12).log10() - LEAST) * ROWS_PER_DECADE;
        self.columns[column][(row.max(0.0) as usize).min(ROWS - 1)] += 1;
    }

    /// Makes one column of two.
    fn halve(&mut self) {
        let both = |pair: &[[u32; ROWS]]| {
            let mut sum = pair[0];
            if let Some(other) = pair.get(1) {
                sum.iter_mut().zip(other).for_each(|(mine, theirs)| *mine += theirs);
            }
            sum
        };
        self.columns = self.columns.chunks(2).map(both).collect();
        self.width *= 2.0;
    }

    /// The map with latencies in milliseconds, without empty rows at its edges; nothing if it is empty.
    pub(super) fn heat(&self, unit: TimeUnit) -> Option<Heat> {
        let used = |row: &usize| self.columns.iter().any(|column| column[*row] > 0);
        let (first, last) = ((0..ROWS).find(used)?, (0..ROWS).rev().find(used)?);
        let start = self.columns.iter().position(|column| column.iter().any(|&count| count > 0))?;
        let edge = |row: usize| 1e3 * 10_f64.powf(LEAST + row as f64 / ROWS_PER_DECADE);
        let moment = |column: usize| column as f64 * self.width / unit.seconds;
        Some(Heat {
            xs: (start..=self.columns.len()).map(moment).collect(),
            ys: (first..=last + 1).map(edge).collect(),
            counts: self.columns[start..].iter().map(|column| column[first..=last].to_vec()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Offset {
        Offset::from_secs_f64(seconds)
    }

    #[test]
    fn a_map_of_a_long_run_has_wider_columns_and_loses_nobody() {
        let mut map = LatencyMap::default();
        for second in 0..1000 {
            map.add(at(f64::from(second)), 0.1);
        }
        map.add(at(999.0), 0.4);
        assert_eq!(map.width, 8.0);
        let heat = map.heat(TimeUnit { name: "s", seconds: 1.0 }).unwrap();
        assert_eq!((heat.xs.len(), heat.xs[0], heat.xs[1]), (126, 0.0, 8.0));
        assert_eq!(heat.counts.iter().flatten().sum::<u32>(), 1001);
        // From 100 ms to 400 ms: twelve twentieths of a decade, and one row for each end.
        assert_eq!((heat.ys.len(), heat.counts[0].len()), (14, 13));
        assert!((heat.ys[0] - 100.0).abs() < 1e-9, "{:?}", heat.ys);
    }

    #[test]
    fn what_is_beyond_the_map_lies_at_its_edge() {
        let mut map = LatencyMap::default();
        map.add(at(0.0), 0.0);
        map.add(at(0.0), 1e9);
        let unit = TimeUnit { name: "s", seconds: 1.0 };
        assert_eq!(
            map.heat(unit).unwrap().counts,
            [{
                let mut column = vec![0; ROWS];
                (column[0], column[ROWS - 1]) = (1, 1);
                column
            }]
        );
        assert_eq!(LatencyMap::default().heat(unit), None);
    }
}
