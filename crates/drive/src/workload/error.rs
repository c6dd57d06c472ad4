//! Why a workload cannot be made ready.

use std::path::PathBuf;

use plimsoll_core::workload::{HttpError, ImageBytesError, LengthError, LineError, PromptTooShort};
use thiserror::Error;

use super::PayloadError;

/// Why a workload cannot be made ready.
#[derive(Debug, Error)]
pub enum WorkloadError {
    /// The output lengths are impossible.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The prompts asked for are shorter than any can be.
    #[error(transparent)]
    TooShort(#[from] PromptTooShort),
    /// The payloads cannot be made.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The user's own requests cannot be made.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A prompt of no characters.
    #[error("a prompt of 0 characters is empty: ask for at least 1")]
    NoCharacters,
    /// A file that cannot be read.
    #[error("cannot read {path} ({reason}): check the path", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A line that is not one of a data set.
    #[error("line {line} of {path}: {reason}", path = .path.display())]
    Line {
        /// Its number, counted from 1.
        line: usize,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: LineError,
    },
    /// A data set without lines.
    #[error(
        "{path} holds no prompts: give one JSON object with \"prompt\" or \"messages\" per line",
        path = .0.display()
    )]
    NoLines(PathBuf),
    /// A limit that leaves no lines.
    #[error("a data set cut to 0 lines has no prompts: give a limit of at least 1")]
    ZeroLimit,
    /// Random numbers asked for where there is no prompt to put them into.
    #[error(
        "line {line} of {path} is a whole request body, and random numbers can be put into prompts only: \
         drop the option, or give the line as {{\"prompt\": …}}",
        path = .path.display()
    )]
    RandomizedBody {
        /// Its number, counted from 1.
        line: usize,
        /// The file.
        path: PathBuf,
    },
    /// Images asked for where there is no prompt to put them into.
    #[error(
        "line {line} of {path} is a whole request body, and images can be put into prompts only: \
         put them into its messages, or give the line as {{\"prompt\": …}}",
        path = .path.display()
    )]
    ImagesInBody {
        /// Its number, counted from 1.
        line: usize,
        /// The file.
        path: PathBuf,
    },
    /// The user's text has placeholders, but not one for each image.
    #[error(
        "the prompt has {placeholders} `<image>` placeholders for {images} images: give one for each, or none"
    )]
    Placeholders {
        /// Placeholders in the text.
        placeholders: usize,
        /// Images of each request.
        images: usize,
    },
    /// An image of a size that JPEG cannot have, or that nobody means.
    #[error("an image of {0}x{1} pixels cannot be made: give each side from 1 to {max}", max = super::images::MAX_SIDE)]
    ImageSize(u32, u32),
    /// Sizes of images that cannot be drawn.
    #[error(transparent)]
    ImageSizes(#[from] ImageBytesError),
    /// Fewer bytes than a JPEG has around its picture.
    #[error("an image of {0} bytes cannot be made: give more")]
    ImageBytes(u32),
    /// An image that could not be encoded.
    #[error("cannot make an image of {width}x{height} pixels: {reason}")]
    Image {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// What the encoder says.
        reason: String,
    },
    /// A share of cancelled requests outside 0 to 1.
    #[error("a share of {0} cancelled requests is out of range: give a number from 0 to 1")]
    CancelRate(f64),
    /// Something that looks like the name of a model on a hub.
    #[error(
        "no file or folder `{0}` here, and Plimsoll downloads nothing: if it is a model on a hub, download its \
         tokenizer.json, tokenizer_config.json and chat template into a folder and give that folder"
    )]
    ModelId(String),
    /// A tokenizer that is not there.
    #[error("no tokenizer at {path}: give a tokenizer.json or a folder that holds one", path = .0.display())]
    NoTokenizer(PathBuf),
    /// A folder without a tokenizer.json.
    #[error(
        "{path} holds no tokenizer.json; transformers writes one with \
         `AutoTokenizer.from_pretrained(…).save_pretrained(…)`",
        path = .0.display()
    )]
    NoTokenizerJson(PathBuf),
    /// A file of a tokenizer that cannot be used.
    #[error("cannot use {path}: {reason}", path = .path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The bundled encoding is damaged.
    #[error("the bundled encoding cannot be loaded: {0}; this build is damaged, install it again")]
    Bundled(String),
}
