//! Reads answers that are one document with a list of entries: embeddings, ranked documents, pictures.

use plimsoll_core::record::TokenSource;

use super::body_reader::{Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::{Malformed, Reply};

/// The entries of such a document. An error says what was found in place of what was expected.
pub(super) trait Entries: Send {
    /// The list in a document, which has no `error`.
    fn list<'a>(&self, document: Value<'a>) -> Result<Value<'a>, &'static str>;

    /// Looks at one entry.
    fn check(&self, entry: Value<'_>) -> Result<(), &'static str>;

    /// Looks at how many there are.
    fn check_count(&self, found: u32) -> Result<(), String>;
}

/// Reads documents with such entries.
pub(super) struct Listing<E>(pub(super) E);

impl<E: Entries> Meaning for Listing<E> {
    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        reply.usage.source = TokenSource::NoTokens;
        reply.error = json.get("error").and_then(said_by);
        if reply.error.is_some() {
            return Ok(());
        }
        input_tokens(json, reply);
        let found = self.read(json).map_err(|what| malformed(&what, json.text().as_bytes()))?;
        reply.has_content = found > 0;
        Ok(())
    }
}

impl<E: Entries> Listing<E> {
    /// How many entries there are, all of them as they should be.
    fn read(&self, json: Value<'_>) -> Result<u32, String> {
        let mut found = 0;
        for entry in self.0.list(json)?.items() {
            self.0.check(entry)?;
            found += 1;
        }
        self.0.check_count(found)?;
        Ok(found)
    }
}

/// Tokens of what was asked: `usage.prompt_tokens`, or `total_tokens` where that is all there is.
fn input_tokens(json: Value<'_>, reply: &mut Reply) {
    let Some(usage) = json.get("usage") else { return };
    let tokens = ["prompt_tokens", "input_tokens", "total_tokens"]
        .into_iter()
        .find_map(|name| usage.get(name).and_then(Value::count));
    reply.usage.input_tokens = tokens.or(reply.usage.input_tokens);
}
