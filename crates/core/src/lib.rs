//! The vocabulary and the arithmetic: what a run asks, what it observed, what that means.
//!
//! Nothing here reads a clock, a file or a socket: time and randomness come in as arguments.

pub mod calibrate;
pub mod certificate;
pub mod cold_start;
pub mod compare;
pub mod drift;
pub mod health;
pub mod knee;
pub mod load;
pub mod metrics;
pub mod nearest;
pub mod record;
pub mod refusal;
pub mod search;
pub mod seed;
pub mod slo;
pub mod spec;
pub mod stats;
pub mod stress;
pub mod summary;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod watch;
pub mod workload;
