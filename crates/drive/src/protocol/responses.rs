//! OpenAI's Responses API with its typed events.

use plimsoll_core::record::{DeltaKind, TokenSource};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use serde_json::json;

use super::body_reader::{End, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::server_times;
use super::template::{Field, Part};
use super::templated::Templated;
use super::{Malformed, Reply};

/// `POST /v1/responses`. Nothing is stored at the server.
pub(super) fn responses(spec: &RunSpec) -> Templated<Response> {
    let api = &spec.api;
    let mut fields = vec![
        Field::parts("input", vec![Part::Prompt]),
        Field::parts("max_output_tokens", vec![Part::MaxTokens]),
        Field::fixed("stream", api.stream),
        Field::fixed("store", false),
        Field::fixed("temperature", api.temperature),
    ];
    fields.extend(api.top_k.map(|k| Field::fixed("top_k", k)));
    fields.extend(
        api.reasoning_effort.as_deref().map(|effort| Field::fixed("reasoning", json!({"effort": effort}))),
    );
    let keep_text = api.keep_text;
    Templated::new("/v1/responses", fields, spec, move || Response { keep_text })
}

/// Reads typed events, or the whole response. Only a terminal event ends a stream: `[DONE]` alone does not.
pub(super) struct Response {
    keep_text: bool,
}

impl Response {
    /// The parts of one item of `output`.
    fn item(&self, item: Value<'_>, reply: &mut Reply) {
        let is = |name: &str| item.get("type").and_then(Value::string).is_some_and(|kind| kind == *name);
        let lists = if is("reasoning") { &["content", "summary"][..] } else { &["content"][..] };
        for part in lists.iter().filter_map(|name| item.get(name)).flat_map(Value::items) {
            let text = part.get("text").or_else(|| part.get("refusal")).and_then(Value::string);
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                reply.take_text(text, self.keep_text);
                reply.has_content = true;
            }
        }
        if is("function_call") {
            reply.has_content = true;
            if let Some(text) = item.get("arguments").and_then(Value::string) {
                reply.take_text(text, self.keep_text);
            }
        }
    }
}

impl Meaning for Response {
    fn event(&mut self, json: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        let kind = json.get("type").and_then(Value::string).map(|kind| kind.unescape());
        let kind = kind.as_deref().unwrap_or_default();
        let delta = match kind {
            "response.output_text.delta" | "response.refusal.delta" => Some(DeltaKind::Text),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                Some(DeltaKind::Reasoning)
            }
            "response.function_call_arguments.delta" => Some(DeltaKind::ToolCall),
            _ => None,
        };
        if let Some(delta) = delta {
            let text = json.get("delta").and_then(Value::string);
            let text = text.ok_or_else(|| malformed("a delta without a text", json.text().as_bytes()))?;
            reply.take_delta(text, delta, at, self.keep_text);
            return Ok(());
        }
        match kind {
            "response.completed" | "response.incomplete" | "response.failed" => {
                let response = json.get("response").unwrap_or(json);
                end(response, kind, reply);
                if let Some(timings) = json.get("timings") {
                    server_times::llama_cpp(timings, reply);
                }
                reply.complete = true;
            }
            "error" => {
                reply.error = json
                    .get("error")
                    .filter(|error| !error.is_null())
                    .and_then(said_by)
                    .or_else(|| said_by(json));
            }
            "" => reply.error = json.get("error").and_then(said_by).or(reply.error.take()),
            _ => {}
        }
        Ok(())
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        let is =
            |name: &str| json.get("status").and_then(Value::string).is_some_and(|status| status == *name);
        let kind = if is("failed") { "response.failed" } else { "response.completed" };
        end(json, kind, reply);
        let output = json.get("output").filter(|output| output.is_array());
        match output {
            Some(output) => output.items().for_each(|item| self.item(item, reply)),
            None if reply.error.is_some() => {}
            None => return Err(malformed("a response without `output`", json.text().as_bytes())),
        }
        if let Some(timings) = json.get("timings") {
            server_times::llama_cpp(timings, reply);
        }
        Ok(())
    }

    fn ended(&mut self, _of: End, _reply: &mut Reply) {} // an event of its own says so
}

/// Takes how a response ended: its usage, why it ended, its error.
fn end(response: Value<'_>, kind: &str, reply: &mut Reply) {
    let error = response.get("error").filter(|error| !error.is_null());
    reply.error = error.and_then(said_by).or(reply.error.take());
    if kind == "response.failed" && reply.error.is_none() {
        reply.error = Some("the response failed, and the server does not say why".to_owned());
    }
    let reason = response.get("incomplete_details").and_then(|details| details.get("reason"));
    let reason = reason.or_else(|| response.get("status")).and_then(Value::string);
    reply.finish_reason = reason.map(|reason| reason.unescape().into_owned());
    if let Some(usage) = response.get("usage") {
        take_usage(usage, reply);
    }
}

/// Token counts as the newer interfaces of OpenAI name them.
pub(super) fn take_usage(usage: Value<'_>, reply: &mut Reply) {
    let count = |name| usage.get(name).and_then(Value::count);
    let detail = |list: &str, name| usage.get(list)?.get(name)?.count();
    let counts = &mut reply.usage;
    counts.input_tokens = count("input_tokens").or(counts.input_tokens);
    if let Some(output) = count("output_tokens") {
        counts.output_tokens = Some(output);
        counts.source = TokenSource::Server;
    }
    counts.cached_tokens = detail("input_tokens_details", "cached_tokens").or(counts.cached_tokens);
    counts.reasoning_tokens = detail("output_tokens_details", "reasoning_tokens").or(counts.reasoning_tokens);
}
