//! Triton: `infer` with tensors of text, and `generate`, with the tensors of TensorRT-LLM's example ensemble.

use std::sync::Arc;

use plimsoll_core::record::{Delta, DeltaKind};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::{Prompt, RequestSpec};
use serde_json::json;

use super::body_reader::{BodyReader, End, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::{Text, Value};
use super::template::{Field, Part, Template};
use super::{Decoder, Malformed, Outgoing, Protocol, Reply, Route};

/// `POST /v2/models/MODEL/infer`, `generate` or `generate_stream`.
pub(super) struct Triton {
    route: Route,
    template: Template,
    keep_text: bool,
}

impl Triton {
    /// `infer`: one answer, not streamed.
    pub(super) fn infer(spec: &RunSpec) -> Self {
        let tensor = |name: &str, datatype: &str| {
            format!("{{\"name\":\"{name}\",\"datatype\":\"{datatype}\",\"shape\":[1,1],\"data\":[[")
        };
        let end = "]]}";
        let empty = |name| format!("{}\"\"{end}", tensor(name, "BYTES"));
        let inputs = vec![
            Part::text(format!("[{}", tensor("text_input", "BYTES"))),
            Part::Prompt,
            Part::text(format!("{end},{}", tensor("max_tokens", "UINT32"))),
            Part::MaxTokens,
            Part::text(format!(
                "{end},{},{},{}{}{end}]",
                empty("bad_words"),
                empty("stop_words"),
                tensor("temperature", "FP32"),
                json!(spec.api.temperature),
            )),
        ];
        Triton::new("infer", vec![Field::parts("inputs", inputs)], spec)
    }

    /// `generate` or `generate_stream`.
    pub(super) fn generate(spec: &RunSpec) -> Self {
        let fields = vec![
            Field::parts("text_input", vec![Part::Prompt]),
            Field::parts("max_tokens", vec![Part::MaxTokens]),
            Field::fixed("stream", spec.api.stream),
            Field::fixed("temperature", spec.api.temperature),
            Field::fixed("bad_words", ""),
            Field::fixed("stop_words", ""),
        ];
        Triton::new(if spec.api.stream { "generate_stream" } else { "generate" }, fields, spec)
    }

    fn new(action: &str, fields: Vec<Field>, spec: &RunSpec) -> Self {
        let path = || format!("/v2/models/{}/{action}", spec.target.model);
        Triton {
            route: Route::json(spec.target.endpoint.clone().unwrap_or_else(path), spec.api.stream),
            template: Template::new(fields, &spec.api),
            keep_text: spec.api.keep_text,
        }
    }
}

impl Protocol for Triton {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        self.template.encode(request).into()
    }

    fn decoder(&self, request: &RequestSpec) -> Box<dyn Decoder> {
        let prompt = match &request.prompt {
            Prompt::Text(prompt) => Some(prompt.clone()),
            Prompt::Members(_) | Prompt::Payload(_) => None,
        };
        Box::new(BodyReader::new(Output { prompt, keep_text: self.keep_text }))
    }
}

/// Reads events and documents. There is no `[DONE]` and no count of tokens.
struct Output {
    prompt: Option<Arc<str>>,
    keep_text: bool,
}

impl Meaning for Output {
    fn event(&mut self, json: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        // The first answer decides the status, so a later error arrives under HTTP 200.
        if let Some(error) = json.get("error").and_then(said_by) {
            reply.error = Some(error);
        } else if let Some(text) = output_text(json).filter(|text| !text.is_empty()) {
            reply.has_content = true;
            reply.take_text(text, self.keep_text);
            reply.deltas.push(Delta { at, tokens: 0, kind: DeltaKind::Text });
        }
        Ok(())
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        reply.error = json.get("error").and_then(said_by);
        match output_text(json) {
            Some(text) => {
                let text = text.unescape();
                let generated = without_echo(&text, self.prompt.as_deref().unwrap_or(""));
                reply.has_content = !generated.is_empty();
                reply.take_str(generated, self.keep_text);
                Ok(())
            }
            None if reply.error.is_some() => Ok(()),
            None => Err(malformed("a response without `text_output`", json.text().as_bytes())),
        }
    }

    fn ended(&mut self, of: End, reply: &mut Reply) {
        // The end of the body is the end of the answer.
        reply.complete |= of == End::Marked || reply.events > 0;
    }
}

/// `text_output`, a member of `generate` and a tensor of `infer`. The text may stand in nested lists, a tensor's shape.
fn output_text(json: Value<'_>) -> Option<Text<'_>> {
    let is_output = |tensor: &Value<'_>| {
        tensor.get("name").and_then(Value::string).is_some_and(|name| name == *"text_output")
    };
    let tensor = || json.get("outputs")?.items().find(is_output)?.get("data");
    let mut value = json.get("text_output").or_else(tensor)?;
    while let Some(first) = value.items().next() {
        value = first;
    }
    value.string()
}

/// The text after the prompt, which models repeat with their begin mark in front.
fn without_echo<'a>(text: &'a str, prompt: &str) -> &'a str {
    let unmarked = text.strip_prefix("<s>").map_or(text, str::trim_start);
    match unmarked.strip_prefix(prompt) {
        Some(generated) => generated.strip_prefix(' ').unwrap_or(generated),
        None => text,
    }
}
