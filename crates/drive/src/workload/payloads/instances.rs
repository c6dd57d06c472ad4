//! Requests of KServe's V1: `{"instances": […]}`.

use std::borrow::Cow;
use std::path::Path;

use bytes::Bytes;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::tensors::{PayloadSpec, TensorSpec, Values};
use plimsoll_core::workload::{Body, Payload};
use serde_json::Value as Json;

use super::error::unusable;
use super::tensor::Tensor;
use super::{PayloadError, npy, read, vary};

/// Makes or reads the requests of a run.
pub(super) fn load(spec: &PayloadSpec, seed: Seed) -> Result<Vec<Payload>, PayloadError> {
    match &spec.values {
        Values::Inline(text) => Ok(vec![of_json("the JSON of --input-data", text)?]),
        Values::Path(path) => of_path(Path::new(path)),
        Values::Images(_) => Err(PayloadError::Images),
        Values::Random | Values::Zero => {
            if spec.inputs.is_empty() {
                return Err(PayloadError::NoValues);
            }
            let batch = spec.batch_size.map_or(1, std::num::NonZeroU32::get);
            vary(&spec.values, seed, |rng| {
                let mut rng = (spec.values == Values::Random).then_some(rng);
                let made =
                    (0..batch).map(|_| instance(spec, rng.as_deref_mut())).collect::<Result<Vec<_>, _>>()?;
                let payload = payload(&made.join(","), u64::from(batch));
                let size = payload.body.len();
                Ok((payload, size))
            })
        }
    }
}

/// One instance: nested lists, or an object with those of each input if inputs have names.
fn instance(
    spec: &PayloadSpec,
    mut rng: Option<&mut plimsoll_core::seed::Rng>,
) -> Result<String, PayloadError> {
    let mut values = |input: &TensorSpec| {
        let mut text = String::new();
        let tensor = Tensor::synthesise(input, spec.string_length, rng.as_deref_mut())?;
        let written = tensor.write_nested(&input.shape, &mut text);
        written.map_err(|reason| unusable("the values made here", reason))?;
        Ok(text)
    };
    match spec.inputs.as_slice() {
        [unnamed] if unnamed.name.is_empty() => values(unnamed),
        named => {
            let members: Result<Vec<String>, PayloadError> = named
                .iter()
                .map(|input| Ok(format!("{}:{}", Json::from(input.name.as_str()), values(input)?)))
                .collect();
            Ok(format!("{{{}}}", members?.join(",")))
        }
    }
}

fn of_path(path: &Path) -> Result<Vec<Payload>, PayloadError> {
    let place = path.display().to_string();
    match read::extension(path) {
        "jsonl" => read::lines(path)?.iter().map(|(place, line)| of_json(place, line)).collect(),
        "npy" => {
            let wrong = |reason: String| unusable(&place, reason);
            let tensor = npy::parse("", &read::bytes(path)?).map_err(wrong)?;
            let mut text = String::new();
            tensor.write_nested(&tensor.spec.shape, &mut text).map_err(wrong)?;
            Ok(vec![of_json(&place, &text)?])
        }
        _ => Ok(vec![of_json(&place, &read::text(path)?)?]),
    }
}

/// A whole body, or a list of instances.
fn of_json(place: &str, text: &str) -> Result<Payload, PayloadError> {
    let json: Json =
        serde_json::from_str(text).map_err(|error| unusable(place, format!("it is no JSON ({error})")))?;
    let instances = match &json {
        Json::Array(instances) => instances,
        Json::Object(body) => match body.get("instances") {
            Some(Json::Array(instances)) => instances,
            _ => return Err(unusable(place, "it has no list of `instances`")),
        },
        _ => return Err(unusable(place, "write {\"instances\": […]}, or the list alone")),
    };
    if instances.is_empty() {
        return Err(unusable(place, "its list of instances is empty"));
    }
    let items = instances.len() as u64;
    let text = text.trim();
    Ok(match text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => payload(inner, items),
        None => whole(text.to_owned(), items),
    })
}

fn payload(instances: &str, items: u64) -> Payload {
    whole(format!("{{\"instances\":[{instances}]}}"), items)
}

fn whole(body: String, items: u64) -> Payload {
    Payload {
        fields: vec![(Cow::Borrowed("Content-Type"), "application/json".to_owned())],
        body: Body { pieces: vec![Bytes::from(body)] },
        items: Some(items),
        ..Payload::default()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use plimsoll_core::spec::tensors::{DataType, Framing};

    use super::*;

    fn bodies(values: Values, inputs: &[(&str, &[i64])], batch: u32) -> Result<Vec<String>, PayloadError> {
        let input = |&(name, shape): &(&str, &[i64])| TensorSpec {
            name: name.to_owned(),
            datatype: DataType::Int32,
            shape: shape.to_vec(),
        };
        let spec = PayloadSpec {
            framing: Framing::Instances,
            values,
            shapes: Vec::new(),
            batch_size: NonZeroU32::new(batch),
            string_length: 1,
            model_version: None,
            inputs: inputs.iter().map(input).collect(),
        };
        let payloads = load(&spec, Seed(0))?;
        Ok(payloads.iter().map(|payload| String::from_utf8(payload.body.concat()).unwrap()).collect())
    }

    #[test]
    fn instances_are_made_or_taken_as_they_are() {
        let inline = |text: &str| Values::Inline(text.to_owned());
        for (values, inputs, batch, expected) in [
            (Values::Zero, &[("", &[2, 1][..])][..], 2, r#"{"instances":[[[0],[0]],[[0],[0]]]}"#),
            (Values::Zero, &[("a", &[2]), ("b", &[])], 1, r#"{"instances":[{"a":[0,0],"b":0}]}"#),
            (inline(" [[1.0, 2]] "), &[], 0, r#"{"instances":[[1.0, 2]]}"#),
            (
                inline(r#"{"signature_name":"s","instances":[1]}"#),
                &[],
                0,
                r#"{"signature_name":"s","instances":[1]}"#,
            ),
        ] {
            assert_eq!(bodies(values, inputs, batch).unwrap(), [expected]);
        }
        assert_eq!(bodies(Values::Random, &[("", &[4])], 1).unwrap().len(), 32);
    }

    #[test]
    fn what_is_no_list_of_instances_is_refused() {
        for text in ["{", "7", "{}", r#"{"instances":7}"#, "[]", r#"{"instances":[]}"#] {
            let error = bodies(Values::Inline(text.to_owned()), &[], 0).unwrap_err().to_string();
            assert!(error.starts_with("cannot use the JSON of --input-data: "), "{text}: {error}");
        }
        assert!(matches!(bodies(Values::Random, &[], 1), Err(PayloadError::NoValues)));
    }
}
