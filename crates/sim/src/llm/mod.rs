//! A server of large language models: continuous batching over a paged KV cache.
//!
//! ```text
//!  arrive --> waiting --admit--> running --step--> tokens --> finished
//!                ^                  |
//!                '----preempted-----'      each step: running first, then waiting; StepTime says how long it takes
//! ```
//! The scheduler follows vLLM's V1 scheduler: a budget of tokens for each step, chunked prefills, blocks of KV cache
//! with prefix caching, and preemption by recomputing.

mod engine;
mod job;
mod kv_cache;
mod options;
mod physics;
mod power;
mod schedule;
mod step_time;

pub use engine::Llm;
pub use options::{Hardware, LlmOptions, OptionsError, Speculative};
pub use physics::{Accelerator, GIB, Model, Overheads, Physics};
pub use step_time::{BatchShape, StepTime};

#[cfg(test)]
mod tests;
