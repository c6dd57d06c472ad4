//! OpenAI's embeddings, as vLLM, llama.cpp, TEI and others serve them.

use plimsoll_core::spec::RunSpec;

use super::json_scan::Value;
use super::listing::{Entries, Listing};
use super::template::{Field, Part};
use super::templated::Templated;

/// `POST /v1/embeddings`. A list of texts comes from the workload, as a member of its own.
pub(super) fn embeddings(spec: &RunSpec) -> Templated<Listing<Embeddings>> {
    let mut fields = vec![Field::parts("input", vec![Part::Prompt])];
    fields.extend(spec.api.family.dimensions.map(|length| Field::fixed("dimensions", length)));
    let expected = spec.api.family.inputs;
    Templated::new("/v1/embeddings", fields, spec, move || Listing(Embeddings { expected }))
}

/// As many embeddings as there were texts.
pub(super) struct Embeddings {
    expected: u32,
}

impl Entries for Embeddings {
    fn list<'a>(&self, document: Value<'a>) -> Result<Value<'a>, &'static str> {
        let list = document.get("data").filter(|data| data.is_array());
        list.ok_or("a response without a list of embeddings in `data`")
    }

    fn check(&self, entry: Value<'_>) -> Result<(), &'static str> {
        match entry.get("embedding").is_some_and(is_embedding) {
            true => Ok(()),
            false => Err("an entry of `data` without an embedding"),
        }
    }

    fn check_count(&self, found: u32) -> Result<(), String> {
        match found == self.expected {
            true => Ok(()),
            false => Err(format!("{found} embeddings of {} texts", self.expected)),
        }
    }
}

/// A list that begins with a number, or text in base64.
fn is_embedding(value: Value<'_>) -> bool {
    match value.string() {
        Some(text) => !text.is_empty(),
        None => value.items().next().is_some_and(|first| first.number().is_some()),
    }
}
