//! A discrete-event model of model servers, stepped by whoever owns time: no clock, no I/O, no threads.
//!
//! ```text
//!  arrive(at, job, ask) --> Engine --> advance(now) --> Emission { at, job, event } ...
//!                             |  ^-- next_event(): when to come back
//!                             '----> state(): queue, batch, memory, work done
//! ```
//! The same engine runs in virtual time ([`simulate`]), in process under the real client, and behind a real socket.

pub mod batch;
pub mod calibrated;
pub mod client;
pub mod conditions;
pub mod engine;
pub mod fixed;
pub mod fleet;
pub mod flow;
pub mod llm;
pub mod play;
pub mod prefix;
pub mod presets;
pub mod queueing;
pub mod replay;
pub mod spread;

pub use client::simulate;
pub use engine::{Ask, Emission, Engine, Event, Failure, JobId, Phase, Refused, State};
