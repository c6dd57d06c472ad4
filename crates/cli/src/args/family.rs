//! Options of the interfaces beside text: embeddings, rerank, transcriptions, images.

use std::num::NonZeroU32;

use clap::Args;

use super::values::{Resolution, counted, positive, resolution};

/// What only some interfaces ask.
#[derive(Debug, Args)]
#[command(next_help_heading = "Embeddings, ranking, audio, images")]
pub(crate) struct FamilyArgs {
    /// The same as --api embeddings
    #[arg(long, overrides_with = "rerank")]
    pub(crate) embeddings: bool,
    /// Texts in each request for embeddings, of -p tokens each
    #[arg(long, value_name = "N", value_parser = counted::<NonZeroU32>, default_value = "1")]
    pub(crate) embeddings_batch_size: NonZeroU32,
    /// Length to ask for of each embedding
    #[arg(long, value_name = "N", value_parser = counted::<NonZeroU32>)]
    pub(crate) embeddings_dimensions: Option<NonZeroU32>,
    /// The same as --api rerank
    #[arg(long, overrides_with = "embeddings")]
    pub(crate) rerank: bool,
    /// What documents are ranked by [default: a question of our own]
    #[arg(long, value_name = "TEXT")]
    pub(crate) rerank_query: Option<String>,
    /// Documents in each request for a ranking
    #[arg(long, value_name = "N", value_parser = counted::<NonZeroU32>, default_value = "10")]
    pub(crate) num_documents: NonZeroU32,
    /// Tokens of each document; the same as -p
    #[arg(long, value_name = "N", value_parser = counted::<NonZeroU32>)]
    pub(crate) tokens_per_document: Option<NonZeroU32>,
    /// Ask for so many of the best documents only
    #[arg(long, value_name = "N", value_parser = counted::<NonZeroU32>)]
    pub(crate) rerank_top_n: Option<NonZeroU32>,
    /// Ask for the documents in the answer
    #[arg(long, overrides_with = "no_rerank_return_documents")]
    pub(crate) rerank_return_documents: bool,
    /// Ask for an answer without the documents
    #[arg(long, overrides_with = "rerank_return_documents")]
    pub(crate) no_rerank_return_documents: bool,
    /// Length of the synthetic recording to transcribe, in seconds: a WAV file of 32 kB per second
    #[arg(long, value_name = "SECONDS", value_parser = positive, default_value = "10")]
    pub(crate) audio_seconds: f64,
    /// Size to ask for of generated images, as WIDTHxHEIGHT in pixels; -n says how many
    #[arg(long, value_name = "WxH", value_parser = resolution)]
    pub(crate) image_size: Option<Resolution>,
}
