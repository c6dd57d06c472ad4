//! Sends the requests of a run on time, records what happened, and keeps it.

pub mod clock;
pub mod endpoint;
pub mod feed;
#[cfg(test)]
mod fuzz;
pub mod priority;
pub mod process;
pub mod protocol;
pub mod recorder;
pub mod runner;
mod timer;
pub mod transport;
pub mod watch;
pub mod workload;
