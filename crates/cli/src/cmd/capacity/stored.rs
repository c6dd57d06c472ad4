//! What a search leaves in its folder, so that it can go on where it was interrupted.

use std::fs;
use std::path::Path;

use plimsoll_core::search::TrialOutcome;
use plimsoll_core::summary::RunHeader;
use serde::{Deserialize, Serialize};

use super::resume::Asked;
use crate::exit::{UsageError, refuse};

/// Version of `search.json`. The first kept what was asked in words alone, without the options that say it.
const FORMAT: u32 = 2;
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
    /// What was asked: another search cannot go on with these trials.
    pub(super) asked: Vec<Asked>,
    pub(super) beginning: Beginning,
    /// The header of the run with one user.
    pub(super) run: RunHeader,
}

impl SearchFile {
    pub(super) fn new(asked: Vec<Asked>, beginning: Beginning, run: RunHeader) -> Self {
        SearchFile { format: FORMAT, asked, beginning, run }
    }
}

/// What tells how to read the rest.
#[derive(Deserialize)]
struct Version {
    format: u32,
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
        let path = folder.join(SEARCH_FILE);
        let Version { format } = read_json(&path)?;
        if format != FORMAT {
            let other = if format > FORMAT { "a later" } else { "an earlier" };
            refuse!(
                "--resume: {} was written by {other} version of Plimsoll: go on with that one, or begin another search",
                path.display()
            );
        }
        let search: SearchFile = read_json(&path)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (format, excerpt) in [(1, "an earlier version"), (FORMAT + 1, "a later version")] {
            let text = format!("{{\"format\": {format}, \"asked\": [\"some words\"]}}");
            fs::write(folder.path().join(SEARCH_FILE), text).unwrap();
            let UsageError(error) = Stored::read(folder.path()).unwrap_err();
            assert!(error.contains(excerpt) && error.contains("begin another search"), "{error}");
        }
    }
}
