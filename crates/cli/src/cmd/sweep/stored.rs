//! `sweep.json`: what a sweep varies, and what became of each cell.

use std::collections::BTreeMap;
use std::path::Path;

use plimsoll_core::summary::Summary;
use serde::{Deserialize, Serialize};

use crate::exit::{UsageError, refuse};

/// The version of `sweep.json`.
pub(crate) const SCHEMA: &str = "plimsoll.sweep/1";

/// `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) schema: String,
    /// Where the seeds of cells begin.
    pub(crate) seed: u64,
    /// What is varied.
    pub(crate) axes: Vec<String>,
    /// The other settings, as in a configuration file.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) cells: Vec<StoredCell>,
}

/// A cell, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredCell {
    pub(crate) number: usize,
    pub(crate) values: Vec<String>,
    pub(crate) repeat: u32,
    pub(crate) status: Status,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// Its results, within the folder of the sweep.
    pub(crate) folder: Option<String>,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Nothing yet.
    Waiting,
    /// It was measured.
    Done,
    /// It could not be; the error says why.
    Failed,
    /// The user ended it.
    Interrupted,
}

impl Status {
    /// The word for it in files and tables.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Interrupted => "interrupted",
        }
    }
}

/// Reads that of a folder.
///
/// # Errors
/// It is no folder of a sweep, or of one that this version cannot read.
pub(super) fn read(path: &Path) -> Result<Stored, UsageError> {
    let file = path.join("sweep.json");
    let text = std::fs::read_to_string(&file).map_err(|error| {
        UsageError(format!(
            "`{}` is no folder of a sweep: cannot read its sweep.json: {error}",
            path.display()
        ))
    })?;
    let stored: Stored = serde_json::from_str(&text)
        .map_err(|error| UsageError(format!("`{}` is no sweep of this program: {error}", file.display())))?;
    if stored.schema != SCHEMA {
        refuse!("`{}` is of {}, and this version reads {SCHEMA}", file.display(), stored.schema);
    }
    Ok(stored)
}

/// The summary of the cell in `folder`, if it has one.
pub(super) fn summary_of(folder: &Path) -> Option<Summary> {
    serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).ok()?).ok()
}
