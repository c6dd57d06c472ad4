//! Two runs beside each other: by how much each figure differs, how sure that is, and what follows from it.
//!
//! Requests of one run resemble their neighbours, so that single requests are no independent evidence. A run is therefore
//! cut into windows, and windows are what is drawn again (bootstrap) and exchanged (permutation test).

mod capacities;
mod case;
mod correlation;
mod difference;
mod figure;
mod history;
mod judge;
mod pool;
mod resample;
mod windows;

pub use capacities::{CapacityRange, compare_capacities};
pub use difference::{Change, Difference, Open, Verdict};
pub use figure::{Better, Figure, FigureError, Measure, RateFigure, figure_names};
pub use history::{HISTORY_MIN, Series, Shift, histories};
pub use judge::{Rules, compare_runs, overall};
pub use windows::{Extent, RunWindows, window_seconds};

#[cfg(test)]
mod tests;
