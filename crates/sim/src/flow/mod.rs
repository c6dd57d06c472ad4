//! A fleet in cells of time: replicas that each work off a queue at a measured rate. A day of 10,000 requests/s takes
//! seconds, where request by request ([`crate::fleet`]) it takes minutes.
//!
//! ```text
//!  arrivals of a cell --> door --> queue of replica 0 --> at most `rate_max` a second
//!                              \-> queue of replica 1
//!              scale(n) -> Scheduled -> Loading -> Ready -> Draining
//! ```
//! What it leaves out: requests are alike, and within a cell they arrive evenly. [`patience()`] makes up for the
//! second: it is found with the same cells, so that one replica at its certified rate keeps its objectives exactly as
//! certified.

mod arrivals;
mod door;
mod options;
mod patience;
mod pods;
mod service;
#[cfg(test)]
mod tests;

pub use arrivals::Arrivals;
pub use door::share_in_time;
pub use options::{Closed, FlowOptions, Routing};
pub use patience::{Certified, patience};
pub use service::{Cell, Flow};
