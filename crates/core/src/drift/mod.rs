//! Whether a server stays what it was over hours: windows of its records, and whether what they show moves.
//!
//! A series is DRIFTING if it moves in the direction that harms, significantly, by enough to matter, and to its end: a
//! cache that fills and then stands is no leak. It is STEADY only if a movement that matters can be excluded; else it is
//! UNDECIDED, with the time that would decide it.

mod judge;
mod report;
mod series;
mod shape;
mod windows;
mod words;

pub use judge::{Criteria, POINTS_MIN, judge};
pub use report::{Change, Exhaustion, Finding, Growth, SOAK_SCHEMA, Shape, SoakReport, SoakVerdict};
pub use series::{Direction, Kind, Limits, POINTS_MAX, Series, limit_of, series};
pub use windows::{Quantiles, ResourceSample, SoakWindow, Windows};
pub use words::{quantity, time_span};
