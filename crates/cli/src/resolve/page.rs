//! Where the report goes as a page.

use std::path::{Path, PathBuf};

use crate::args::page::PageArgs;
use crate::exit::{UsageError, refuse};

/// The pages that a command writes at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    /// The file of `--html`.
    pub(crate) file: Option<PathBuf>,
    /// Whether the results folder gets a `report.html`.
    pub(crate) in_folder: bool,
}

/// What becomes of the options.
///
/// # Errors
/// The file can never be written: that is said before the run, not after it.
pub(super) fn resolve(args: &PageArgs, folder: &Path) -> Result<Pages, UsageError> {
    if let Some(file) = &args.html {
        let whole = folder.join(file);
        let within = whole.parent().unwrap_or(folder);
        if whole.is_dir() || !within.is_dir() {
            let what = if whole.is_dir() { "it is a folder" } else { "its folder is not there" };
            refuse!("--html {}: {what}: name a file in a folder that exists", file.display());
        }
    }
    Ok(Pages { file: args.html.clone(), in_folder: !args.no_report })
}
