//! The results folder of a run: `RESULTS/<utc time>-<name>/`, never used twice.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll_core::spec::RunSpec;
use plimsoll_core::summary::Summary;

use super::error::RecorderError;
use super::utc::for_file_name;

/// The folder into which a run writes its results.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Creates the folder of the run `spec` that started at `wall` (since the Unix epoch) inside `results`, and
    /// writes its `spec.toml`, in which secret values are `***`.
    ///
    /// # Errors
    /// The folder or the file cannot be written; the text says where and what to do.
    pub fn create(results: &Path, wall: Duration, spec: &RunSpec) -> Result<RunFolder, RecorderError> {
        fs::create_dir_all(results).map_err(|source| RecorderError::write(results, source))?;
        let name = format!("{}-{}", for_file_name(wall), file_name(&spec.name));
        let folder = RunFolder {
            path: new_folder(results, &name)?,
        };
        let path = folder.file("spec.toml");
        let text = toml::to_string_pretty(spec)
            .map_err(|error| RecorderError::write(&path, io::Error::other(error)))?;
        write_whole(&path, text.as_bytes())?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes `summary.json`.
    pub(super) fn write_summary(&self, summary: &Summary) -> Result<(), RecorderError> {
        let path = self.file("summary.json");
        let mut text = serde_json::to_vec_pretty(summary)
            .map_err(|error| RecorderError::write(&path, io::Error::other(error)))?;
        text.push(b'\n');
        write_whole(&path, &text)
    }
}

/// Creates a folder that did not exist before: two runs of one second get different names.
fn new_folder(results: &Path, name: &str) -> Result<PathBuf, RecorderError> {
    let mut path = results.join(name);
    let mut number = 2_u32;
    loop {
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = results.join(format!("{name}-{number}"));
                number += 1;
            }
            Err(source) => return Err(RecorderError::write(&path, source)),
        }
    }
}

/// A run's name as part of a file name on any system.
fn file_name(name: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.chars()
        .take(80)
        .map(|letter| if allowed(letter) { letter } else { '-' })
        .collect()
}

/// Writes a file that is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecorderError> {
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|source| RecorderError::write(path, source))
}
