//! The server behind `sim://`: it answers on a fixed time grid and stamps every event with its true send time.
//!
//! ```text
//!  socket -> connection -> request (HTTP framing) -> service (route, ask, fate) -> slots -+- granted -> answer
//!               ^                                                                         '- queue, or 429/503
//!               '--- one write per event <- answer <- schedule (absolute grid) <- event_loop (one thread, epoll)
//! ```
//! Only `event_loop`, `connection` and `system` touch the outside. The rest is pure: moments come in as arguments.

mod answer;
mod ask;
mod connection;
mod event_loop;
mod fate;
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
mod slots;
mod stats;
mod system;

pub use flavour::{Flavour, UnknownFlavour};
pub use options::{SimOptionError, SimOptions, UsageForm, WhenFull};
pub use server::SimServer;
