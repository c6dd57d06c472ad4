//! Why results could not be kept: what failed, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Results could not be kept. The run itself has failed (exit code 1), whatever was measured.
#[derive(Debug, Error)]
pub enum RecorderError {
    /// A file or folder could not be created or written.
    #[error("cannot write `{}`: {error}; {}", path.display(), advice(error))]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said. Part of the text, so no source to be printed after it.
        error: io::Error,
    },
    /// The operating system refused a thread.
    #[error(
        "cannot start the thread `{0}`: {1}; this user may have too many, or the machine too little memory"
    )]
    Thread(&'static str, io::Error),
    /// The recorder's own thread ended before the run did: a bug.
    #[error("the recorder stopped before the run did; please report this with the run's log")]
    Stopped,
}

impl RecorderError {
    /// A failure to write `path`.
    pub(super) fn write(path: &Path, error: impl Into<io::Error>) -> Self {
        RecorderError::Write { path: path.to_owned(), error: error.into() }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room there or choose another folder for results"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "make the folder writable or choose another one for results"
        }
        _ => "choose another folder for results",
    }
}
