//! How long a request may wait, from what was measured of one replica.

use std::time::Duration;

use plimsoll_core::seed::Seed;

use super::arrivals::Arrivals;
use super::door::share_in_time;

/// What was measured of one replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certified {
    /// The highest rate, requests/s, at which the objectives hold; below `saturation`.
    pub rate: f64,
    /// Requests/s that it completes at most.
    pub saturation: f64,
    /// Share of the requests that keep the objectives at `rate`, such as 0.99 for a 99th percentile; between 0 and 1.
    pub share: f64,
    /// Coefficient of variation of the gaps between arrivals when it was measured; 1 for Poisson arrivals.
    pub cv: f64,
}

/// Cells of the run that finds the patience. The share of misses at 1 % comes out to within 0.1 points or so.
const CELLS: usize = 100_000;

/// The longest wait, in seconds, with which a request can be said to keep its objectives: with it, a replica at its
/// certified rate keeps them for exactly the certified share, in cells of the length given. A rate at or above
/// saturation has no such wait, and gives 0.
pub fn patience(certified: Certified, cell: Duration, seed: Seed) -> f64 {
    let Certified { rate, saturation, share, cv } = certified;
    let seconds = cell.as_secs_f64();
    let mean = rate * seconds;
    let most = saturation * seconds;
    if !(mean > 0.0 && most > mean) {
        return 0.0;
    }
    let mut rng = seed.stream("flow-patience");
    let arriving = Arrivals::new(mean, cv);
    let mut queue = 0.0_f64;
    // Each cell as (queue at its beginning, growth, arrivals): what `share_in_time` needs.
    let cells: Vec<(f64, f64, f64)> = (0..CELLS)
        .map(|_| {
            let arrivals = f64::from(arriving.draw(&mut rng));
            let before = queue;
            queue = (queue + arrivals - most).max(0.0);
            (before, arrivals - most, arrivals)
        })
        .collect();
    let all: f64 = cells.iter().map(|(_, _, arrivals)| arrivals).sum();
    let kept = |bearable: f64| {
        let in_time: f64 = cells
            .iter()
            .map(|&(queue, growth, arrivals)| arrivals * share_in_time(queue, growth, bearable))
            .sum();
        in_time / all
    };
    let (mut low, mut high) = (0.0, most.max(1.0));
    while kept(high) < share {
        high *= 2.0;
    }
    for _ in 0..24 {
        let middle = 0.5 * (low + high);
        if kept(middle) < share { low = middle } else { high = middle }
    }
    high / saturation
}
