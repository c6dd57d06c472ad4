//! Logs: to stderr or a file, never to stdout, which belongs to results.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;

use crate::report::console;

/// Starts logging what is at least as severe as `level`. A command that is made of others begins its log once.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn start(level: LevelFilter, file: Option<&Path>) -> anyhow::Result<()> {
    if tracing::dispatcher::has_been_set() {
        return Ok(());
    }
    let log = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    let done = match file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file
                .with_context(|| format!("cannot write the log file {}: check --logfile", path.display()))?;
            log.with_ansi(false).with_writer(Mutex::new(file)).try_init()
        }
        None => log.with_ansi(io::stderr().is_terminal()).with_writer(|| console::Log).try_init(),
    };
    done.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))
}
