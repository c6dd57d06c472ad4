//! Versions of Kubernetes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A version of Kubernetes: 1.33.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A text that is no version of Kubernetes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no version of Kubernetes: write it as 1.33")]
pub struct NoVersion(String);

/// Accepts `1.33`, `v1.33`, `1.33.4`, `v1.33.4-gke.100`.
impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let wrong = || NoVersion(text.to_owned());
        let mut parts = text.trim().trim_start_matches('v').split(['.', '-', '+']);
        let mut part = || parts.next().and_then(|part| part.parse::<u32>().ok()).ok_or_else(wrong);
        match (part()?, part()?) {
            (1, minor) => Ok(Version(1, minor)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_clusters_print_them() {
        for text in ["1.33", "v1.33", "1.33.4", "v1.33.4-gke.100", "1.33+"] {
            assert_eq!(text.parse(), Ok(Version(1, 33)), "{text}");
        }
        for text in ["", "33", "latest", "2.0", "1.x"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        assert!(Version(1, 9) < Version(1, 33));
    }
}
