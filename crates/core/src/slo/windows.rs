//! Trials by the time at which they arose, in memory that does not grow, and how much successive ones resemble each other.

use crate::metrics::Samples;
use crate::time::Offset;

/// Width of a cell at first, nanoseconds.
const WIDTH: u64 = 25_000_000;
/// Cells at most; when a run outgrows them, each two become one.
const CELLS_MAX: usize = 512;
/// Cells that share one histogram of their values.
const CELLS_PER_SEGMENT: usize = 32;
/// Batches below which nothing is said of their spread.
pub(super) const BATCHES_MIN: usize = 20;

/// Independent members below which a variance is not believed: their sums are skewed, and small ones come with small
/// variances.
pub(super) const INDEPENDENT_MIN: f64 = 40.0;

/// Levels below a limit at which values are counted as well, each this many times as far from it as the last one.
pub(super) const LEVELS: usize = 12;
const LEVEL_STEP: f64 = std::f64::consts::SQRT_2;

/// What arose in one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cell {
    /// Trials, or an amount.
    pub(super) n: u64,
    /// Trials that miss.
    pub(super) misses: u64,
    /// Misses because the request failed.
    pub(super) failed: u64,
    /// Sum of values, nanoseconds.
    pub(super) sum: u128,
    /// Values that would miss a stricter limit, for each level.
    pub(super) beyond: [u32; LEVELS],
}

impl Cell {
    fn add(&mut self, other: &Cell) {
        self.n += other.n;
        self.misses += other.misses;
        self.failed += other.failed;
        self.sum += other.sum;
        for (mine, others) in self.beyond.iter_mut().zip(other.beyond) {
            *mine = mine.saturating_add(others);
        }
    }
}

/// A value at each level. `room` is how many times as large the limit is as the value (where small values are good), or the
/// value as the limit.
pub(super) fn beyond(room: f64) -> [u32; LEVELS] {
    let mut level = 1.0;
    std::array::from_fn(|_| {
        level *= LEVEL_STEP;
        u32::from(room < level)
    })
}

/// Cells of equal width from a start on: between 256 and 512 of them from the first 13 s of a run on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Windows {
    start: Offset,
    width: u64,
    cells: Vec<Cell>,
    /// Values, nanoseconds, of [`CELLS_PER_SEGMENT`] cells each.
    segments: Vec<Samples>,
}

impl Windows {
    pub(super) fn new(start: Offset) -> Self {
        Windows { start, width: WIDTH, cells: Vec::new(), segments: Vec::new() }
    }

    /// Adds to what arose at `at`; before the start nothing counts.
    pub(super) fn add(&mut self, at: Offset, cell: Cell) {
        if let Some(index) = self.place(at) {
            self.cells[index].add(&cell);
        }
    }

    /// The same with a value, for percentiles.
    pub(super) fn add_value(&mut self, at: Offset, cell: Cell, nanos: u64) {
        let Some(index) = self.place(at) else { return };
        self.cells[index].add(&cell);
        let segment = index / CELLS_PER_SEGMENT;
        if segment >= self.segments.len() {
            self.segments.resize(segment + 1, Samples::default());
        }
        self.segments[segment].record(nanos);
    }

    fn place(&mut self, at: Offset) -> Option<usize> {
        let nanos = at.as_nanos().checked_sub(self.start.as_nanos())?;
        let mut index = nanos / self.width;
        while index >= CELLS_MAX as u64 {
            self.halve();
            index = nanos / self.width;
        }
        let index = index as usize;
        if index >= self.cells.len() {
            self.cells.resize(index + 1, Cell::default());
        }
        Some(index)
    }

    fn halve(&mut self) {
        self.width *= 2;
        self.cells = self.cells.chunks(2).map(sum).collect();
        self.segments = self
            .segments
            .chunks(2)
            .map(|pair| {
                let mut both = pair[0].clone();
                pair[1..].iter().for_each(|other| both.merge(other));
                both
            })
            .collect();
    }

    /// Seconds in a cell.
    pub(super) fn cell_seconds(&self) -> f64 {
        self.width as f64 / 1e9
    }

    /// The first moment from `from` on at which a histogram begins, so that values can be left out before it.
    pub(super) fn cut_after(&self, from: Offset) -> Offset {
        let segment = self.width * CELLS_PER_SEGMENT as u64;
        let segments = from.since(self.start).as_nanos().div_ceil(u128::from(segment)) as u64;
        Offset::from_nanos(self.start.as_nanos().saturating_add(segments.saturating_mul(segment)))
    }

    /// The cells that begin at `from` or later and end by `until`.
    pub(super) fn between(&self, from: Offset, until: Offset) -> &[Cell] {
        let from = from.since(self.start).as_nanos().div_ceil(u128::from(self.width)) as usize;
        let until = (until.since(self.start).as_nanos() / u128::from(self.width)) as usize;
        let until = until.min(self.cells.len());
        &self.cells[from.min(until)..until]
    }

    /// All values of histograms that begin at `from` or later.
    pub(super) fn values_from(&self, from: Offset) -> Samples {
        let segment = u128::from(self.width) * CELLS_PER_SEGMENT as u128;
        let first = from.since(self.start).as_nanos().div_ceil(segment) as usize;
        let mut all = Samples::default();
        self.segments.iter().skip(first).for_each(|samples| all.merge(samples));
        all
    }
}

/// All cells together.
pub(super) fn sum(cells: &[Cell]) -> Cell {
    cells.iter().fold(Cell::default(), |mut sum, cell| {
        sum.add(cell);
        sum
    })
}

/// The variance of the sum of a series, with the correlation of its members.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// The variance.
    pub(super) variance: f64,
    /// Batches from which it was taken.
    pub(super) batches: usize,
    /// Members of the series that have as much to say as all of them, were they independent.
    pub(super) independent: f64,
    /// Whether these batches no longer resemble each other, and enough is independent; otherwise the variance is likely to
    /// be too small.
    pub(super) settled: bool,
}

/// The variance of the sum of `residuals`, which add up to zero, by batch means: the batches are doubled until neither
/// they nor any larger ones resemble their neighbours (the rule of Fishman and Yarberry, INFORMS Journal on Computing 9,
/// 1997), and what resemblance is left counts twice, as it does in the variance of a sum. Nothing for fewer than twenty.
pub(super) fn spread(residuals: &[f64]) -> Option<Spread> {
    let alone = residuals.iter().map(|value| value * value).sum::<f64>();
    let mut found: Option<Spread> = None;
    let mut batches = residuals.to_vec();
    let mut resembling = true;
    while batches.len() >= BATCHES_MIN {
        let (n, squares) = (batches.len() as f64, batches.iter().map(|sum| sum * sum).sum::<f64>());
        let neighbours: f64 = batches.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let correlation = if squares > 0.0 { neighbours / squares } else { 0.0 };
        // In standard errors of the correlation of independent batches: more than one asks for larger batches, and more than
        // two that are left at the end say that the series is too short.
        let errors = correlation * n.sqrt();
        if resembling || errors > 1.0 {
            let variance = squares * (1.0 + 2.0 * correlation.max(0.0)) * n / (n - 1.0);
            let independent = if variance > 0.0 {
                residuals.len() as f64 * alone / variance
            } else {
                residuals.len() as f64
            };
            let settled = errors <= 2.0 && independent >= INDEPENDENT_MIN;
            found = Some(Spread { variance, batches: batches.len(), independent, settled });
        }
        resembling = errors > 1.0;
        batches = batches.chunks(2).map(|pair| pair.iter().sum()).collect();
    }
    found
}
