//! The report of a command as a page: `report.html` in its folder, and the file of `--html`.

use std::path::Path;

use plimsoll_drive::recorder::write_whole;

use crate::report::{emit, html};
use crate::resolve::Pages;
use crate::stored::Stored;

/// Writes the pages of what lies in `folder`, the same as `plimsoll report` would.
///
/// # Errors
/// The file of `--html` cannot be written. That `report.html` cannot is a warning: all results are there without it.
pub(crate) fn write(folder: &Path, pages: &Pages) -> anyhow::Result<()> {
    if pages.file.is_none() && !pages.in_folder {
        return Ok(());
    }
    let stored = Stored::read(folder)?;
    let text = html::render(&stored.page(), &stored.json()?)?;
    if pages.in_folder
        && let Err(error) = write_whole(&folder.join("report.html"), text.as_bytes())
    {
        emit::warning(&format!("no report.html: {error}"));
    }
    if let Some(file) = &pages.file {
        write_whole(file, text.as_bytes())?;
    }
    Ok(())
}
