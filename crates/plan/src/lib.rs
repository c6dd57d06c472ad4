//! From measured capacity to a fleet, its headroom and its cost: no clock, no I/O, no threads.
//!
//! ```text
//!  certificate.json -> Capacity --.
//!  soak.json, coldstart.json ----> |
//!  a rate, or a trace -> Demand --+--> headroom: replicas by named cause, with an interval --> report: plan.json
//!  prices.toml -> PriceBook ------'    models: certificate, queueing, simulated fleet
//!                                      money: $/h, $ per 1M inferences and tokens, mixes
//! ```

pub mod autoscale;
pub mod capacity;
pub mod demand;
pub mod figures;
pub mod headroom;
pub mod lint;
pub mod manifest;
pub mod models;
pub mod money;
pub mod plan;
pub mod prices;
pub mod proof;
pub mod scaling;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod yaml;

pub use capacity::Capacity;
pub use demand::Demand;
pub use headroom::Headroom;
pub use plan::{Plan, PlanError, Question, plan};
pub use prices::PriceBook;
