//! The results folders that are compared: what they were, and their records as windows.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_core::compare::{Extent, Figure, RunWindows};
use plimsoll_core::summary::{SUMMARY_SCHEMA, Summary};
use plimsoll_drive::recorder::{RecordsFile, StoredSpec};

use crate::exit::{UsageError, refuse};

/// A finished run as stored.
#[derive(Debug)]
pub(crate) struct StoredRun {
    /// As the user named it.
    pub(crate) folder: PathBuf,
    /// What was asked: the whole of `spec.toml`.
    pub(crate) spec: toml::Table,
    /// What came of it.
    pub(crate) summary: Summary,
}

impl StoredRun {
    /// Reads what the results folder `folder` says of its run, but no records yet.
    ///
    /// # Errors
    /// It is no results folder, or the run has not ended.
    pub(crate) fn read(folder: &Path) -> Result<Self, UsageError> {
        StoredSpec::read(folder).map_err(|error| UsageError(error.to_string()))?;
        let text = |name: &str| fs::read_to_string(folder.join(name));
        let unreadable = |name: &str, error: &dyn std::fmt::Display| {
            UsageError(format!("cannot read `{}`: {error}", folder.join(name).display()))
        };
        let spec = text("spec.toml").map_err(|error| unreadable("spec.toml", &error))?;
        let spec =
            spec.parse().map_err(|error: toml::de::Error| unreadable("spec.toml", &error.message()))?;
        let Ok(summary) = text("summary.json") else {
            refuse!(
                "`{}` has no summary.json: its run has not ended, or was killed; only whole runs can be compared",
                folder.display()
            );
        };
        let summary: Summary =
            serde_json::from_str(&summary).map_err(|error| unreadable("summary.json", &error))?;
        if summary.schema != SUMMARY_SCHEMA {
            let (found, file) = (&summary.schema, folder.join("summary.json"));
            refuse!("`{}` is of {found}, and this version reads {SUMMARY_SCHEMA}", file.display());
        }
        Ok(StoredRun { folder: folder.to_owned(), spec, summary })
    }

    /// The name of its folder.
    pub(crate) fn name(&self) -> String {
        let name = self.folder.canonicalize().ok();
        let name = name.as_deref().unwrap_or(&self.folder).file_name().map(|name| name.to_string_lossy());
        name.map_or_else(|| self.folder.display().to_string(), |name| name.into_owned())
    }

    /// Whether requests started on a schedule.
    pub(crate) fn is_open_loop(&self) -> bool {
        self.spec.get("load").and_then(|load| load.get("open")).is_some()
    }

    /// How long it was, and how long its requests took.
    pub(crate) fn extent(&self) -> Extent {
        let latency = self.summary.metrics.get("latency").and_then(|latency| latency.mean);
        Extent { seconds: self.summary.window.measured, latency: latency.unwrap_or(0.0) }
    }

    /// Its records in windows of about `each` seconds.
    ///
    /// # Errors
    /// The records cannot be read, or do not have what the figures need.
    pub(crate) fn windows(&self, each: f64, figures: &[Figure]) -> Result<RunWindows, UsageError> {
        let path = self.folder.join("records.parquet");
        let unreadable = |error: &dyn std::fmt::Display| UsageError(format!("`{}`: {error}", path.display()));
        let records = RecordsFile::open(&path).map_err(|error| unreadable(&error))?;
        let gaps = figures.iter().find(|figure| matches!(figure, Figure::Of("chunk_gap" | "itl", _)));
        if let (Some(figure), false) = (gaps, records.chunks_kept) {
            refuse!(
                "`{}` does not have {figure}: its records keep no chunks; run with --record-chunks, or choose other metrics",
                path.display()
            );
        }
        let mut windows = RunWindows::new(records.measure_start, self.summary.window.measured, each, figures);
        for record in records {
            windows.add(&record.map_err(|error| unreadable(&error))?);
        }
        Ok(windows)
    }
}

/// The folders of one side: one, or several with commas between them.
pub(super) fn side(text: &str) -> Result<Vec<StoredRun>, UsageError> {
    let folders: Vec<&str> =
        if Path::new(text).is_dir() { vec![text] } else { text.split(',').map(str::trim).collect() };
    if let Some(missing) = folders.iter().position(|folder| folder.is_empty()) {
        refuse!("`{text}` names no run at place {}: write RUN or RUN,RUN", missing + 1);
    }
    folders.into_iter().map(|folder| StoredRun::read(Path::new(folder))).collect()
}

/// The runs of a history: the folders given, and the runs within those that are no runs themselves.
pub(super) fn history(given: &[String]) -> Result<Vec<StoredRun>, UsageError> {
    let mut runs = Vec::new();
    for folder in given.iter().map(Path::new) {
        if folder.join("spec.toml").exists() || !folder.is_dir() {
            runs.push(StoredRun::read(folder)?);
            continue;
        }
        let entries = fs::read_dir(folder)
            .map_err(|error| UsageError(format!("cannot read `{}`: {error}", folder.display())))?;
        let inside = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut inside: Vec<PathBuf> = inside.filter(|path| path.join("summary.json").exists()).collect();
        inside.sort();
        if inside.is_empty() {
            refuse!("`{}` has no finished run in it: give a folder such as runs", folder.display());
        }
        for path in inside {
            runs.push(StoredRun::read(&path)?);
        }
    }
    runs.sort_by(|a, b| a.summary.run.started.cmp(&b.summary.run.started));
    Ok(runs)
}
