//! Documents ranked by a query, in the form that Jina, Cohere, vLLM and llama.cpp share.

use plimsoll_core::spec::RunSpec;

use super::json_scan::Value;
use super::listing::{Entries, Listing};
use super::template::Field;
use super::templated::Templated;

/// `POST /v1/rerank`. The documents come from the workload, as a member of their own.
pub(super) fn rerank(spec: &RunSpec) -> Templated<Listing<Ranking>> {
    let asked = &spec.api.family.rerank;
    let mut fields = vec![Field::fixed("query", asked.query.as_str())];
    fields.extend(asked.top_n.map(|n| Field::fixed("top_n", n)));
    fields.extend(asked.return_documents.map(|wanted| Field::fixed("return_documents", wanted)));
    let documents = asked.documents;
    Templated::new("/v1/rerank", fields, spec, move || Listing(Ranking { documents }))
}

/// Scores of so many documents, or of the best of them.
pub(super) struct Ranking {
    documents: u32,
}

impl Entries for Ranking {
    fn list<'a>(&self, document: Value<'a>) -> Result<Value<'a>, &'static str> {
        // TEI answers with the bare list, Voyage calls it `data`.
        let list = document.get("results").or_else(|| document.get("data")).unwrap_or(document);
        Some(list).filter(|list| list.is_array()).ok_or("a response without a list of scores in `results`")
    }

    fn check(&self, entry: Value<'_>) -> Result<(), &'static str> {
        let index = entry.get("index").and_then(Value::count);
        let score = entry.get("relevance_score").or_else(|| entry.get("score")).and_then(Value::number);
        match index.is_some_and(|index| index < self.documents) && score.is_some() {
            true => Ok(()),
            false => Err("a result without the index of a document and its score"),
        }
    }

    fn check_count(&self, found: u32) -> Result<(), String> {
        match found <= self.documents {
            true => Ok(()),
            false => Err(format!("{found} results for {} documents", self.documents)),
        }
    }
}
