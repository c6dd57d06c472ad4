//! Requests of the Open Inference Protocol, as JSON or with the values as bytes behind it.

use std::borrow::Cow;
use std::path::Path;

use bytes::Bytes;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::tensors::{PayloadSpec, TensorEncoding, Values};
use plimsoll_core::workload::{Body, Payload};
use serde_json::{Map, Value as Json, json};

use super::error::unusable;
use super::read::{self, Request};
use super::tensor::Tensor;
use super::{PayloadError, grpc_request, vary};

/// The field that says where the JSON of a body ends and its tensors begin.
const HEADER_LENGTH: &str = "Inference-Header-Content-Length";

/// Makes or reads the requests of a run.
pub(super) fn load(
    spec: &PayloadSpec,
    encoding: TensorEncoding,
    outputs: &[String],
    seed: Seed,
) -> Result<Vec<Payload>, PayloadError> {
    let encode = |place: &str, request: &Request| {
        encode(request, encoding, outputs).map_err(|reason| unusable(place, reason))
    };
    match &spec.values {
        Values::Path(path) => {
            let requests = read::requests(Path::new(path), spec)?;
            requests.iter().map(|request| encode(path, request)).collect()
        }
        Values::Inline(text) => {
            let place = "the JSON of --input-data";
            Ok(vec![encode(place, &read::from_json(place, text, spec)?)?])
        }
        Values::Images(_) => Err(PayloadError::Images),
        Values::Random | Values::Zero => vary(&spec.values, seed, |rng| {
            let mut rng = (spec.values == Values::Random).then_some(rng);
            let tensors = spec
                .inputs
                .iter()
                .map(|input| Tensor::synthesise(input, spec.string_length, rng.as_deref_mut()))
                .collect::<Result<Vec<_>, _>>()?;
            let payload = encode("the values made here", &Request { tensors, parameters: None })?;
            let size = payload.body.len();
            Ok((payload, size))
        }),
    }
}

/// The body of a request, and the fields that describe it.
fn encode(request: &Request, encoding: TensorEncoding, outputs: &[String]) -> Result<Payload, String> {
    let items = request.tensors.first().and_then(|tensor| u64::try_from(*tensor.spec.shape.first()?).ok());
    if encoding == TensorEncoding::Protobuf {
        return Ok(Payload { body: grpc_request::body(request)?, items, ..Payload::default() });
    }
    let json = header(request, encoding, outputs)?;
    let content_type = |value: &str| (Cow::Borrowed("Content-Type"), value.to_owned());
    Ok(match encoding {
        TensorEncoding::Json => Payload {
            fields: vec![content_type("application/json")],
            body: Body { pieces: vec![Bytes::from(json)] },
            items,
            ..Payload::default()
        },
        TensorEncoding::Binary | TensorEncoding::Protobuf => {
            let length = (Cow::Borrowed(HEADER_LENGTH), json.len().to_string());
            // One piece, so that a small request is one write.
            let mut body = json.into_bytes();
            request.tensors.iter().for_each(|tensor| body.extend_from_slice(&tensor.data));
            let body = Body { pieces: vec![Bytes::from(body)] };
            let fields = vec![content_type("application/octet-stream"), length];
            Payload { fields, body, items, ..Payload::default() }
        }
    })
}

