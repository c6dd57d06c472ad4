//! The highest load that keeps all objectives: a search that says what to try next, and does nothing itself.
//!
//! ```text
//!            .--------- Step::Trial, Step::Confirm ---------> somebody makes the trial
//!  Search ---|                                                       |
//!     ^      '--- Step::Done, Step::Doomed                           v
//!     '---------------------- observe(TrialOutcome) <-----------------
//! ```
//! What it knows is the list of outcomes, so a search goes on from stored outcomes as if it had never stopped.

mod bracket;
mod capacity;
mod crossing;
mod engine;
mod grid;
mod outcome;
mod plan;
mod rate_limit;
mod settings;
mod slowdown;
mod standing;
mod warm_up;

pub use capacity::{Bound, Capacity, Ceiling, Doom, TierCapacity};
pub use engine::{Search, Step, TrialPlan};
pub use outcome::{Effort, TrialOutcome};
pub use rate_limit::RateLimit;
pub use settings::{Guard, Settings, SettingsError, Tier, Variable};
pub use slowdown::Slowdown;
pub use warm_up::WarmUpFound;

#[cfg(test)]
mod tests;
