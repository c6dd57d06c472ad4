//! What comes from outside, made up: mutated answers and files, cut anywhere. Nothing may panic, hold more memory than
//! what came justifies, or depend on where reads divide it.
//!
//! Inputs that were worth keeping lie in `testdata/corpus`, small each; all tests here begin with them.

mod allocations;
mod decoders;
mod inputs;
mod texts;

pub(crate) use allocations::most_held;
pub(crate) use inputs::{kept, mutated, pieces};

/// Bytes that may be held for each byte that came, and for none: records of events are larger than the shortest events.
pub(crate) const PER_BYTE: usize = 64;
/// See [`PER_BYTE`].
pub(crate) const AT_LEAST: usize = 64 << 10;
