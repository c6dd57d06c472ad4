//! What TorchServe's management says of its models. Read against TorchServe 0.12.

use plimsoll_core::spec::tensors::TensorSpec;

use super::Malformed;
use super::body_reader::malformed;
use super::json_scan::Value;
use super::v2_metadata;

/// Reads `GET /models` of the management port: `{"models":[{"modelName":"…","modelUrl":"….mar"}]}`.
///
/// # Errors
/// The body is something else.
pub fn parse_models(body: &[u8]) -> Result<Vec<String>, Malformed> {
    let list = Value::parse(body).ok().and_then(|json| json.get("models")).filter(|list| list.is_array());
    let list = list.ok_or_else(|| malformed("a response without a list of models", body))?;
    let name = |entry: Value<'_>| Some(entry.get("modelName")?.string()?.unescape().into_owned());
    Ok(list.items().filter_map(name).collect())
}

/// Reads `GET /models/MODEL?customized=true` of the management port: what the model takes, if its handler describes
/// itself (`describe_handle`) as models of the Open Inference Protocol do, with one entry in `inputs`.
pub fn parse_input(body: &[u8]) -> Option<TensorSpec> {
    let version = Value::parse(body).ok()?.items().next()?;
    let mut inputs = version.get("customizedMetadata")?.get("inputs")?.items();
    let (first, more) = (v2_metadata::parse_input(inputs.next()?)?, inputs.next());
    more.is_none().then(|| TensorSpec { name: String::new(), ..first })
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::tensors::DataType;

    use super::*;

    #[test]
    fn lists_of_models_are_read_or_refused() {
        let list = br#"{ "models": [ { "modelName": "mlp", "modelUrl": "mlp.mar" }, { "modelUrl": "x" } ] }"#;
        assert_eq!(parse_models(list), Ok(vec!["mlp".to_owned()]));
        for bad in ["", "{}", r#"{"models":{}}"#, r#"{"code":405}"#] {
            assert!(parse_models(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_handler_that_describes_itself_tells_its_input() {
        let described =
            |inputs: &str| format!(r#"[{{"modelName":"mlp","customizedMetadata":{{"inputs":[{inputs}]}}}}]"#);
        let one = r#"{"name":"data","datatype":"FP32","shape":[16]}"#;
        let expected = TensorSpec { name: String::new(), datatype: DataType::Fp32, shape: vec![16] };
        assert_eq!(parse_input(described(one).as_bytes()), Some(expected));
        for silent in [
            described(""),
            described(&format!("{one},{one}")),
            described("7"),
            r#"[{"modelName":"mlp"}]"#.to_owned(),
        ] {
            assert_eq!(parse_input(silent.as_bytes()), None, "{silent}");
        }
    }
}
