//! `GET /metrics`: the engine's state and what was counted of the requests, in the names of real servers.
//!
//! ```text
//!  engine -- State ----.--> Meter (rates over the last second) --.
//!                      '-----------------------------------------+--> vllm, sglang, tgi, ... --> Text
//!  requests -- Life, Counted (counters, histograms) -------------'
//! ```
//! Everything here is pure. What a real server exports and the engine knows nothing of is left out, not made up.

mod counted;
mod dcgm;
mod histogram;
mod kserve;
mod meter;
mod recorder;
mod scene;
mod sglang;
mod text;
mod tgi;
mod torchserve;
mod triton;
mod vllm;

#[cfg(test)]
mod tests;

pub(crate) use counted::{End, Life};
pub(crate) use recorder::Metrics;
pub(crate) use scene::Identity;
