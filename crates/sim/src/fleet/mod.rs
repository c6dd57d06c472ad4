//! Many replicas of a server behind one door: a router, an optional queue in front of it, and replicas that come and
//! go.
//!
//! ```text
//!  arrive --> gateway queue --> router --> Ready replica 0 [Engine]
//!                                     \--> Ready replica 1 [Engine]
//!             scale(n) -> Scheduled -> Loading -> Ready -> Draining -> Gone
//!                                         ^----- crash ----'
//! ```

mod agenda;
mod gateway;
mod options;
mod replica;
mod router;
mod scaling;
mod service;
mod state;
#[cfg(test)]
mod tests;

pub use options::{Delay, FleetOptions, Gateway, Router};
pub use replica::Stage;
pub use service::Fleet;
pub use state::{FleetState, ReplicaState};
