//! A discrete-event model of model servers, stepped by whoever owns time: no clock, no I/O, no threads.
//!
//! ```text
//!  arrive(at, job, ask) --> Engine --> advance(now) --> Emission { at, job, event } ...
//!                             |  ^-- next_event(): when to come back
//!                             '----> state(): queue, batch, memory, work done
//! ```
//! The same engine runs in virtual time, under tokio's paused time, and behind a real socket.

pub mod calibrated;
pub mod conditions;
pub mod engine;
pub mod fixed;
pub mod llm;
pub mod play;
pub mod presets;
pub mod replay;

pub use engine::{Ask, Emission, Engine, Event, Failure, JobId, Phase, Refused, State};
