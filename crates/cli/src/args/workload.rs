//! Options that say what is asked.

use std::path::PathBuf;

use clap::Args;

use super::values::{self, LengthName, PositionName, Resolution, not_negative, resolution, share};

/// What is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Prompts")]
pub(crate) struct WorkloadArgs {
    /// Tokens of each prompt, as the server counts them
    #[arg(short, long, value_parser = values::whole::<u32>, value_name = "N", default_value_t = 512)]
    pub(crate) prompt_tokens: u32,
    /// Characters of each prompt, in place of tokens
    #[arg(long, value_parser = values::counted::<std::num::NonZeroU32>, value_name = "N")]
    pub(crate) prompt_chars: Option<std::num::NonZeroU32>,
    /// One prompt for all requests: TEXT, @file with the text, or @file.jsonl with one request per line
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt_text: Option<String>,
    /// The instruction at the end of generated prompts
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// Put random numbers into every prompt, so that no two are alike
    #[arg(long)]
    pub(crate) prompt_randomize: bool,
    /// What prompts are made of: verse (or limericks), code, or @file.jsonl with whole requests
    #[arg(short, long, value_name = "NAME", default_value = "verse")]
    pub(crate) dataset: String,
    /// Shuffle the data set with this seed first
    #[arg(long, value_parser = values::whole::<u64>, value_name = "SEED")]
    pub(crate) dataset_shuffle_seed: Option<u64>,
    /// Use so many lines of the data set
    #[arg(long, value_parser = values::counted::<std::num::NonZeroUsize>, value_name = "N")]
    pub(crate) dataset_limit: Option<std::num::NonZeroUsize>,
    /// Leading tokens that all prompts share (-pcml); Fireworks is also told to cache them
    #[arg(long, value_parser = values::whole::<u32>, value_name = "N", default_value_t = 0)]
    pub(crate) prompt_cache_max_len: u32,
    /// Synthetic images to add, as WIDTHxHEIGHT in pixels (chat only)
    #[arg(long, value_name = "WxH", value_parser = resolution, num_args = 1..)]
    pub(crate) prompt_images_with_resolutions: Vec<Resolution>,
    /// Where images stand in the prompt
    #[arg(long, value_enum, value_name = "WHERE", default_value = "space-evenly")]
    pub(crate) prompt_images_positioning: PositionName,
    /// Hugging Face tokenizer: a tokenizer.json, a folder with one, or a model id; without it a bundled encoding
    #[arg(long, value_name = "PATH")]
    pub(crate) tokenizer: Option<String>,

    /// Tokens to generate; the mean when a distribution is set
    #[arg(short = 'o', long, value_parser = values::whole::<u32>, value_name = "N", default_value_t = 64, help_heading = "Answers")]
    pub(crate) max_tokens: u32,
    /// Distribution of the tokens to generate
    #[arg(long, value_enum, value_name = "NAME", default_value = "constant", help_heading = "Answers")]
    pub(crate) max_tokens_distribution: LengthName,
    /// Width of the distribution, relative to -o
    #[arg(
        long,
        value_name = "SHARE",
        value_parser = not_negative,
        default_value = "0.3",
        help_heading = "Answers"
    )]
    pub(crate) max_tokens_range: f64,
    /// Upper end of the distribution
    #[arg(long, value_parser = values::counted::<std::num::NonZeroU32>, value_name = "N", help_heading = "Answers")]
    pub(crate) max_tokens_cap: Option<std::num::NonZeroU32>,
    /// Count an answer of another length than asked for as a failure
    #[arg(long, help_heading = "Answers")]
    pub(crate) strict_length: bool,
    /// Cancel this share of requests after their first token
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0", help_heading = "Answers")]
    pub(crate) cancel_rate: f64,

    /// Texts to force as answers, one per line or JSONL with `text` (Fireworks)
    #[arg(long, value_name = "FILE", help_heading = "Fireworks only")]
    pub(crate) forced_generation_file: Option<PathBuf>,
    /// Force the texts of --dataset as answers (Fireworks)
    #[arg(long, help_heading = "Fireworks only")]
    pub(crate) forced_generation_from_dataset: bool,
}
