//! What theory says about queues: oracles for the simulator, and first answers for a planner. Rates are per second,
//! times are seconds, and every queue is first come first served with unlimited room.

mod erlang;
mod md1;
mod station;

pub use erlang::{erlang_b, erlang_c};
pub use md1::Md1;
pub use station::{Station, StationError};
