//! Why payloads cannot be made.

use std::path::PathBuf;

use thiserror::Error;

/// Why the payloads of a run cannot be made.
#[derive(Debug, Error)]
pub enum PayloadError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {reason}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Values that cannot be used.
    #[error("cannot use {place}: {reason}")]
    Unusable {
        /// Where they stand.
        place: String,
        /// What is wrong with them, and what to do.
        reason: String,
    },
    /// There is nothing to send.
    #[error("there are no values to send: give a file or JSON with --input-data, or a shape with --shape")]
    NoValues,
    /// Images for a server that takes tensors.
    #[error("--image-bytes makes whole bodies, and this server takes tensors: write them with --input-data")]
    Images,
    /// The model does not tell its inputs, and neither did the user.
    #[error("the server does not tell the inputs of the model: give each as --shape NAME:1x16:FP32")]
    NoInputs,
    /// A shape for an input that the model does not have.
    #[error("the model has no input `{name}` (--shape): its inputs are {known}")]
    UnknownInput {
        /// The name given.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A shape that does not fit the model.
    #[error(
        "--shape {given} does not fit the model's {expected}: give every dimension, and those it fixes as they are"
    )]
    Shape {
        /// The shape given.
        given: String,
        /// The model's.
        expected: String,
    },
    /// A dimension that neither the model nor the user said.
    #[error(
        "the model leaves dimensions of its input open ({input}): give all of them, as in --shape {example}"
    )]
    Open {
        /// The input with its shape.
        input: String,
        /// What the option could look like.
        example: String,
    },
    /// More items than the model takes in a request.
    #[error(
        "--batch-size {asked} is more than the {most} that the model takes in a request: make it smaller"
    )]
    BatchTooLarge {
        /// The batch asked for.
        asked: u32,
        /// The largest.
        most: u64,
    },
    /// A batch of an input whose first dimension is fixed.
    #[error("--batch-size {asked} cannot be had: the first dimension of input {input} is fixed")]
    BatchFixed {
        /// The batch asked for.
        asked: u32,
        /// The input with its shape.
        input: String,
    },
    /// Tensors larger than any memory.
    #[error("input {0} has too many elements to make: give a smaller shape")]
    TooLarge(String),
}

/// What is wrong with the values at `place`.
pub(super) fn unusable(place: impl Into<String>, reason: impl Into<String>) -> PayloadError {
    PayloadError::Unusable { place: place.into(), reason: reason.into() }
}
