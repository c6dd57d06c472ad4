//! Bodies of the user's own, as they are or as a field of a form: what TorchServe takes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::tensors::{PayloadSpec, Values};
use plimsoll_core::workload::{Body, Form, Payload};

use super::error::unusable;
use super::tensor::Tensor;
use super::{PayloadError, read, vary};
use crate::workload::images;

const JSON: &str = "application/json";

/// The type of a file whose name tells none.
pub(in crate::workload) const UNTYPED: &str = "application/octet-stream";

/// Parts the fields of a form. Its letters are not likely in any content, and content that has it is refused.
const BOUNDARY: &str = "plimsoll-6f1d2a9c0b7e4835-part";

/// Content of a request before anything is put around it.
struct Content {
    bytes: Bytes,
    content_type: String,
    file_name: Option<String>,
}

/// Makes or reads the bodies of a run: one for each line of JSONL, for each file of a folder, else one.
pub(super) fn load(
    spec: &PayloadSpec,
    content_type: Option<&str>,
    multipart_field: Option<&str>,
    seed: Seed,
) -> Result<Vec<Payload>, PayloadError> {
    let typed = |known: &str| content_type.unwrap_or(known).to_owned();
    let json = |text: String| Content { bytes: text.into(), content_type: typed(JSON), file_name: None };
    let contents = match &spec.values {
        Values::Inline(text) => {
            let place = "the JSON of --input-data";
            vec![json(checked(place, text)?)]
        }
        Values::Path(path) if Path::new(path).is_dir() => {
            files(Path::new(path))?.iter().map(|file| file_content(file, &typed)).collect::<Result<_, _>>()?
        }
        Values::Path(path) if read::extension(Path::new(path)) == "jsonl" => {
            let lines = read::lines(Path::new(path))?;
            lines
                .iter()
                .map(|(place, line)| Ok(json(checked(place, line)?)))
                .collect::<Result<_, PayloadError>>()?
        }
        Values::Path(path) => vec![file_content(Path::new(path), &typed)?],
        Values::Images(bytes) => {
            let files = images::of_bytes(bytes, seed)
                .map_err(|error| unusable("--image-bytes", error.to_string()))?;
            files.into_iter().map(|bytes| image(bytes, &typed)).collect()
        }
        Values::Random | Values::Zero => {
            let [input] = spec.inputs.as_slice() else { return Err(PayloadError::NoValues) };
            vary(&spec.values, seed, |rng| {
                let rng = (spec.values == Values::Random).then_some(rng);
                let mut text = String::new();
                let tensor = Tensor::synthesise(input, spec.string_length, rng)?;
                let written = tensor.write_nested(&input.shape, &mut text);
                written.map_err(|reason| unusable("the values made here", reason))?;
                let size = text.len();
                Ok((json(text), size))
            })?
        }
    };
    contents.into_iter().map(|content| payload(content, multipart_field)).collect()
}

fn checked(place: &str, text: &str) -> Result<String, PayloadError> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) => Err(unusable(place, format!("it is no JSON ({error})"))),
    }
}

fn file_content(path: &Path, typed: &dyn Fn(&str) -> String) -> Result<Content, PayloadError> {
    Ok(Content {
        bytes: read::bytes(path)?,
        content_type: typed(type_of(path)),
        file_name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
    })
}

fn image(bytes: Bytes, typed: &dyn Fn(&str) -> String) -> Content {
    Content { bytes, content_type: typed(images::TYPE), file_name: Some(images::FILE_NAME.to_owned()) }
}

/// The files of a folder in the order of their names.
///
/// # Errors
/// It cannot be read, or has none.
pub(in crate::workload) fn files(folder: &Path) -> Result<Vec<PathBuf>, PayloadError> {
    let unreadable = |reason| PayloadError::Read { path: folder.to_owned(), reason };
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(unreadable)?.collect();
    let paths = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    if files.is_empty() {
        return Err(unusable(folder.display().to_string(), "it has no files"));
    }
    Ok(files)
}

/// The content type that a file's name tells.
pub(in crate::workload) fn type_of(path: &Path) -> &'static str {
    match read::extension(path) {
        "json" => JSON,
        "txt" => "text/plain",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "wav" => "audio/wav",
        _ => UNTYPED,
    }
}

