//! The native API of Hugging Face text-generation-inference.

use plimsoll_core::record::{Delta, DeltaKind, TokenSource};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use serde_json::json;

use super::body_reader::{BodyReader, End, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::server_times;
use super::template::{Field, Part, Template};
use super::{Decoder, Fields, Malformed, Outgoing, Protocol, Reply, Route};

/// `POST /generate` or `/generate_stream`.
pub(super) struct Tgi {
    route: Route,
    template: Template,
    keep_text: bool,
}

impl Tgi {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let api = &spec.api;
        let mut rest = format!(",\"temperature\":{}", json!(api.temperature));
        if let Some(k) = api.top_k {
            rest += &format!(",\"top_k\":{k}");
        }
        if let Some(count) = api.logprobs {
            rest += &format!(",\"top_n_tokens\":{count}");
        }
        rest += ",\"details\":true}"; // the number of tokens generated
        let parameters = vec![Part::text("{\"max_new_tokens\":"), Part::MaxTokens, Part::text(rest)];
        let fields = vec![Field::parts("inputs", vec![Part::Prompt]), Field::parts("parameters", parameters)];
        let path = if api.stream { "/generate_stream" } else { "/generate" };
        Tgi {
            route: Route::json(spec.target.endpoint.as_deref().unwrap_or(path), api.stream),
            template: Template::new(fields, api),
            keep_text: api.keep_text,
        }
    }
}

impl Protocol for Tgi {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        self.template.encode(request).into()
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(BodyReader::new(Generation { keep_text: self.keep_text, tokens: 0 }))
    }
}

/// Reads events and documents. There is no `[DONE]`: the last event has the whole text.
struct Generation {
    keep_text: bool,
    /// Events with a token so far, one token each.
    tokens: u32,
}

impl Meaning for Generation {
    const FIELDS: fn(&Fields<'_>, &mut Reply) = server_times::tgi_headers;

    fn event(&mut self, json: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if let Some(error) = json.get("error").and_then(said_by) {
            reply.error = Some(error);
            return Ok(());
        }
        let Some(token) = json.get("token") else {
            return Ok(());
        };
        self.tokens += 1;
        reply.deltas.push(Delta { at, tokens: 1, kind: DeltaKind::Text });
        let special = token.get("special").is_some_and(|special| special.text() == "true");
        if let Some(text) =
            token.get("text").and_then(Value::string).filter(|text| !special && !text.is_empty())
        {
            reply.has_content = true;
            reply.take_text(text, self.keep_text);
        }
        details(json.get("details"), reply);
        reply.complete |= json.get("generated_text").is_some();
        Ok(())
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        let json = json.items().next().unwrap_or(json); // a list of one, where several inputs are possible
        reply.error = json.get("error").and_then(said_by);
        match json.get("generated_text").and_then(Value::string) {
            Some(text) => {
                reply.has_content = !text.is_empty();
                reply.take_text(text, self.keep_text);
            }
            None if reply.error.is_some() => {}
            None => {
                return Err(malformed("a response without `generated_text`", json.text().as_bytes()));
            }
        }
        details(json.get("details"), reply);
        Ok(())
    }

    fn ended(&mut self, of: End, reply: &mut Reply) {
        reply.complete |= of == End::Marked;
        if reply.usage.output_tokens.is_none() && self.tokens > 0 {
            reply.usage.output_tokens = Some(self.tokens);
            reply.usage.source = TokenSource::Server;
        }
    }
}

fn details(details: Option<Value<'_>>, reply: &mut Reply) {
    let Some(details) = details else { return };
    let counts = &mut reply.usage;
    if let Some(generated) = details.get("generated_tokens").and_then(Value::count) {
        counts.output_tokens = Some(generated);
        counts.source = TokenSource::Server;
    }
    counts.input_tokens = details.get("input_length").and_then(Value::count).or(counts.input_tokens);
    let reason = details.get("finish_reason").and_then(Value::string);
    reply.finish_reason = reason.map(|reason| reason.unescape().into_owned()).or(reply.finish_reason.take());
}
