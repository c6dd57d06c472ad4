//! OpenAI's generation of images: the pictures are counted as bytes, not looked at.

use plimsoll_core::record::TokenSource;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;

use super::body_reader::{Meaning, malformed, no_events};
use super::embeddings::input_tokens;
use super::excerpt::said_by;
use super::json_scan::Value;
use super::template::{Field, Part};
use super::templated::Templated;
use super::{Malformed, Reply};

/// `POST /v1/images/generations`.
pub(super) fn images(spec: &RunSpec) -> Templated<Pictures> {
    let api = &spec.api;
    let mut fields = vec![Field::parts("prompt", vec![Part::Prompt]), Field::fixed("n", api.n)];
    fields.extend(
        api.family.image_size.map(|(width, height)| Field::fixed("size", format!("{width}x{height}"))),
    );
    let expected = api.n as usize;
    Templated::new("/v1/images/generations", fields, spec, move || Pictures { expected })
}

/// Reads documents with pictures, or with addresses of pictures.
pub(super) struct Pictures {
    expected: usize,
}

impl Meaning for Pictures {
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
            return refused("a response without a list of images in `data`");
        };
        let mut found = 0;
        for entry in list.items() {
            let text = |name| entry.get(name).and_then(Value::string).filter(|text| !text.is_empty());
            if text("b64_json").or_else(|| text("url")).is_none() {
                return refused("an entry of `data` without `b64_json` and without `url`");
            }
            found += 1;
        }
        if found != self.expected {
            return refused(&format!("{found} images instead of {}", self.expected));
        }
        reply.has_content = true;
        Ok(())
    }

    fn ended(&mut self, _reply: &mut Reply) {}
}
