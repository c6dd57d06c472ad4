//! OpenAI's embeddings, as vLLM, llama.cpp, TEI and others serve them.

use plimsoll_core::record::TokenSource;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;

use super::body_reader::{Meaning, malformed, no_events};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::template::{Field, Part};
use super::templated::Templated;
use super::{Malformed, Reply};

/// `POST /v1/embeddings`. A list of texts comes from the workload, as a member of its own.
pub(super) fn embeddings(spec: &RunSpec) -> Templated<Embeddings> {
    let mut fields = vec![Field::parts("input", vec![Part::Prompt])];
    fields.extend(spec.api.family.dimensions.map(|length| Field::fixed("dimensions", length)));
    let expected = spec.api.family.inputs as usize;
    Templated::new("/v1/embeddings", fields, spec, move || Embeddings { expected })
}

/// Reads documents with as many embeddings as there were texts.
pub(super) struct Embeddings {
    expected: usize,
}

impl Meaning for Embeddings {
    fn event(&mut self, json: Value<'_>, _at: Offset, _reply: &mut Reply) -> Result<(), Malformed> {
        Err(no_events(json))
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        reply.usage.source = TokenSource::NoTokens;
        reply.error = json.get("error").and_then(said_by);
        if reply.error.is_some() {
            return Ok(());
        }
        input_tokens(json, reply);
        let refused = |what: &str| Err(malformed(what, json.text().as_bytes()));
        let Some(list) = json.get("data").filter(|data| data.is_array()) else {
            return refused("a response without a list of embeddings in `data`");
        };
        let mut found = 0;
        for entry in list.items() {
            if !entry.get("embedding").is_some_and(is_embedding) {
                return refused("an entry of `data` without an embedding");
            }
            found += 1;
        }
        if found != self.expected {
            return refused(&format!("{found} embeddings of {} texts", self.expected));
        }
        reply.has_content = true;
        Ok(())
    }

    fn ended(&mut self, _reply: &mut Reply) {}
}

/// A list that begins with a number, or text in base64.
fn is_embedding(value: Value<'_>) -> bool {
    match value.string() {
        Some(text) => !text.is_empty(),
        None => value.items().next().is_some_and(|first| first.number().is_some()),
    }
}

/// Tokens of what was asked: `usage.prompt_tokens`, or `total_tokens` where that is all there is.
pub(super) fn input_tokens(json: Value<'_>, reply: &mut Reply) {
    let Some(usage) = json.get("usage") else { return };
    let tokens = ["prompt_tokens", "input_tokens", "total_tokens"]
        .into_iter()
        .find_map(|name| usage.get(name).and_then(Value::count));
    reply.usage.input_tokens = tokens.or(reply.usage.input_tokens);
}
