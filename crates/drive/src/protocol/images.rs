//! OpenAI's generation of images: the pictures are counted as bytes, not looked at.

use plimsoll_core::spec::RunSpec;

use super::json_scan::Value;
use super::listing::{Entries, Listing};
use super::template::{Field, Part};
use super::templated::Templated;

/// `POST /v1/images/generations`.
pub(super) fn images(spec: &RunSpec) -> Templated<Listing<Pictures>> {
    let api = &spec.api;
    let mut fields = vec![Field::parts("prompt", vec![Part::Prompt]), Field::fixed("n", api.n)];
    fields.extend(
        api.family.image_size.map(|(width, height)| Field::fixed("size", format!("{width}x{height}"))),
    );
    let expected = api.n;
    Templated::new("/v1/images/generations", fields, spec, move || Listing(Pictures { expected }))
}

/// Pictures, or addresses of pictures, as many as were asked for.
pub(super) struct Pictures {
    expected: u32,
}

impl Entries for Pictures {
    fn list<'a>(&self, document: Value<'a>) -> Result<Value<'a>, &'static str> {
        let list = document.get("data").filter(|data| data.is_array());
        list.ok_or("a response without a list of images in `data`")
    }

    fn check(&self, entry: Value<'_>) -> Result<(), &'static str> {
        let has_text = |name| entry.get(name).and_then(Value::string).is_some_and(|text| !text.is_empty());
        match has_text("b64_json") || has_text("url") {
            true => Ok(()),
            false => Err("an entry of `data` without `b64_json` and without `url`"),
        }
    }

    fn check_count(&self, found: u32) -> Result<(), String> {
        match found == self.expected {
            true => Ok(()),
            false => Err(format!("{found} images instead of {}", self.expected)),
        }
    }
}
