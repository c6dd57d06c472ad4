//! The client's side of a simulated server: requests go to an engine in the same process, and records come back.
//!
//! ```text
//!  RequestSpec -> Call --send--> Exchanges [ Engine, a Flight for each request ] --advance--> Record
//!                    ^                                                                          |
//!                    '----- simulate: the load model in virtual time, or a real client <--------'
//! ```

mod call;
mod exchanges;
mod flight;
mod places;
mod progress;
mod run;
mod users;

pub use call::{Call, CallEnd, Refusal};
pub use exchanges::{Exchanges, RATE_LIMITED, Terms};
pub use run::{SimulateError, Simulated, simulate};
