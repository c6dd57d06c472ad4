//! Common models on common accelerators, by names such as `llama-3-8b-h100` and `llama-3.1-70b-4xh100`.
//!
//! Data sheets and configurations give the constants; step time and KV cache are computed from them.

mod accelerators;
mod find;
mod models;

pub use accelerators::{ACCELERATORS, accelerator};
pub use find::{Preset, UnknownPreset, all, find};
pub use models::{MODELS, model};

#[cfg(test)]
mod tests;
