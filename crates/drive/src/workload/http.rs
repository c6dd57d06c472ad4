//! What requests of the user's own making carry, read before the run: bodies, and rows of variables.

use std::path::Path;

use bytes::Bytes;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{BodySource, HttpSpec, VarsSpec};
use plimsoll_core::workload::{Content, Table};

use super::payloads::{UNTYPED, extension, files, form, type_of};
use super::{WorkloadError, images};

const JSON: &str = "application/json";

/// The bodies, used in turn.
///
/// # Errors
/// A file cannot be read, a form cannot hold it, or images cannot be made.
pub(super) fn contents(spec: &HttpSpec, seed: Seed) -> Result<Vec<Content>, WorkloadError> {
    match &spec.body {
        BodySource::None => Ok(Vec::new()),
        BodySource::Inline(text) => Ok(vec![inline(text, spec)?]),
        BodySource::Path(path) if Path::new(path).is_dir() => {
            files(Path::new(path))?.iter().map(|file| of_file(file, spec)).collect()
        }
        BodySource::Path(path) => Ok(vec![of_file(Path::new(path), spec)?]),
        BodySource::Images(bytes) => {
            let files = images::of_bytes(bytes, seed)?;
            files
                .into_iter()
                .map(|file| content("--image-bytes", Some(images::FILE_NAME), file, images::TYPE, spec))
                .collect()
        }
    }
}

fn inline(text: &str, spec: &HttpSpec) -> Result<Content, WorkloadError> {
    content("--body", None, Bytes::copy_from_slice(text.as_bytes()), type_of_text(text), spec)
}

fn of_file(path: &Path, spec: &HttpSpec) -> Result<Content, WorkloadError> {
    let bytes =
        std::fs::read(path).map_err(|reason| WorkloadError::Read { path: path.to_owned(), reason })?;
    let kind = match (type_of(path), std::str::from_utf8(&bytes)) {
        (UNTYPED, Ok(text)) => type_of_text(text),
        (known, _) => known,
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    content(&path.display().to_string(), name.as_deref(), bytes.into(), kind, spec)
}

fn content(
    origin: &str,
    file_name: Option<&str>,
    bytes: Bytes,
    guess: &str,
    spec: &HttpSpec,
) -> Result<Content, WorkloadError> {
    let kind = spec.content_type.as_deref().unwrap_or(guess);
    let form = match &spec.multipart_field {
        Some(field) => Some(form(&bytes, kind, file_name, field)?),
        None => None,
    };
    Ok(Content {
        origin: origin.to_owned(),
        bytes,
        content_type: Some(kind.to_owned()),
        form,
        checked: spec.content_type.is_none(),
    })
}

/// What a text is by its looks: JSON, `a=1&b=2`, or just text.
fn type_of_text(text: &str) -> &'static str {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '[']) && !trimmed.starts_with("{{") {
        return JSON;
    }
    let outside = text.split("{{").map(|part| part.split_once("}}").map_or(part, |(_, after)| after));
    let outside: String = outside.collect();
    if outside.contains('=') && !outside.contains(char::is_whitespace) {
        return "application/x-www-form-urlencoded";
    }
    "text/plain; charset=utf-8"
}

/// The rows of a file: JSONL by its name or its first character, else CSV.
///
/// # Errors
/// The file cannot be read, or is no table.
pub(super) fn table(spec: &VarsSpec) -> Result<Table, WorkloadError> {
    let path = Path::new(&spec.path);
    let text = std::fs::read_to_string(path)
        .map_err(|reason| WorkloadError::Read { path: path.to_owned(), reason })?;
    Ok(match extension(path) {
        "jsonl" | "ndjson" | "json" => Table::from_jsonl(&spec.path, &text)?,
        "tsv" => Table::from_csv(&spec.path, &text, b'\t')?,
        "csv" => Table::from_csv(&spec.path, &text, b',')?,
        _ if text.trim_start().starts_with('{') => Table::from_jsonl(&spec.path, &text)?,
        _ => Table::from_csv(&spec.path, &text, b',')?,
    })
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::Pick;
    use plimsoll_core::testing::own_requests;

    use super::*;

    fn spec(body: BodySource) -> HttpSpec {
        HttpSpec { body, ..own_requests() }
    }

    #[test]
    fn a_text_tells_its_type_by_its_looks() {
        for (text, expected) in [
            (r#" {"a":"{{b}}"}"#, JSON),
            ("[{{n}}]", JSON),
            ("a=1&b={{ text }}", "application/x-www-form-urlencoded"),
            ("{{text}}", "text/plain; charset=utf-8"),
            ("{{ a }} = b", "text/plain; charset=utf-8"),
            ("", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(type_of_text(text), expected, "{text}");
        }
    }

    #[test]
    fn files_and_folders_are_read_with_the_type_that_their_name_tells() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for (name, bytes) in [("b.jpg", &b"\xff\xd8"[..]), ("a.json", b"{}"), ("c.tmpl", b"{\"a\":1}")] {
            std::fs::write(at(name), bytes).unwrap();
        }
        let read = contents(&spec(BodySource::Path(at("."))), Seed(0)).unwrap();
        let kinds: Vec<&str> = read.iter().filter_map(|content| content.content_type.as_deref()).collect();
        assert_eq!(kinds, [JSON, "image/jpeg", JSON]);
        let mut one = spec(BodySource::Path(at("b.jpg")));
        one.multipart_field = Some("file".to_owned());
        one.content_type = Some("image/png".to_owned());
        let form = contents(&one, Seed(0)).unwrap().remove(0).form.unwrap();
        let head = String::from_utf8(form.head.to_vec()).unwrap();
        assert!(head.contains("name=\"file\"; filename=\"b.jpg\"\r\nContent-Type: image/png\r\n"), "{head}");
        assert!(contents(&spec(BodySource::Path(at("none"))), Seed(0)).is_err());
        assert!(contents(&spec(BodySource::None), Seed(0)).unwrap().is_empty());
    }

    #[test]
    fn tables_are_read_by_their_names_or_their_looks() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, fits) in [
            ("a.csv", "x,y\n1,2\n", true),
            ("a.tsv", "x\ty\n1\t2\n", true),
            ("a.jsonl", "{\"x\":1,\"y\":2}\n", true),
            ("a.rows", "{\"x\":1,\"y\":2}\n", true),
            ("a.txt", "x,y\n1,2\n", true),
            ("a.json", "[{\"x\":1}]", false),
            ("b.csv", "x,y\n1\n", false),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let spec = VarsSpec { path: path.display().to_string(), order: Pick::Cycle };
            assert_eq!(table(&spec).is_ok(), fits, "{name}");
        }
        let spec = VarsSpec { path: "nowhere.csv".to_owned(), order: Pick::Cycle };
        assert!(table(&spec).unwrap_err().to_string().starts_with("cannot read nowhere.csv ("));
    }
}
