//! The simulated endpoint over real sockets on loopback.
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows that functions marked as tests may panic, but not what they call"
)]

mod client;
mod conditions;
mod faults;
mod framing;
mod in_process;
mod metrics;
mod presets;
mod queueing;
mod shapes;
mod streams;
mod surfaces;
mod truth;
