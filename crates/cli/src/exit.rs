//! What the process tells its caller: the exit codes, and the errors that end it early.

use std::process::ExitCode;

use thiserror::Error;

/// Exit codes (METRICS: Exit codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The run passed.
    Passed = 0,
    /// The run itself failed: target unreachable, failure ratio above the limit, disk full.
    Failed = 1,
    /// Bad usage or configuration.
    Usage = 2,
    /// The measurement is INVALID: the client measured itself.
    Invalid = 3,
    /// An objective was missed (k6's code, so that CI recipes carry over).
    ObjectiveMissed = 99,
    /// Interrupted twice.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Something typed or configured that cannot be used: says what, where, and what to do instead.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Ends a function with a [`UsageError`] whose text is formatted like `format!`.
macro_rules! refuse {
    ($($text:tt)*) => {
        return Err($crate::exit::UsageError(format!($($text)*)))
    };
}
pub(crate) use refuse;