fn payload(content: Content, multipart_field: Option<&str>) -> Result<Payload, PayloadError> {
    let of = |content_type: String, pieces: Vec<Bytes>| Payload {
        fields: vec![(Cow::Borrowed("Content-Type"), content_type)],
        body: Body { pieces },
        ..Payload::default()
    };
    let Some(field) = multipart_field else { return Ok(of(content.content_type, vec![content.bytes])) };
    let form = form(&content.bytes, &content.content_type, content.file_name.as_deref(), field)?;
    Ok(of(form.content_type, vec![form.head, content.bytes, form.tail]))
}

/// What is put around `content` so that it is the field of a form.
///
/// # Errors
/// The content has in it what parts the fields.
pub(in crate::workload) fn form(
    content: &[u8],
    content_type: &str,
    file_name: Option<&str>,
    field: &str,
) -> Result<Form, PayloadError> {
    if memchr::memmem::find(content, BOUNDARY.as_bytes()).is_some() {
        return Err(unusable(
            "the payload",
            format!("it has `{BOUNDARY}` in it, which parts the fields of a form"),
        ));
    }
    let quoted = |text: &str| text.replace(['"', '\r', '\n'], "_");
    let file = file_name.map(|name| format!("; filename=\"{}\"", quoted(name)));
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"{}\r\nContent-Type: {content_type}\r\n\r\n",
        quoted(field),
        file.unwrap_or_default(),
    );
    Ok(Form {
        content_type: format!("multipart/form-data; boundary={BOUNDARY}"),
        head: head.into(),
        tail: format!("\r\n--{BOUNDARY}--\r\n").into(),
    })
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::tensors::{DataType, Framing, TensorSpec};

    use super::*;

    fn payloads(
        values: Values,
        content_type: Option<&str>,
        field: Option<&str>,
    ) -> Result<Vec<Payload>, PayloadError> {
        let spec = PayloadSpec {
            framing: Framing::Body { content_type: None, multipart_field: None },
            values,
            shapes: Vec::new(),
            batch_size: None,
            string_length: 1,
            model_version: None,
            inputs: vec![TensorSpec { name: String::new(), datatype: DataType::Int8, shape: vec![3] }],
        };
        load(&spec, content_type, field, Seed(0))
    }

    fn text(payload: &Payload) -> String {
        String::from_utf8(payload.body.concat()).unwrap()
    }

    #[test]
    fn bodies_are_sent_as_they_are_with_the_type_that_their_name_tells() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("b.jpg", "jpeg"), ("a.json", "[1]"), ("c", "raw")] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let path = |name: &str| Values::Path(folder.path().join(name).display().to_string());
        let all = payloads(path("."), None, None).unwrap();
        let seen: Vec<(String, &str)> =
            all.iter().map(|payload| (text(payload), payload.fields[0].1.as_str())).collect();
        let expected = [("[1]", JSON), ("jpeg", "image/jpeg"), ("raw", "application/octet-stream")];
        assert_eq!(seen, expected.map(|(body, kind)| (body.to_owned(), kind)));
        let forced = payloads(path("c"), Some("audio/flac"), None).unwrap();
        assert_eq!(forced[0].fields[0].1, "audio/flac");

        std::fs::write(folder.path().join("l.jsonl"), "[1]\n{\"a\":2}\n").unwrap();
        let lines = payloads(path("l.jsonl"), None, None).unwrap();
        assert_eq!(lines.iter().map(text).collect::<Vec<_>>(), ["[1]", "{\"a\":2}"]);
        std::fs::write(folder.path().join("l.jsonl"), "[1\n").unwrap();
        assert!(
            payloads(path("l.jsonl"), None, None).is_err() && payloads(path("none"), None, None).is_err()
        );
        assert_eq!(text(&payloads(Values::Zero, None, None).unwrap()[0]), "[0,0,0]");
    }

    #[test]
    fn a_form_has_the_payload_in_its_field() {
        let form = &payloads(Values::Inline("{\"a\":1}".to_owned()), None, Some("data")).unwrap()[0];
        assert_eq!(form.fields[0].1, format!("multipart/form-data; boundary={BOUNDARY}"));
        assert_eq!(
            text(form),
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"data\"\r\n\
                 Content-Type: application/json\r\n\r\n{{\"a\":1}}\r\n--{BOUNDARY}--\r\n"
            )
        );
        let inside = Values::Inline(format!("\"{BOUNDARY}\""));
        assert!(payloads(inside, None, Some("data")).is_err());
    }
}
