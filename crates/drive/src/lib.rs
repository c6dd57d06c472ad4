//! Sends the requests of a run on time, records what happened, and keeps it.

pub mod clock;
pub mod protocol;
pub mod recorder;
