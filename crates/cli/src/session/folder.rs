//! The folder of a command that makes several trials: `OUT/<utc time>-<name>/`, with `trials/001`, `trials/002`, ...

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::{new_folder, write_whole};
use serde::Serialize;

/// The folder of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandFolder {
    path: PathBuf,
}

impl CommandFolder {
    /// Creates a folder within `out` (`--out`), named after the run (`--name`), with the settings of the command in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn create(out: &Path, name: &str, settings: &str) -> anyhow::Result<Self> {
        let path = new_folder(out, Clock::start().wall(Offset::ZERO), name)?;
        write_whole(&path.join("settings.toml"), settings.as_bytes())?;
        Ok(CommandFolder { path })
    }

    /// A folder that is there, to go on with.
    pub(crate) fn open(path: PathBuf) -> Self {
        CommandFolder { path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the trial with this number, counted from 1.
    pub(crate) fn trial(&self, number: usize) -> PathBuf {
        self.path.join("trials").join(format!("{number:03}"))
    }

    /// The number of the first trial that has no folder yet: one that was cut short keeps its own.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn next_trial(&self) -> anyhow::Result<usize> {
        let trials = self.path.join("trials");
        if !trials.exists() {
            return Ok(1);
        }
        let mut last = 0;
        for entry in fs::read_dir(&trials).with_context(|| format!("cannot read {}", trials.display()))? {
            let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            last = last.max(number.unwrap_or(0));
        }
        Ok(last + 1)
    }

    /// Writes a JSON file that is there whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write_json(&self, name: &str, content: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(content)?;
        text.push(b'\n');
        Ok(write_whole(&self.path.join(name), &text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_numbered_on_after_those_that_are_there() {
        let out = tempfile::tempdir().unwrap();
        let folder = CommandFolder::create(out.path(), "capacity", "# none").unwrap();
        assert_eq!(folder.next_trial().unwrap(), 1);
        fs::create_dir_all(folder.trial(1)).unwrap();
        fs::create_dir_all(folder.trial(1234)).unwrap();
        fs::create_dir_all(folder.path().join("trials").join("notes")).unwrap();
        assert_eq!(folder.next_trial().unwrap(), 1235);
        let again = CommandFolder::create(out.path(), "capacity", "# none").unwrap();
        assert_ne!(again, folder);
        again.write_json("x.json", &[1]).unwrap();
        let text = fs::read_to_string(CommandFolder::open(again.path().to_owned()).path().join("x.json"));
        assert_eq!(text.unwrap(), "[\n  1\n]\n");
    }
}
