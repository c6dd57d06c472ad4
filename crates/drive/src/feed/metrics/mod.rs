//! The client's own metrics: what they are, and how records and seconds become them. No I/O.

#[cfg(test)]
mod example;
mod histogram;
mod meter;
mod names;
mod snapshot;

#[cfg(test)]
pub(super) use example::example;
pub use histogram::{Histogram, SCHEMA, Span, ZERO_THRESHOLD};
pub use meter::{Meter, RunInfo};
pub use names::all;
pub use snapshot::{About, Family, Kind, PREFIX, Series, Snapshot, Unit, Value, le};
