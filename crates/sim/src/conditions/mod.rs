//! What happens to a server as a whole, whatever engine is inside: cold starts, crashes, stalls, leaks, drift, timeouts.
//!
//! An engine asks [`Conditions`] four things: whether it takes requests, when the next change comes, when work that
//! begins now will end, and which requests have waited too long.

mod deadlines;
mod options;
mod stall;
mod state;

pub use options::{ConditionOptions, ConditionsError, Crash, Exhausted, Leak, WarmUp};
pub use stall::Stall;
pub(crate) use state::Change;
pub use state::Conditions;

#[cfg(test)]
mod tests;
