//! The server of classic models: it gathers waiting requests into batches, as Triton and TorchServe do.

mod engine;
mod instances;
mod line;
mod options;
pub mod presets;

#[cfg(test)]
mod tests;

pub use engine::Batch;
pub use options::{Accelerator, BatchOptions, Batching, Cost};
