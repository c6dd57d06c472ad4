//! The results folder of a run: `RESULTS/<utc time>-<name>/`, never used twice.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll_core::spec::RunSpec;
use plimsoll_core::summary::Summary;

use super::error::RecorderError;
use super::utc::for_file_name;

/// Files that say what the run is. They are there before its first request, which does not wait for the disk.
const DESCRIPTION: [&str; 2] = ["spec.toml", "settings.toml"];

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
        RunFolder::with_spec(new_folder(results, wall, &spec.name)?, spec)
    }

    /// Creates the folder `path`, which must not exist yet, as one of several of a command.
    ///
    /// # Errors
    /// As [`RunFolder::create`], or the folder is there already.
    pub fn create_at(path: &Path, spec: &RunSpec) -> Result<RunFolder, RecorderError> {
        let within = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(within).map_err(|source| RecorderError::write(within, source))?;
        fs::create_dir(path).map_err(|source| RecorderError::write(path, source))?;
        RunFolder::with_spec(path.to_owned(), spec)
    }

    fn with_spec(path: PathBuf, spec: &RunSpec) -> Result<RunFolder, RecorderError> {
        let folder = RunFolder { path };
        let path = folder.file("spec.toml");
        let text = to_toml(spec).map_err(|error| RecorderError::write(&path, error))?;
        replace_with(&path, text.as_bytes(), Disk::Later)?;
        Ok(folder)
    }

    /// Writes `settings.toml`: every effective value, and where it comes from.
    ///
    /// # Errors
    /// It cannot be written; the text says where and what to do.
    pub fn write_settings(&self, settings: &str) -> Result<(), RecorderError> {
        replace_with(&self.file("settings.toml"), settings.as_bytes(), Disk::Later)
    }

    /// Waits until what says what the run is would outlive a power cut too.
    pub(super) fn sync_description(&self) -> Result<(), RecorderError> {
        for path in DESCRIPTION.map(|name| self.file(name)).iter().filter(|path| path.exists()) {
            let synced = File::open(path).and_then(|file| file.sync_all());
            synced.map_err(|source| RecorderError::write(path, source))?;
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
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

/// A run as TOML, which has neither null nor whole numbers above 2^63: the former are left out, the latter become text.
fn to_toml(spec: &RunSpec) -> io::Result<String> {
    let value = serde_json::to_value(spec)?;
    toml::to_string_pretty(&toml_value(value)).map_err(io::Error::other)
}

fn toml_value(value: serde_json::Value) -> Option<toml::Value> {
    use serde_json::Value;
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => truth.into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) if number.is_f64() => real.into(),
            _ => number.to_string().into(),
        },
        Value::String(text) => text.into(),
        Value::Array(items) => items.into_iter().filter_map(toml_value).collect::<Vec<_>>().into(),
        Value::Object(members) => {
            let members = members.into_iter().filter_map(|(key, value)| Some((key, toml_value(value)?)));
            toml::Value::Table(members.collect())
        }
    })
}

/// Creates the folder `RESULTS/<utc time>-<name>`, which did not exist before: two runs of one second get different
/// names. `wall` is the time since the Unix epoch. A command that makes several runs has one such folder for them all.
///
/// # Errors
/// It cannot be written; the text says where and what to do.
pub fn new_folder(results: &Path, wall: Duration, name: &str) -> Result<PathBuf, RecorderError> {
    fs::create_dir_all(results).map_err(|source| RecorderError::write(results, source))?;
    let name = format!("{}-{}", for_file_name(wall), file_name(name));
    let mut path = results.join(&name);
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
    name.chars().take(80).map(|letter| if allowed(letter) { letter } else { '-' }).collect()
}

/// Writes a file that is there whole or not at all.
///
/// # Errors
/// It cannot be written; the text says where and what to do.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecorderError> {
    replace_with(path, bytes, Disk::Now)
}

/// When a file has to be on the disk. The operating system has it in any case, whatever becomes of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Now,
    Later,
}

fn replace_with(path: &Path, bytes: &[u8], disk: Disk) -> Result<(), RecorderError> {
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        if disk == Disk::Now {
            file.sync_all()?;
        }
        fs::rename(&unfinished, path)
    };
    write().map_err(|source| RecorderError::write(path, source))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_toml_cannot_say_is_left_out_or_said_as_text() {
        let stored = json!({
            "seed": u64::MAX, "least": i64::MIN, "real": 0.5, "none": null, "table": {"a": [1, null, {"b": true}], "c": null},
            "after": "a table",
        });
        let text = toml::to_string(&toml_value(stored)).unwrap();
        let back: toml::Value = toml::from_str(&text).unwrap();
        let expected = json!({
            "seed": u64::MAX.to_string(), "least": i64::MIN, "real": 0.5, "table": {"a": [1, {"b": true}]}, "after": "a table",
        });
        assert_eq!(serde_json::to_value(back).unwrap(), expected);
    }
}
