//! JSON files of ours.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use plimsoll_core::certificate::CERTIFICATE_SCHEMA;
use plimsoll_core::cold_start::COLD_START_SCHEMA;
use plimsoll_core::drift::SOAK_SCHEMA;
use serde::de::DeserializeOwned;

use crate::exit::{UsageError, refuse};

/// Reads a JSON file whatever it says.
///
/// # Errors
/// It is not there, or not whole.
pub(crate) fn read_json(file: &Path) -> Result<serde_json::Value, UsageError> {
    read(file, "check its path")
}

fn read(file: &Path, todo: &str) -> Result<serde_json::Value, UsageError> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => UsageError(format!("there is no file `{shown}`: {todo}")),
        _ => UsageError(format!("cannot read `{shown}` ({error}): {todo}")),
    })?;
    serde_json::from_str(&text).map_err(|error| match error.is_eof() {
        true => UsageError(format!("`{shown}` is cut short (line {}): {todo}", error.line())),
        false => UsageError(format!("`{shown}` is not JSON ({error}): {todo}")),
    })
}

/// Where a file of this schema comes from.
fn todo(schema: &str) -> &'static str {
    match schema {
        CERTIFICATE_SCHEMA => {
            "give certificate.json, or the folder that it lies in; `plimsoll capacity` measures one"
        }
        COLD_START_SCHEMA => {
            "give coldstart.json, or the folder that it lies in; `plimsoll coldstart` measures one"
        }
        SOAK_SCHEMA => "give soak.json, or the folder that it lies in; `plimsoll soak` measures one",
        _ => "check its path",
    }
}

/// Reads a JSON file whose `schema` is this one.
///
/// # Errors
/// It is not there, not whole, or of another version.
pub(crate) fn read_versioned<T: DeserializeOwned>(file: &Path, schema: &str) -> Result<T, UsageError> {
    let value = read(file, todo(schema))?;
    let found = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or("no schema");
    if found != schema {
        let kind = |schema: &str| schema.rsplit_once('/').map(|(kind, _)| kind.to_owned());
        let todo = match kind(found) == kind(schema) {
            true => "use the version of plimsoll that wrote it, or measure again",
            false => todo(schema),
        };
        refuse!("`{}` is of {found}, and this version reads {schema}: {todo}", file.display());
    }
    serde_json::from_value(value).map_err(|error| {
        UsageError(format!("`{}` was changed or is not whole ({error}): {}", file.display(), todo(schema)))
    })
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
        assert_eq!(read(), "there is no file `FOLDER/x.json`: check its path");
        for (text, says) in [
            ("{", "`FOLDER/x.json` is cut short (line 1): "),
            ("x = 1", "`FOLDER/x.json` is not JSON (expected value at line 1 column 1): "),
            ("{}", "`FOLDER/x.json` is of no schema, and this version reads plimsoll.x/1: check"),
            (
                "{\"schema\": \"plimsoll.x/2\"}",
                "`FOLDER/x.json` is of plimsoll.x/2, and this version reads \
              plimsoll.x/1: use the version",
            ),
        ] {
            fs::write(&file, text).unwrap();
            assert!(read().starts_with(says), "{}", read());
        }
        fs::write(&file, "{\"schema\": \"plimsoll.x/1\"}").unwrap();
        assert!(read_versioned::<serde_json::Value>(&file, "plimsoll.x/1").is_ok());
    }
}
