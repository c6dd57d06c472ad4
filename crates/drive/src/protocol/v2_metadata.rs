//! What servers of the Open Inference Protocol say of their models, and what their V1 siblings do.

use plimsoll_core::spec::tensors::{DataType, OPEN, TensorSpec};

use super::Malformed;
use super::body_reader::malformed;
use super::json_scan::Value;

/// Reads `GET /v2/models/MODEL`: its inputs in order, none if the server does not say.
///
/// # Errors
/// The body is no JSON object, or an input of it has no name, type or shape of the protocol.
pub fn parse_inputs(body: &[u8]) -> Result<Vec<TensorSpec>, Malformed> {
    let json = object(body, "a response that is no model's metadata")?;
    let inputs = json.get("inputs").into_iter().flat_map(Value::items);
    inputs
        .map(|input| {
            parse_input(input).ok_or_else(|| {
                malformed("an input without name, datatype and shape", input.text().as_bytes())
            })
        })
        .collect()
}

pub(super) fn parse_input(input: Value<'_>) -> Option<TensorSpec> {
    let text = |name| Some(input.get(name)?.string()?.unescape());
    let dim = |dim: Value<'_>| dim.text().parse().ok().filter(|&dim: &i64| dim >= OPEN);
    Some(TensorSpec {
        name: text("name")?.into_owned(),
        datatype: DataType::from_name(&text("datatype")?)?,
        shape: input.get("shape")?.items().map(dim).collect::<Option<_>>()?,
    })
}

/// What one instance of KServe's V1 looks like to a model that takes `inputs` under V2: without the dimension of the
/// batch, and without a name where there is but one input. Nothing if that cannot be said.
pub fn instance(inputs: &[TensorSpec]) -> Option<Vec<TensorSpec>> {
    let of_one = |input: &TensorSpec| {
        let (_, shape) = input.shape.split_first()?;
        let name = if inputs.len() == 1 { String::new() } else { input.name.clone() };
        Some(TensorSpec { name, datatype: input.datatype, shape: shape.to_vec() })
    };
    let instance: Option<Vec<TensorSpec>> = inputs.iter().map(of_one).collect();
    let is_told = |tensors: &Vec<TensorSpec>| {
        !tensors.is_empty() && tensors.iter().all(|tensor| !tensor.shape.contains(&OPEN))
    };
    instance.filter(is_told)
}

/// What Triton's configuration of a model adds to its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The most items in a request; 0 if the model takes no batches.
    pub max_batch_size: u64,
    /// Inputs that a request may leave out.
    pub optional: Vec<String>,
}

/// Reads Triton's `GET /v2/models/MODEL/config`.
///
/// # Errors
/// The body is no JSON object.
pub fn parse_config(body: &[u8]) -> Result<Config, Malformed> {
    let json = object(body, "a response that is no model's configuration")?;
    let optional = json.get("input").into_iter().flat_map(Value::items).filter_map(|input| {
        let name = input.get("name")?.string()?.unescape().into_owned();
        input.get("optional").is_some_and(|optional| optional.text() == "true").then_some(name)
    });
    let most = json.get("max_batch_size").and_then(|most| most.text().parse().ok());
    Ok(Config { max_batch_size: most.unwrap_or(0), optional: optional.collect() })
}

/// Reads a list of models: Triton's and MLServer's `POST /v2/repository/index`, `[{"name":…,"state":"READY"}]`, of which
/// those that are ready, or KServe's `GET /v2/models` and `GET /v1/models`, `{"models":["…"]}`.
///
/// # Errors
/// The body is neither.
pub fn parse_index(body: &[u8]) -> Result<Vec<String>, Malformed> {
    let refused = || malformed("a response without a list of models", body);
    let json = Value::parse(body).map_err(|_| refused())?;
    let list = json.get("models").unwrap_or(json);
    if !list.is_array() {
        return Err(refused());
    }
    let ready = |entry: &Value<'_>| match entry.get("state").and_then(Value::string) {
        Some(state) => state == *"READY",
        None => true,
    };
    let name = |entry: Value<'_>| {
        Some(entry.string().or_else(|| entry.get("name")?.string())?.unescape().into_owned())
    };
    let mut names: Vec<String> = list.items().filter(ready).filter_map(name).collect();
    names.dedup(); // one entry for each version
    Ok(names)
}

fn object<'a>(body: &'a [u8], what: &str) -> Result<Value<'a>, Malformed> {
    Value::parse(body).ok().filter(|json| json.is_object()).ok_or_else(|| malformed(what, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_triton_kserve_and_mlserver_is_read() {
        let triton = br#"{"name":"batched","versions":["1"],"platform":"python","inputs":[{"name":"INPUT0","datatype":"FP32","shape":[-1,16]}],"outputs":[{"name":"OUTPUT0","datatype":"FP32","shape":[-1,16]}]}"#;
        let expected =
            TensorSpec { name: "INPUT0".to_owned(), datatype: DataType::Fp32, shape: vec![OPEN, 16] };
        assert_eq!(parse_inputs(triton), Ok(vec![expected]));
        for silent in [
            r#"{"name":"tiny","versions":[],"platform":"","inputs":[],"outputs":[]}"#,
            r#"{"name":"x","inputs":null}"#,
        ] {
            assert_eq!(parse_inputs(silent.as_bytes()), Ok(Vec::new()));
        }
        for bad in [
            "",
            "[]",
            r#"{"inputs":[{"name":"x"}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FP9","shape":[]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[-2]}]}"#,
        ] {
            assert!(parse_inputs(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_instance_is_a_tensor_without_its_batch() {
        let tensor = |name: &str, shape: &[i64]| TensorSpec {
            name: name.to_owned(),
            datatype: DataType::Fp32,
            shape: shape.to_vec(),
        };
        let both = [tensor("a", &[OPEN, 16]), tensor("b", &[OPEN])];
        assert_eq!(instance(&both[..1]), Some(vec![tensor("", &[16])]));
        assert_eq!(instance(&both), Some(vec![tensor("a", &[16]), tensor("b", &[])]));
        assert_eq!(instance(&[tensor("a", &[OPEN, OPEN])]), None);
        assert_eq!(instance(&[tensor("a", &[])]), None);
        assert_eq!(instance(&[]), None);
    }

    #[test]
    fn tritons_configuration_tells_the_batch_and_what_is_optional() {
        let config = br#"{"name":"m","max_batch_size":16,"input":[{"name":"a","optional":false},{"name":"b","optional":true}]}"#;
        assert_eq!(parse_config(config), Ok(Config { max_batch_size: 16, optional: vec!["b".to_owned()] }));
        assert_eq!(parse_config(b"{}"), Ok(Config::default()));
        assert!(parse_config(b"no").is_err());
    }

    #[test]
    fn lists_of_models_are_read_in_each_form() {
        let triton = br#"[{"name":"b","version":"1","state":"READY"},{"name":"b","version":"2","state":"READY"},{"name":"u","state":"UNAVAILABLE","reason":"unloaded"},{"name":"w"}]"#;
        assert_eq!(parse_index(triton), Ok(vec!["b".to_owned(), "w".to_owned()]));
        assert_eq!(parse_index(br#"{"models":["tiny"]}"#), Ok(vec!["tiny".to_owned()]));
        assert_eq!(parse_index(b"[]"), Ok(Vec::new()));
        for bad in ["", "{}", r#"{"models":{}}"#, r#"{"error":"x"}"#] {
            assert!(parse_index(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
