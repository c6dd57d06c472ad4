//! The results folders that a calibration starts from.

use std::fs;
use std::path::Path;

use plimsoll_core::calibrate::ObservedRun;
use plimsoll_core::summary::Summary;
use plimsoll_drive::recorder::{RecordsFile, StoredSpec};

use crate::exit::UsageError;
use crate::report::numbers::{percent, share};

/// A run as stored.
pub(super) struct StoredRun {
    /// Its requests as the server saw them, under the folder's name.
    pub(super) observed: ObservedRun,
    /// The model that it asked for.
    pub(super) model: String,
    /// Where it went.
    url: String,
    /// Whether its client kept up; nothing if it never ended.
    valid: Option<bool>,
}

impl StoredRun {
    /// Reads the results folder `folder`.
    ///
    /// # Errors
    /// It is no results folder, or its records do not say enough.
    pub(super) fn read(folder: &Path) -> Result<Self, UsageError> {
        let spec = StoredSpec::read(folder).map_err(|error| UsageError(error.to_string()))?;
        let path = folder.join("records.parquet");
        let unreadable = |error: &dyn std::fmt::Display| UsageError(format!("`{}`: {error}", path.display()));
        let records = RecordsFile::open(&path).map_err(|error| unreadable(&error))?;
        let records = records.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(&error))?;
        let name =
            folder.file_name().map_or_else(|| spec.name.clone(), |name| name.to_string_lossy().into_owned());
        let observed = ObservedRun::of(name, records, &spec.load, spec.seed)
            .map_err(|error| UsageError(format!("`{}` cannot be used: {error}", folder.display())))?;
        Ok(StoredRun { observed, model: spec.target.model, url: spec.target.url, valid: validity(folder) })
    }
}

fn validity(folder: &Path) -> Option<bool> {
    let text = fs::read_to_string(folder.join("summary.json")).ok()?;
    Some(serde_json::from_str::<Summary>(&text).ok()?.validity.valid)
}

/// Above this share of prompt tokens from the prefix cache, or of requests without tokens, the reader is told.
const NOTABLE: f64 = 0.02;

/// What casts doubt on a calibration with these runs.
pub(super) fn warnings(runs: &[&StoredRun]) -> Vec<String> {
    let mut warnings = Vec::new();
    let first = runs.first();
    for run in runs {
        let name = &run.observed.name;
        if let Some(first) = first.filter(|first| first.model != run.model) {
            let (ours, theirs) = (&run.model, &first.model);
            warnings.push(format!("{name} asked for model {ours}, {} for {theirs}", first.observed.name));
        }
        if let Some(first) = first.filter(|first| first.url != run.url) {
            let (ours, theirs) = (&run.url, &first.url);
            warnings.push(format!(
                "{name} went to {ours}, {} to {theirs}: only runs of one server on one host can be put together",
                first.observed.name
            ));
        }
        if run.valid == Some(false) {
            warnings.push(format!("{name} is INVALID: its times say more of the client than of the server"));
        }
        warnings.extend(notes(run));
    }
    warnings
}

fn notes(run: &StoredRun) -> Vec<String> {
    let (name, notes) = (&run.observed.name, run.observed.notes);
    let mut warnings = Vec::new();
    let cached = share(notes.cached_tokens, notes.prompt_tokens);
    if cached > NOTABLE {
        warnings.push(format!(
            "{} of the prompt tokens of {name} came from the server's prefix cache: predictions take those as given",
            percent(cached)
        ));
    }
    let all = notes.left_out + run.observed.requests.len();
    let lost = share(notes.left_out as u64, all as u64);
    if lost > NOTABLE {
        warnings.push(format!(
            "{} of the requests of {name} brought no token: the server may have worked on them unseen",
            percent(lost)
        ));
    }
    if notes.estimated > 0 {
        warnings.push(format!(
            "{} answers of {name} have estimated token counts, one for each event",
            notes.estimated
        ));
    }
    warnings
}
