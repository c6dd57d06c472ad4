//! The server behind `sim://`: an engine decides when tokens come, and every event is stamped with its true send time.
//!
//! ```text
//!  socket -> connection -> request (HTTP framing) -> service (surface, fate) -> clockwork (the engine, its clients)
//!               ^                                                                      | what it did, when it was due
//!               '--- one write per event <- answer <- event_loop (one thread, epoll) <-'
//! ```
//! Only `event_loop`, `connection`, `truth` and `system` touch the outside. The rest is pure: moments come in as
//! arguments.

mod answer;
mod clockwork;
mod connection;
mod event_loop;
pub(crate) mod fate;
mod flavour;
mod frames;
mod metrics;
mod options;
mod reply;
mod request;
mod route;
mod schedule;
mod server;
mod service;
mod stats;
pub(crate) mod surface;
mod system;
mod truth;

pub(crate) use answer::{simulated_failure, simulated_rate_limit};
pub use flavour::{Flavour, UnknownFlavour};
pub use options::{EngineOptions, SimOptionError, SimOptions, SlowClient, UsageForm, WhenFull};
pub use server::{Ended, SimServer};
pub use stats::Lateness;
pub use surface::{BadTensors, ModelTensors};
