//! How long a server takes from its start to its first answer, and how long it is slow after that.

mod judge;
mod report;
mod words;

pub use judge::judge;
pub use report::{
    Attempt, COLD_START_SCHEMA, ColdStartReport, Controller, Headroom, Lag, Moment, Position, WarmUp,
};
