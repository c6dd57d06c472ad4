//! The language model engine against what is known of it from elsewhere: queueing theory, and another simulation.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "../../examples/saturation/measure.rs"]
mod measure;
#[path = "../../examples/saturation/traffic.rs"]
mod traffic;

mod queueing;
mod saturation;