/// The JSON of a request; with all of its values if they are to be JSON.
fn header(request: &Request, encoding: TensorEncoding, outputs: &[String]) -> Result<String, String> {
    let mut text = "{\"inputs\":[".to_owned();
    for (index, tensor) in request.tensors.iter().enumerate() {
        let (spec, comma) = (&tensor.spec, if index == 0 { "" } else { "," });
        let (name, shape) = (Json::from(spec.name.as_str()), Json::from(spec.shape.clone()));
        text += &format!("{comma}{{\"name\":{name},\"shape\":{shape},\"datatype\":\"{}\",", spec.datatype);
        match encoding {
            TensorEncoding::Json => {
                text += "\"data\":";
                tensor.write_json(&mut text).map_err(|reason| format!("input {name}: {reason}"))?;
            }
            TensorEncoding::Binary | TensorEncoding::Protobuf => {
                text += &format!("\"parameters\":{{\"binary_data_size\":{}}}", tensor.data.len());
            }
        }
        text.push('}');
    }
    text.push(']');
    let binary = encoding == TensorEncoding::Binary;
    let mut parameters: Map<String, Json> =
        request.parameters.as_ref().and_then(Json::as_object).cloned().unwrap_or_default();
    if outputs.is_empty() && binary {
        parameters.insert("binary_data_output".to_owned(), true.into());
    } else if !outputs.is_empty() {
        let output = |name: &String| match binary {
            true => json!({"name": name, "parameters": {"binary_data": true}}),
            false => json!({"name": name}),
        };
        text += &format!(",\"outputs\":{}", Json::from_iter(outputs.iter().map(output)));
    }
    if !parameters.is_empty() {
        text += &format!(",\"parameters\":{}", Json::from(parameters));
    }
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use plimsoll_core::spec::tensors::{DataType, Framing, TensorSpec};

    use super::*;

    fn spec(values: Values, encoding: TensorEncoding, outputs: &[&str]) -> PayloadSpec {
        let input = |name: &str, datatype, shape: &[i64]| TensorSpec {
            name: name.to_owned(),
            datatype,
            shape: shape.to_vec(),
        };
        let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
        PayloadSpec {
            framing: Framing::Tensors { encoding, outputs },
            values,
            shapes: Vec::new(),
            batch_size: NonZeroU32::new(2),
            string_length: 3,
            model_version: None,
            inputs: vec![input("a", DataType::Int16, &[2, 2]), input("b", DataType::Bytes, &[2])],
        }
    }

    fn payloads(spec: &PayloadSpec) -> Vec<Payload> {
        let Framing::Tensors { encoding, outputs } = &spec.framing else { unreachable!() };
        load(spec, *encoding, outputs, Seed(1)).unwrap()
    }

    #[test]
    fn json_has_the_values_and_binary_has_their_sizes() {
        let json = payloads(&spec(Values::Zero, TensorEncoding::Json, &[]));
        assert_eq!(
            String::from_utf8(json[0].body.concat()).unwrap(),
            r#"{"inputs":[{"name":"a","shape":[2,2],"datatype":"INT16","data":[0,0,0,0]},"#.to_owned()
                + r#"{"name":"b","shape":[2],"datatype":"BYTES","data":["000","000"]}]}"#
        );
        let binary = &payloads(&spec(Values::Zero, TensorEncoding::Binary, &["y"]))[0];
        let header =
            r#"{"inputs":[{"name":"a","shape":[2,2],"datatype":"INT16","parameters":{"binary_data_size":8}},"#
                .to_owned()
                + r#"{"name":"b","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":14}}],"#
                + r#""outputs":[{"name":"y","parameters":{"binary_data":true}}]}"#;
        assert_eq!(binary.fields[1], (HEADER_LENGTH.into(), header.len().to_string()));
        let body = binary.body.concat();
        let (header_sent, values) = body.split_at(header.len());
        assert_eq!(String::from_utf8_lossy(header_sent), header);
        let text = [&3_u32.to_le_bytes()[..], b"000"].concat();
        assert_eq!(values, [&[0; 8][..], &text, &text].concat());
        assert_eq!((binary.items, json[0].items), (Some(2), Some(2)));
    }

    #[test]
    fn random_requests_differ_and_follow_the_seed() {
        let random = spec(Values::Random, TensorEncoding::Binary, &[]);
        let (all, again) = (payloads(&random), payloads(&random));
        assert_eq!(all, again);
        let distinct: std::collections::HashSet<Vec<u8>> =
            all.iter().map(|payload| payload.body.concat()).collect();
        assert_eq!((all.len(), distinct.len()), (32, 32));
        assert!(
            String::from_utf8_lossy(&all[0].body.concat())
                .contains(r#""parameters":{"binary_data_output":true}}"#)
        );
    }

    #[test]
    fn parameters_of_a_body_are_kept() {
        let body = r#"{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[0.5,1e-7]}],"parameters":{"p":1}}"#;
        let spec = PayloadSpec {
            batch_size: None,
            ..spec(Values::Inline(body.to_owned()), TensorEncoding::Json, &[])
        };
        assert_eq!(
            String::from_utf8(payloads(&spec)[0].body.concat()).unwrap(),
            body.replace("1e-7", "0.0000001")
        );
    }
}
