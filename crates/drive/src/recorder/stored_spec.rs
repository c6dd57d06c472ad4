//! What a stored run was, as far as it is needed to make sense of its records: read back from `spec.toml`.

use std::io;
use std::path::{Path, PathBuf};

use plimsoll_core::load::LoadModel;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::SPEC_FORMAT;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// A part of a stored run's `spec.toml`. What is not named here is not looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredSpec {
    /// Version of the stored form.
    pub format: u32,
    /// Name of the run.
    pub name: String,
    /// The seed of every random choice.
    #[serde(deserialize_with = "seed")]
    pub seed: Seed,
    /// I/O threads.
    pub threads: u16,
    /// Where requests went.
    pub target: StoredTarget,
    /// How they were asked.
    pub api: StoredApi,
    /// When they started. The instants of a replayed trace are not stored.
    pub load: LoadModel,
}

/// Where the requests of a stored run went.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredTarget {
    /// Scheme, host, port and base path.
    pub url: String,
    /// The server's flavour.
    pub provider: String,
    /// The model asked for.
    pub model: String,
}

/// How the requests of a stored run were asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredApi {
    /// What was asked: `chat`, `completions`, …
    pub interface: String,
}

/// Why a folder is no stored run.
#[derive(Debug, Error)]
pub enum StoredSpecError {
    /// There is no `spec.toml` that can be read.
    #[error("`{}` is no results folder of a run: cannot read its spec.toml: {reason}; give a folder such as runs/2026-11-22T06-14-33Z-run", folder.display())]
    Read {
        /// The folder.
        folder: PathBuf,
        /// What the system said. Part of the text, so no source to be printed after it.
        reason: io::Error,
    },
    /// It says something else than a run.
    #[error("`{}` is no run of this program: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is of a later version.
    #[error("`{}` has format {format}, and this version reads up to {SPEC_FORMAT}: use the version that wrote it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

impl StoredSpec {
    /// Reads the `spec.toml` of the results folder `folder`.
    ///
    /// # Errors
    /// The folder is not that of a run, or of a later version.
    pub fn read(folder: &Path) -> Result<Self, StoredSpecError> {
        let path = folder.join("spec.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(|reason| StoredSpecError::Read { folder: folder.to_owned(), reason })?;
        let spec: StoredSpec = toml::from_str(&text).map_err(|error| StoredSpecError::Parse {
            path: path.clone(),
            reason: error.message().to_owned(),
        })?;
        match spec.format {
            format if format > SPEC_FORMAT => Err(StoredSpecError::Format { path, format }),
            _ => Ok(spec),
        }
    }
}

/// TOML has no whole numbers above 2^63: a larger seed is stored as text.
fn seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seed, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::Integer(value) => u64::try_from(value).ok(),
        toml::Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .map(Seed)
    .ok_or_else(|| serde::de::Error::custom("its seed is not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "format = 1\nname = 'run'\nseed = '18446744073709551615'\nthreads = 1\n[target]\nurl = 'http://h'\n\
        provider = 'vllm'\nmodel = 'm'\n[api]\ninterface = 'chat'\n[load.closed]\nusers = 4\nthink = 'zero'\n[load.closed.shape.steady]\n";

    fn read(text: &str) -> Result<StoredSpec, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("spec.toml"), text).unwrap();
        let place = folder.path().display().to_string();
        StoredSpec::read(folder.path()).map_err(|error| error.to_string().replace(&place, "RUN"))
    }

    #[test]
    fn what_is_needed_is_read_and_the_rest_is_not_looked_at() {
        let spec = read(SPEC).unwrap();
        assert_eq!((spec.seed, spec.target.model.as_str()), (Seed(u64::MAX), "m"));
        assert!(matches!(spec.load, LoadModel::Closed(closed) if closed.users.get() == 4));
        assert_eq!(read(&SPEC.replace("'18446744073709551615'", "7")).unwrap().seed, Seed(7));
    }

    #[test]
    fn what_is_no_run_is_refused() {
        let refused = [
            (SPEC.replace("format = 1", "format = 2"), "`RUN/spec.toml` has format 2"),
            (SPEC.replace("seed = '1", "seed = '-1"), "its seed is not a whole number"),
            ("users = 4".to_owned(), "`RUN/spec.toml` is no run of this program: missing field"),
        ];
        for (text, says) in refused {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let error = StoredSpec::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.starts_with("`/nowhere` is no results folder of a run"), "{error}");
    }
}
