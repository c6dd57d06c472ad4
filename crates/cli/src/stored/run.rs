//! A run as stored: finished, or killed on the way.

use std::fs;
use std::path::Path;

use plimsoll_core::summary::{SUMMARY_SCHEMA, Summary};
use plimsoll_drive::recorder::{RecordsFile, StoredSpec, StoredTable};

use super::killed;
use super::read_versioned;
use crate::exit::UsageError;
use crate::report::page::{Material, Seen, Setting};

/// Records that a report reads: of a run with more only a part, evenly spread. They take about a second.
const RECORDS_MAX: u64 = 500_000;

/// Reads the results folder of a run.
///
/// # Errors
/// It is no results folder, or its files cannot be read.
pub(super) fn read(folder: &Path) -> Result<Material, UsageError> {
    let spec = StoredSpec::read(folder).map_err(|error| UsageError(error.to_string()))?;
    let seconds = StoredTable::read(&folder.join("series.parquet")).ok();
    let summary = match finished(folder)? {
        Some(summary) => summary,
        None => killed::summary(folder, &spec, seconds.as_ref())?,
    };
    let server = StoredTable::read(&folder.join("server.parquet")).ok();
    let (seen, began) = seen(folder)?;
    Ok(Material { summary, began, seconds, server, seen, settings: settings(folder), folder: name(folder) })
}

/// What a run says of itself at its end; nothing of one that has not come to it.
fn finished(folder: &Path) -> Result<Option<Summary>, UsageError> {
    let file = folder.join("summary.json");
    file.exists().then(|| read_versioned(&file, SUMMARY_SCHEMA)).transpose()
}

/// What the records say of latencies, and when the run began; nothing if there are none.
fn seen(folder: &Path) -> Result<(Option<Seen>, Option<i64>), UsageError> {
    let path = folder.join("records.parquet");
    if !path.exists() {
        return Ok((None, None));
    }
    let unreadable = |error: &dyn std::fmt::Display| UsageError(format!("`{}`: {error}", path.display()));
    let records = RecordsFile::open_part(&path, RECORDS_MAX).map_err(|error| unreadable(&error))?;
    let mut seen = Seen::new(records.part, records.total);
    let began = i64::try_from(records.wall.as_nanos()).ok();
    for record in records {
        seen.add(&record.map_err(|error| unreadable(&error))?);
    }
    Ok((Some(seen), began))
}

/// Every option as it was used, from `settings.toml`; none where an older version wrote the folder.
pub(super) fn settings(folder: &Path) -> Vec<Setting> {
    let text = fs::read_to_string(folder.join("settings.toml")).unwrap_or_default();
    text.lines().filter_map(setting).collect()
}

/// A line such as `users = 8  # command line` or `# seed =  # not set`.
fn setting(line: &str) -> Option<Setting> {
    let (assignment, source) = line.rsplit_once("  # ")?;
    let (option, value) = assignment.trim_start_matches("# ").split_once('=')?;
    Some(Setting {
        option: option.trim().to_owned(),
        value: value.trim().to_owned(),
        source: source.trim().to_owned(),
    })
}

/// The name of a folder, without the way to it.
pub(super) fn name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_printed() {
        let read = |line: &str| setting(line).map(|one| [one.option, one.value, one.source]);
        for (line, expected) in [
            ("users = 8                # command line", ["users", "8", "command line"]),
            (
                "# api-key = \"***\"  # environment variable API_KEY",
                ["api-key", "\"***\"", "environment variable API_KEY"],
            ),
            ("# stages =  # not set", ["stages", "", "not set"]),
            ("prompt = \"a  # b = c\"  # command line", ["prompt", "\"a  # b = c\"", "command line"]),
        ] {
            assert_eq!(read(line), Some(expected.map(str::to_owned)), "{line}");
        }
        assert_eq!(read("no setting"), None);
    }
}
