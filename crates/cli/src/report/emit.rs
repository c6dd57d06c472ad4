//! The one place that prints: results to stdout, everything else to stderr, by way of [`console`] where a view may have it.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::console;
use crate::exit::Exit;

/// Prints a result to stdout.
///
/// # Errors
/// Stdout cannot be written to, except that its reader has gone: who stops reading has read enough.
pub(crate) fn result(text: &str) -> io::Result<()> {
    console::status(None);
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints a line for the user to stderr.
pub(crate) fn note(text: &str) {
    console::line(text);
}

/// Prints a warning to stderr.
pub(crate) fn warning(text: &str) {
    note(&format!("warning: {text}"));
}

/// Prints the error that ends the process.
pub(crate) fn error(error: &anyhow::Error) {
    console::status(None);
    // Some errors repeat their cause within their own text, where it reads best: once is enough.
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    note(&format!("error: {text}"));
}

/// Prints what clap has to say: help and versions are results, the rest are errors.
pub(crate) fn clap_error(error: &clap::Error) -> ExitCode {
    // As above: a closed stream leaves nobody to tell.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Passed.into() }
}
