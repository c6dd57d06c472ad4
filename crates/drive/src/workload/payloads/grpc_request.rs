//! Tensors as a message of gRPC, without what all requests of a run share: that goes before it.

use std::collections::BTreeMap;

use plimsoll_core::workload::Body;
use prost::Message as _;
use serde_json::Value as Json;

use super::read::Request;
use crate::protocol::open_inference::{ModelInferRequest, Parameter, ParameterValue, Tensor};

/// Parameters and inputs of a request.
pub(super) fn body(request: &Request) -> Result<Body, String> {
    let input = |tensor: &super::tensor::Tensor| Tensor {
        name: tensor.spec.name.clone(),
        datatype: tensor.spec.datatype.to_string(),
        shape: tensor.spec.shape.clone(),
    };
    let message = ModelInferRequest {
        parameters: parameters(request.parameters.as_ref())?,
        inputs: request.tensors.iter().map(input).collect(),
        raw_input_contents: request.tensors.iter().map(|tensor| tensor.data.clone()).collect(),
        ..ModelInferRequest::default()
    };
    Ok(Body { pieces: vec![message.encode_to_vec().into()] })
}

fn parameters(given: Option<&Json>) -> Result<BTreeMap<String, Parameter>, String> {
    let given = given.and_then(Json::as_object).into_iter().flatten();
    given
        .map(|(name, value)| {
            let value = match value {
                Json::Bool(truth) => ParameterValue::Truth(*truth),
                Json::String(text) => ParameterValue::Text(text.clone()),
                Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                    (Some(whole), _) => ParameterValue::Whole(whole),
                    (None, Some(fraction)) => ParameterValue::Fraction(fraction),
                    (None, None) => return Err(format!("parameter {name} is too large a number")),
                },
                _ => return Err(format!("parameter {name} is no number, text or truth value")),
            };
            Ok((name.clone(), Parameter { value: Some(value) }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plimsoll_core::spec::tensors::{DataType, TensorSpec};
    use serde_json::json;

    use super::super::tensor::Tensor as Values;
    use super::*;

    #[test]
    fn a_message_has_the_tensors_and_parameters_as_they_are() {
        let spec = TensorSpec { name: "x".to_owned(), datatype: DataType::Int16, shape: vec![1, 2] };
        let data = Bytes::from_static(b"\x01\0\x02\0");
        let parameters = json!({"a": true, "b": 3, "c": "d", "e": 0.5});
        let tensors = vec![Values { spec, data: data.clone() }];
        let bytes = body(&Request { tensors, parameters: Some(parameters) }).unwrap().concat();
        let message = ModelInferRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!((message.inputs[0].name.as_str(), message.inputs[0].datatype.as_str()), ("x", "INT16"));
        assert_eq!(
            (message.inputs[0].shape.as_slice(), &message.raw_input_contents[0]),
            (&[1, 2][..], &data)
        );
        let value = |name: &str| message.parameters[name].value.clone().unwrap();
        assert_eq!(value("a"), ParameterValue::Truth(true));
        assert_eq!((value("b"), value("e")), (ParameterValue::Whole(3), ParameterValue::Fraction(0.5)));
        assert_eq!(value("c"), ParameterValue::Text("d".to_owned()));
        let nested = Request { tensors: Vec::new(), parameters: Some(json!({"p": [1]})) };
        assert!(body(&nested).unwrap_err().contains("p"));
    }
}
