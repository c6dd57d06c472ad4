//! Documents ranked by a query, in the form that Jina, Cohere, vLLM and llama.cpp share.

use plimsoll_core::record::TokenSource;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;

use super::body_reader::{Meaning, malformed, no_events};
use super::embeddings::input_tokens;
use super::excerpt::said_by;
use super::json_scan::Value;
use super::template::Field;
use super::templated::Templated;
use super::{Malformed, Reply};

/// `POST /v1/rerank`. The documents come from the workload, as a member of their own.
pub(super) fn rerank(spec: &RunSpec) -> Templated<Ranking> {
    let asked = &spec.api.family.rerank;
    let mut fields = vec![Field::fixed("query", asked.query.as_str())];
    fields.extend(asked.top_n.map(|n| Field::fixed("top_n", n)));
    fields.extend(asked.return_documents.map(|wanted| Field::fixed("return_documents", wanted)));
    let documents = asked.documents;
    Templated::new("/v1/rerank", fields, spec, move || Ranking { documents })
}

/// Reads documents with scores.
pub(super) struct Ranking {
    documents: u32,
}

impl Meaning for Ranking {
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
        // TEI answers with the bare list, Voyage calls it `data`.
        let list = json.get("results").or_else(|| json.get("data")).unwrap_or(json);
        if !list.is_array() {
            return refused("a response without a list of scores in `results`");
        }
        let mut found = 0;
        for entry in list.items() {
            let index = entry.get("index").and_then(Value::count);
            let score = entry.get("relevance_score").or_else(|| entry.get("score")).and_then(Value::number);
            if score.is_none() || index.is_none_or(|index| index >= self.documents) {
                return refused("a result without the index of a document and its score");
            }
            found += 1;
        }
        if found > self.documents {
            return refused(&format!("{found} results for {} documents", self.documents));
        }
        reply.has_content = found > 0;
        Ok(())
    }

    fn ended(&mut self, _reply: &mut Reply) {}
}
