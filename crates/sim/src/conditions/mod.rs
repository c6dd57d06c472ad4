//! What happens to a server as a whole, whatever engine is inside: cold starts, crashes, stalls, leaks, drift, timeouts, a
//! rate limit in front.
//!
//! An engine asks [`Conditions`] four things: whether it takes requests, when the next change comes, when work that
//! begins now will end, and which requests have waited too long.

mod bucket;
mod deadlines;
mod options;
mod stall;
mod state;

pub use options::{ConditionOptions, ConditionsError, Crash, Exhausted, Leak, RateLimit, WarmUp};
pub use stall::Stall;
pub(crate) use state::Change;
pub use state::Conditions;

#[cfg(test)]
mod tests;
