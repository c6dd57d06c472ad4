//! Anthropic's Messages API, which vLLM and llama.cpp serve as well.

use plimsoll_core::record::{DeltaKind, TokenSource};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;

use super::body_reader::{End, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::server_times;
use super::template::{Field, Part};
use super::templated::Templated;
use super::{Malformed, Reply};

/// `POST /v1/messages`.
pub(super) fn messages(spec: &RunSpec) -> Templated<Message> {
    let api = &spec.api;
    let messages = vec![Part::text("[{\"role\":\"user\",\"content\":"), Part::Prompt, Part::text("}]")];
    let mut fields = vec![
        Field::parts("max_tokens", vec![Part::MaxTokens]),
        Field::parts("messages", messages),
        Field::fixed("stream", api.stream),
        Field::fixed("temperature", api.temperature),
    ];
    fields.extend(api.top_k.map(|k| Field::fixed("top_k", k)));
    let keep_text = api.keep_text;
    Templated::new("/v1/messages", fields, spec, move || Message { keep_text })
}

/// Reads events from `message_start` to `message_stop`, or the whole message.
pub(super) struct Message {
    keep_text: bool,
}

impl Message {
    fn delta(&self, delta: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        let kind = delta.get("type").and_then(Value::string).map(|kind| kind.unescape());
        let (member, kind) = match kind.as_deref() {
            Some("text_delta") => ("text", DeltaKind::Text),
            Some("thinking_delta") => ("thinking", DeltaKind::Reasoning),
            Some("input_json_delta") => ("partial_json", DeltaKind::ToolCall),
            // Signatures and citations are no generated tokens.
            _ => return Ok(()),
        };
        let text = delta.get(member).and_then(Value::string);
        let text = text.ok_or_else(|| malformed("a delta without a text", delta.text().as_bytes()))?;
        reply.take_delta(text, kind, at, self.keep_text);
        Ok(())
    }

    /// One block of a whole message.
    fn block(&self, block: Value<'_>, reply: &mut Reply) {
        let kind = block.get("type").and_then(Value::string).map(|kind| kind.unescape());
        let member = match kind.as_deref() {
            Some("text") => "text",
            Some("thinking") => "thinking",
            Some("tool_use") => {
                reply.has_content = true;
                return;
            }
            _ => return,
        };
        if let Some(text) = block.get(member).and_then(Value::string).filter(|text| !text.is_empty()) {
            reply.take_text(text, self.keep_text);
            reply.has_content = true;
        }
    }
}

impl Meaning for Message {
    fn event(&mut self, json: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        let kind = json.get("type").and_then(Value::string).map(|kind| kind.unescape());
        match kind.as_deref().unwrap_or_default() {
            "content_block_delta" => {
                let delta = json.get("delta");
                let delta = delta
                    .ok_or_else(|| malformed("a block's delta without `delta`", json.text().as_bytes()))?;
                self.delta(delta, at, reply)?;
            }
            "message_start" => {
                take_usage(json.get("message").and_then(|message| message.get("usage")), reply)
            }
            "message_delta" => {
                take_usage(json.get("usage"), reply);
                stop_reason(json.get("delta"), reply);
            }
            "message_stop" => {
                if let Some(timings) = json.get("timings") {
                    server_times::llama_cpp(timings, reply);
                }
                reply.complete = true;
            }
            "error" | "" => reply.error = json.get("error").and_then(said_by).or(reply.error.take()),
            _ => {}
        }
        Ok(())
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        reply.error = json.get("error").and_then(said_by);
        match json.get("content").filter(|content| content.is_array()) {
            Some(content) => content.items().for_each(|block| self.block(block, reply)),
            None if reply.error.is_some() => {}
            None => return Err(malformed("a message without `content`", json.text().as_bytes())),
        }
        take_usage(json.get("usage"), reply);
        stop_reason(Some(json), reply);
        Ok(())
    }

    fn ended(&mut self, _of: End, _reply: &mut Reply) {} // an event of its own says so
}

fn stop_reason(of: Option<Value<'_>>, reply: &mut Reply) {
    let reason = of.and_then(|of| of.get("stop_reason")).and_then(Value::string);
    reply.finish_reason = reason.map(|reason| reason.unescape().into_owned()).or(reply.finish_reason.take());
}

/// Token counts. `input_tokens` are those that no cache took part in, so the whole prompt is the sum. The count of
/// output tokens is that of the message so far.
fn take_usage(usage: Option<Value<'_>>, reply: &mut Reply) {
    let Some(usage) = usage else { return };
    let count = |name| usage.get(name).and_then(Value::count);
    let counts = &mut reply.usage;
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    if let Some(fresh) = count("input_tokens") {
        let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        counts.input_tokens = Some(fresh.saturating_add(cached));
        counts.cached_tokens = read.or(counts.cached_tokens);
    }
    if let Some(output) = count("output_tokens") {
        counts.output_tokens = Some(output);
        counts.source = TokenSource::Server;
    }
}
