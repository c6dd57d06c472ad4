//! The traffic of a proof: how many requests arrive in each cell of time.

use plimsoll_core::seed::Seed;
use plimsoll_sim::flow::Arrivals;

use crate::demand::{Counts, Demand, Traffic as Asked};

/// Seconds of a cell, at most.
const CELL: f64 = 1.0;

/// How many requests arrive in each cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Seconds of a cell.
    pub cell: f64,
    /// What is known of each cell.
    means: Vec<f64>,
    /// Whether the means are the counts, or arrivals around them are drawn.
    exact: bool,
    /// Coefficient of variation of the gaps between arrivals, for what is drawn.
    cv: f64,
}

impl Traffic {
    /// That of a trace. Its own counts, where its stretches are as long as a cell and nothing was put on top of each
    /// other; else arrivals with gaps of `cv` are drawn around them.
    pub fn of(counts: &Counts, cell: f64, cv: f64) -> Self {
        let exact = counts.scale == 1.0 && counts.bin == cell;
        let means = match (counts.bin / cell).round() as usize {
            0 | 1 if exact => counts.counts.clone(),
            parts => Self::split(counts.counts.iter().map(|count| count / counts.bin), parts.max(1), cell),
        };
        Traffic { cell, means, exact, cv }
    }

    /// That of the trace of a demand, second by second and grown; nothing for a peak. What is drawn around the counts of a
    /// second comes as the demand says, or like Poisson: bursts that last longer are in the counts.
    pub(crate) fn of_trace(demand: &Demand) -> Option<Self> {
        let Asked::Trace(counts) = &demand.traffic else { return None };
        let cv = demand.cv.unwrap_or(1.0).max(1.0);
        Some(Traffic::of(counts, counts.bin.min(CELL), cv).grown(demand.growth_factor()))
    }

    /// That of rates, each over `bin` seconds, a whole number of cells; arrivals with gaps of `cv` are drawn around
    /// them.
    pub fn of_rates(rates: impl IntoIterator<Item = f64>, bin: f64, cell: f64, cv: f64) -> Self {
        let parts = ((bin / cell).round() as usize).max(1);
        Traffic { cell, means: Self::split(rates.into_iter(), parts, cell), exact: false, cv }
    }

    fn split(rates: impl Iterator<Item = f64>, parts: usize, cell: f64) -> Vec<f64> {
        rates.flat_map(|rate| std::iter::repeat_n(rate * cell, parts)).collect()
    }

    /// Seconds that it covers.
    pub fn seconds(&self) -> f64 {
        self.means.len() as f64 * self.cell
    }

    /// Requests a second, cell by cell.
    pub fn rates(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.means.iter().map(|mean| mean / self.cell)
    }

    /// The same times `factor`.
    pub fn grown(mut self, factor: f64) -> Self {
        if factor != 1.0 {
            self.exact = false;
            self.means.iter_mut().for_each(|mean| *mean *= factor);
        }
        self
    }

    /// The lowest rate over so many seconds in a row.
    pub fn quietest(&self, seconds: f64) -> f64 {
        let width = self.width(seconds);
        let least =
            self.means.chunks_exact(width).map(|part| part.iter().sum::<f64>()).fold(f64::INFINITY, f64::min);
        if least.is_finite() { least / (width as f64 * self.cell) } else { 0.0 }
    }

    /// The requests of each `width` cells in a row.
    fn sums(&self, width: usize) -> impl Iterator<Item = f64> + '_ {
        let mut sum: f64 = self.means.iter().take(width).sum();
        let first = (self.means.len() >= width).then_some(sum);
        let moves = self.means.iter().zip(self.means.iter().skip(width));
        first.into_iter().chain(moves.map(move |(gone, come)| {
            sum += come - gone;
            sum
        }))
    }

    /// Cells in so many seconds; no more than there are.
    fn width(&self, seconds: f64) -> usize {
        ((seconds / self.cell).round() as usize).clamp(1, self.means.len().max(1))
    }

    /// The highest rate over so many seconds in a row.
    pub fn peak(&self, seconds: f64) -> f64 {
        let width = self.width(seconds);
        let most = self.sums(width).fold(0.0, f64::max);
        most / (width as f64 * self.cell)
    }

    /// When the first of the busiest stretches of so many seconds begins.
    pub(super) fn busiest(&self, seconds: f64) -> f64 {
        let busier =
            |best: (usize, f64), (index, sum): (usize, f64)| if sum > best.1 { (index, sum) } else { best };
        let (index, _) = self.sums(self.width(seconds)).enumerate().fold((0, 0.0), busier);
        index as f64 * self.cell
    }

    /// The greatest rise of the mean rate from so many seconds to the next, in requests/s.
    pub fn steepest(&self, seconds: f64) -> f64 {
        let width = self.width(seconds);
        let sums: Vec<f64> = self.sums(width).collect();
        let later = sums.iter().skip(width);
        let rise = sums.iter().zip(later).map(|(now, later)| later - now).fold(0.0, f64::max);
        rise / (width as f64 * self.cell)
    }

    /// The arrivals of each cell in one replay.
    pub(super) fn arrivals(&self, seed: Seed, replay: u64) -> impl Iterator<Item = u32> + '_ {
        let mut rng = seed.keyed("proof-arrivals", replay);
        self.means.iter().map(move |&mean| {
            if self.exact { mean as u32 } else { Arrivals::new(mean, self.cv).draw(&mut rng) }
        })
    }
}
