//! What a server does beyond its limit: a load that steps over it and back, and what became of each request.
//!
//! ```text
//! rate                 overload
//!  |                  .--------.
//!  |  capacity - - - -|- - - - |- - - - - - -
//!  |  ----------------'        '--------------
//!  |      baseline                 recovery
//!  '----------------------------------------- time
//! ```

mod classify;
mod fate;
mod plan;
mod recovery;
mod report;
mod words;

pub use classify::{Terms, classify};
pub use fate::{Fate, Seen};
pub use plan::{Plan, PlanError, Step, StepKind};
pub use report::{Mode, Outage, Recovery, STRESS_SCHEMA, Spread, StepResult, StressReport, StressVerdict};
