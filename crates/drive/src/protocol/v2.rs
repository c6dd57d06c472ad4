//! `infer` of the Open Inference Protocol (V2), which Triton, KServe and MLServer speak: tensors in, tensors out.
//!
//! An answer is JSON, or JSON followed by the values of tensors as bytes, in the order of the outputs; then the field
//! `Inference-Header-Content-Length` says where the JSON ends.

use std::sync::Arc;

use plimsoll_core::spec::RunSpec;
use plimsoll_core::spec::tensors::{DataType, Framing, elements};
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;

use super::body_reader::malformed;
use super::excerpt::said_by;
use super::json_scan::{Json, NotJson, Value};
use super::payload::{model_version, outgoing, payloads};
use super::{Decoder, Fields, Malformed, Outgoing, Protocol, Reply, Route};

/// The largest JSON accepted, in bytes.
const MAX_JSON: usize = 256 << 20;

/// `POST /v2/models/MODEL[/versions/VERSION]/infer`.
pub(super) struct V2 {
    route: Route,
    /// Outputs that the answer must have.
    outputs: Arc<[String]>,
    keep_text: bool,
}

impl V2 {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let version = model_version(spec).map(|version| format!("/versions/{version}")).unwrap_or_default();
        let path = || format!("/v2/models/{}{version}/infer", spec.target.model);
        let outputs = match payloads(spec).map(|payloads| &payloads.framing) {
            Some(Framing::Tensors { outputs, .. }) => outputs.as_slice().into(),
            _ => Arc::default(),
        };
        V2 {
            // Each payload says its own content type.
            route: Route {
                content_type: None,
                ..Route::json(spec.target.endpoint.clone().unwrap_or_else(path), false)
            },
            outputs,
            keep_text: spec.api.keep_text,
        }
    }
}

impl Protocol for V2 {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        outgoing(request)
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(Answer {
            outputs: self.outputs.clone(),
            keep_text: self.keep_text,
            json: Vec::new(),
            json_length: None,
            bytes: 0,
        })
    }
}

/// Reads one answer: keeps its JSON, and counts the bytes behind that.
struct Answer {
    outputs: Arc<[String]>,
    keep_text: bool,
    json: Vec<u8>,
    /// Where the JSON ends; without it all of the body is JSON.
    json_length: Option<usize>,
    /// Bytes after the JSON.
    bytes: u64,
}

impl Decoder for Answer {
    fn fields(&mut self, fields: &Fields<'_>, _reply: &mut Reply) -> bool {
        if fields.status.is_some() {
            let length = fields.get("inference-header-content-length");
            self.json_length = length.and_then(|length| length.parse().ok());
        }
        fields.status == Some(200)
    }

    fn feed(&mut self, bytes: &[u8], _at: Offset, _reply: &mut Reply) -> Result<(), Malformed> {
        let room = self.json_length.map_or(bytes.len(), |length| length.saturating_sub(self.json.len()));
        let (json, values) = bytes.split_at(room.min(bytes.len()));
        if self.json.len() + json.len() > MAX_JSON {
            return Err(malformed("an answer that is too large", &self.json));
        }
        self.json.extend_from_slice(json);
        self.bytes += values.len() as u64;
        Ok(())
    }

    fn finish(&mut self, _at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if self.json.is_empty() || self.json_length.is_some_and(|length| self.json.len() < length) {
            reply.unreadable_end = !self.json.is_empty();
            return Ok(());
        }
        let json = match Json::parse(&self.json) {
            Ok(json) => json,
            Err(NotJson::CutShort) => {
                reply.unreadable_end = true;
                return Ok(());
            }
            Err(error @ NotJson::Syntax) => return Err(malformed(&error.to_string(), &self.json)),
        };
        let json = json.value();
        if let Some(error) = json.get("error").and_then(said_by) {
            reply.error = Some(error);
            reply.complete = true;
            return Ok(());
        }
        self.check(json)?;
        reply.has_content = true;
        reply.complete = true;
        if self.keep_text {
            reply.take_str(json.text(), true);
        }
        Ok(())
    }
}

impl Answer {
    /// Whether the outputs are what they say: as many values as their shapes have, and all that were asked for.
    fn check(&self, json: Value<'_>) -> Result<(), Malformed> {
        let outputs = json.get("outputs").filter(|outputs| outputs.is_array());
        let outputs = outputs.ok_or_else(|| malformed("an answer without `outputs`", &self.json))?;
        let mut bytes = 0_u64;
        for output in outputs.items() {
            let binary = check_output(output).map_err(|what| malformed(what, output.text().as_bytes()))?;
            bytes = bytes.saturating_add(binary);
        }
        if bytes != self.bytes {
            let what =
                format!("an answer with {} bytes of tensors where its outputs have {bytes}", self.bytes);
            return Err(malformed(&what, &self.json));
        }
        let has = |name: &String| {
            outputs.items().any(|output| {
                output
                    .get("name")
                    .and_then(Value::string)
                    .is_some_and(|text| text.unescape() == name.as_str())
            })
        };
        match self.outputs.iter().find(|name| !has(name)) {
            Some(missing) => Err(malformed(&format!("an answer without the output {missing}"), &self.json)),
            None => Ok(()),
        }
    }
}

