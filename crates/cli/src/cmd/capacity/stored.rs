//! What a search leaves in its folder, so that it can go on where it was interrupted.

use std::fs;
use std::path::Path;

use plimsoll_core::search::TrialOutcome;
use plimsoll_core::summary::RunHeader;
use serde::{Deserialize, Serialize};

use crate::exit::{UsageError, refuse};

/// Version of `search.json`.
const FORMAT: u32 = 1;
/// What a search knows of its own beginning.
pub(super) const SEARCH_FILE: &str = "search.json";
/// What a search knows of one trial, in that trial's folder.
pub(super) const OUTCOME_FILE: &str = "outcome.json";

/// What one user found, before the search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Beginning {
    /// Seconds that a request takes.
    pub(super) latency: f64,
    /// Squared coefficient of variation of that.
    pub(super) service_scv: f64,
    /// Seconds to leave out at the start of each trial.
    pub(super) warmup: f64,
}

/// The first file of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SearchFile {
    format: u32,
    /// What was asked, in words: another search cannot go on with these trials.
    pub(super) asked: Vec<String>,
    pub(super) beginning: Beginning,
    /// The header of the run with one user.
    pub(super) run: RunHeader,
}

impl SearchFile {
    pub(super) fn new(asked: Vec<String>, beginning: Beginning, run: RunHeader) -> Self {
        SearchFile { format: FORMAT, asked, beginning, run }
    }
}

/// A trial, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredTrial {
    pub(super) outcome: TrialOutcome,
    /// Requests that it asked.
    pub(super) asked: u64,
}

/// A search that was interrupted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) search: SearchFile,
    pub(super) trials: Vec<StoredTrial>,
}

impl Stored {
    /// Reads the folder of a search.
    ///
    /// # Errors
    /// It is none, or a file of it cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Self, UsageError> {
        let search: SearchFile = read_json(&folder.join(SEARCH_FILE))?;
        if search.format > FORMAT {
            refuse!("{} was written by a later version of Plimsoll: use that one", folder.display());
        }
        let mut trials = Vec::new();
        for number in 1_usize.. {
            let trial = folder.join("trials").join(format!("{number:03}"));
            if !trial.is_dir() {
                break;
            }
            let path = trial.join(OUTCOME_FILE);
            if path.is_file() {
                trials.push(read_json(&path)?); // a trial that was cut short has none
            }
        }
        Ok(Stored { search, trials })
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, UsageError> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        UsageError(format!("--resume: cannot read {shown}: {error}; name the folder of a capacity search"))
    })?;
    serde_json::from_str(&text)
        .map_err(|error| UsageError(format!("--resume: {shown} is not whole: {error}")))
}
