//! What people and programs read: pure functions from results to text, and the one place that prints.

pub(crate) mod emit;
pub(crate) mod plan;
