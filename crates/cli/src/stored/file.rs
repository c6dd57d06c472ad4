//! JSON files of ours.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::exit::{UsageError, refuse};

/// Reads a JSON file whatever it says.
///
/// # Errors
/// It is not there, or not whole.
pub(crate) fn read_json(file: &Path) -> Result<serde_json::Value, UsageError> {
    let wrong =
        |error: &dyn std::fmt::Display| UsageError(format!("cannot read `{}`: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// Reads a JSON file whose `schema` is this one.
///
/// # Errors
/// It is not there, not whole, or of another version.
pub(crate) fn read_versioned<T: DeserializeOwned>(file: &Path, schema: &str) -> Result<T, UsageError> {
    let value = read_json(file)?;
    let found = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or("no schema");
    if found != schema {
        refuse!("`{}` is of {found}, and this version reads {schema}", file.display());
    }
    serde_json::from_value(value)
        .map_err(|error| UsageError(format!("cannot read `{}`: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        let read = || {
            let error = read_versioned::<serde_json::Value>(&file, "plimsoll.x/1").unwrap_err().to_string();
            error.replace(&folder.path().display().to_string(), "FOLDER")
        };
        assert!(read().starts_with("cannot read `FOLDER/x.json`: "), "{}", read());
        for (text, says) in [
            ("{", "cannot read `FOLDER/x.json`: EOF"),
            ("{}", "`FOLDER/x.json` is of no schema, and this version reads plimsoll.x/1"),
            ("{\"schema\": \"plimsoll.x/2\"}", "`FOLDER/x.json` is of plimsoll.x/2, and"),
        ] {
            fs::write(&file, text).unwrap();
            assert!(read().starts_with(says), "{}", read());
        }
        fs::write(&file, "{\"schema\": \"plimsoll.x/1\"}").unwrap();
        assert!(read_versioned::<serde_json::Value>(&file, "plimsoll.x/1").is_ok());
    }
}
