//! Why a text does not describe a simulated endpoint.

use plimsoll_core::time::DurationError;
use thiserror::Error;

/// Why a text does not describe a simulated endpoint.
#[derive(Debug, Error, PartialEq)]
pub enum SimOptionError {
    /// No option of that name.
    #[error("unknown option `{key}` in the sim:// target: did you mean `{nearest}`?")]
    Unknown {
        /// What was typed.
        key: String,
        /// The valid name that is most like it.
        nearest: &'static str,
    },
    /// An option of another engine.
    #[error("option `{key}` of the sim:// target is one of {theirs}, and this is {ours}: {instead}")]
    Elsewhere {
        /// What was typed.
        key: String,
        /// The engine that has it.
        theirs: &'static str,
        /// The engine that was asked for.
        ours: &'static str,
        /// What to do.
        instead: String,
    },
    /// No preset of that name, or one that cannot be.
    #[error("{0} (`plimsoll sim --list` prints all)")]
    Preset(String),
    /// The same key twice.
    #[error("option `{0}` is given twice in the sim:// target: give it once")]
    Twice(String),
    /// A value that the option cannot have.
    #[error("option `{key}` of the sim:// target cannot be `{value}`: give {expected}")]
    Value {
        /// The option.
        key: String,
        /// What was typed.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A text that is not a duration.
    #[error("option `{key}` of the sim:// target: {source}")]
    Time {
        /// The option.
        key: String,
        /// What is wrong with it.
        source: DurationError,
    },
    /// An option that does nothing without another.
    #[error("option `{key}` of the sim:// target does nothing without `{needed}`: give both or neither")]
    Alone {
        /// What was typed.
        key: &'static str,
        /// What is missing.
        needed: &'static str,
    },
    /// Options that make no server together.
    #[error("the options of the sim:// target make no server: {0}")]
    NoServer(String),
    /// More faults than requests.
    #[error(
        "the fault rates of the sim:// target add up to {0}: a request suffers at most one fault, so give at most 1 in all"
    )]
    RatesExceedOne(f64),
}