/// Checks one output; returns its bytes behind the JSON.
fn check_output(output: Value<'_>) -> Result<u64, &'static str> {
    let datatype = output.get("datatype").and_then(Value::string);
    let datatype = datatype.and_then(|name| DataType::from_name(&name.unescape()));
    let datatype = datatype.ok_or("an output without a datatype of the protocol")?;
    let shape = output.get("shape").filter(|shape| shape.is_array()).ok_or("an output without a shape")?;
    let shape: Option<Vec<i64>> = shape.items().map(|dim| dim.text().parse().ok()).collect();
    let count = shape.and_then(|shape| elements(&shape)).ok_or("an output whose shape is none")?;
    let parameters = output.get("parameters");
    if let Some(size) = parameters.and_then(|parameters| parameters.get("binary_data_size")) {
        let size: u64 = size.text().parse().map_err(|_| "an output whose binary_data_size is none")?;
        // A string takes four bytes at least, for its length.
        let fits = match datatype.size() {
            Some(each) => count.checked_mul(each as u64) == Some(size),
            None => count.checked_mul(4).is_some_and(|least| size >= least),
        };
        return if fits { Ok(size) } else { Err("an output whose binary_data_size does not fit its shape") };
    }
    let data = output.get("data").ok_or("an output without data")?;
    if leaves(data) == count { Ok(0) } else { Err("an output with more or fewer values than its shape") }
}

/// Values in lists within lists.
fn leaves(value: Value<'_>) -> u64 {
    if value.is_array() { value.items().map(leaves).sum() } else { 1 }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::Outcome;

    use super::super::{Ended, judge};
    use super::*;

    /// The outcome of a body that comes in pieces of `step` bytes, and what went wrong.
    fn outcome(header: Option<usize>, body: &[u8], outputs: &[&str], step: usize) -> (Outcome, String) {
        let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
        let mut answer = Answer { outputs, keep_text: false, json: Vec::new(), json_length: None, bytes: 0 };
        let mut reply = Reply::default();
        let length = header.map(|length| length.to_string());
        let list: Vec<httparse::Header<'_>> = length
            .iter()
            .map(|length| httparse::Header {
                name: "Inference-Header-Content-Length",
                value: length.as_bytes(),
            })
            .collect();
        assert!(answer.fields(&Fields { status: Some(200), list: &list }, &mut reply));
        for piece in body.chunks(step) {
            answer.feed(piece, Offset::ZERO, &mut reply).unwrap();
        }
        let ended = answer.finish(Offset::ZERO, &mut reply).map_or_else(Ended::Malformed, |()| Ended::Whole);
        let (outcome, error) = judge(&reply, ended);
        (outcome, error.unwrap_or_default())
    }

    /// As Triton 2.51 answers.
    const JSON: &str = r#"{"model_name":"batched","model_version":"1","outputs":[{"name":"OUTPUT0","datatype":"FP32","shape":[1,2],"data":[5.62,1.87]}]}"#;
    const BINARY: &str = r#"{"model_name":"batched","model_version":"1","outputs":[{"name":"OUTPUT0","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]}"#;

    #[test]
    fn answers_are_read_however_they_are_cut() {
        let binary = [BINARY.as_bytes(), &[0; 8]].concat();
        for step in [1, 7, 1000] {
            assert_eq!(outcome(None, JSON.as_bytes(), &["OUTPUT0"], step).0, Outcome::Ok);
            assert_eq!(outcome(Some(BINARY.len()), &binary, &[], step).0, Outcome::Ok);
        }
        // MLServer nests, has parameters, and may answer without outputs.
        let nested = r#"{"outputs":[{"name":"y","shape":[2,1],"datatype":"BYTES","parameters":{"content_type":"np"},"data":[["a"],["b,]"]]}]}"#;
        assert_eq!(outcome(None, nested.as_bytes(), &[], 9).0, Outcome::Ok);
        assert_eq!(outcome(None, br#"{"outputs":[]}"#, &[], 9).0, Outcome::Ok);
    }

    #[test]
    fn answers_that_are_not_what_they_say_are_refused() {
        let with = |length: Option<usize>, body: String| outcome(length, body.as_bytes(), &["OUTPUT0"], 64);
        let cut = |bytes: usize| format!("{BINARY}{}", "\0".repeat(bytes));
        for ((got, error), expected, part) in [
            (with(None, JSON.replace("[1,2]", "[1,3]")), Outcome::Invalid, "more or fewer values"),
            (with(None, JSON.replace("[1,2]", "[-1,2]")), Outcome::Invalid, "whose shape is none"),
            (with(None, JSON.replace("FP32", "FP31")), Outcome::Invalid, "a datatype"),
            (with(None, JSON.replace("OUTPUT0", "OUTPUT1")), Outcome::Invalid, "without the output OUTPUT0"),
            (with(None, JSON.replace("outputs", "out")), Outcome::Invalid, "without `outputs`"),
            (with(None, JSON[..60].to_owned()), Outcome::Truncated, "ended without"),
            (with(None, String::new()), Outcome::Empty, "without content"),
            (with(None, "<html>".to_owned()), Outcome::Invalid, "not JSON"),
            (with(None, r#"{"error":"no memory"}"#.to_owned()), Outcome::StreamError, "no memory"),
            (
                with(Some(BINARY.len()), cut(7)),
                Outcome::Invalid,
                "7 bytes of tensors where its outputs have 8",
            ),
            (with(Some(BINARY.len()), cut(9)), Outcome::Invalid, "9 bytes"),
            (with(Some(BINARY.len() + 90), cut(8)), Outcome::Truncated, "ended without"),
            (
                with(Some(BINARY.len()), cut(8).replace("_size\":8", "_size\":9")),
                Outcome::Invalid,
                "does not fit",
            ),
            (
                with(Some(BINARY.len() + 18), cut(8).replace("[1,2]", "[9223372036854775807,9]")),
                Outcome::Invalid,
                "shape is none",
            ),
        ] {
            assert_eq!(got, expected, "{error}");
            assert!(error.contains(part), "{error}");
        }
    }
}
