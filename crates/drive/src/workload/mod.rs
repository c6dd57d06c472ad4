//! What is asked, made ready before a run: data sets read, tokenizers loaded, images drawn.

mod bundled;
mod chat_template;
mod cl100k;
mod dataset;
mod error;
mod grpc_model;
mod http;
mod huggingface;
mod images;
mod jpeg;
mod load;
mod payloads;
mod tokenizer;

pub use bundled::BundledTokenizer;
pub use error::WorkloadError;
pub use grpc_model::{GrpcError, GrpcServer};
pub use huggingface::HuggingFaceTokenizer;
pub use load::{Loaded, load};
pub use payloads::{Model, PayloadError, resolve_inputs};
pub use tokenizer::load_tokenizer;
