//! The fields of a request for chat or text completions.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::sim::surface::Refusal;
use crate::sim::surface::prompt::{Inputs, Messages};

/// What the server looks at. Fields that it does not know are accepted, as vLLM does.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) model: Option<String>,
    pub(super) messages: Option<Messages>,
    pub(super) prompt: Option<Inputs>,
    pub(super) max_tokens: Option<u32>,
    pub(super) max_completion_tokens: Option<u32>,
    pub(super) min_tokens: Option<u32>,
    pub(super) n: Option<u32>,
    pub(super) best_of: Option<u32>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    pub(super) logprobs: Option<Logprobs>,
    pub(super) top_logprobs: Option<u32>,
    pub(super) echo: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
    pub(super) continuous_usage_stats: Option<bool>,
}

/// A chat says whether it wants them, a text completion how many; servers take either from either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logprobs {
    Wanted(bool),
    Count(u32),
}

impl<'de> Deserialize<'de> for Logprobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LogprobsVisitor)
    }
}

struct LogprobsVisitor;

impl Visitor<'_> for LogprobsVisitor {
    type Value = Logprobs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true, false or a number")
    }

    fn visit_bool<E>(self, wanted: bool) -> Result<Logprobs, E> {
        Ok(Logprobs::Wanted(wanted))
    }

    fn visit_u64<E>(self, count: u64) -> Result<Logprobs, E> {
        Ok(Logprobs::Count(u32::try_from(count).unwrap_or(u32::MAX)))
    }
}

/// One text or several, as `stop` has them.
struct Texts;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, _text: &str) -> Result<Texts, E> {
        Ok(Texts)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
        while items.next_element::<Cow<'de, str>>()?.is_some() {}
        Ok(Texts)
    }
}

/// Reads the body, and blames the field that cannot be read.
///
/// # Errors
/// 400: it is not JSON, not an object, or a field has another type.
pub(super) fn read(bytes: &[u8]) -> Result<Body, Refusal> {
    let mut body = Body::default();
    let mut field = None;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Fields { body: &mut body, field: &mut field }.deserialize(&mut json);
    match read.and_then(|()| json.end()) {
        Ok(()) => Ok(body),
        Err(error) => {
            let message = match &field {
                Some(name) if error.is_data() => format!("`{name}`: {error}"),
                _ => format!("the body is not the JSON expected here: {error}"),
            };
            let param = field.filter(|_| error.is_data());
            Err(Refusal { param, ..Refusal::bad_request(&message) })
        }
    }
}

/// Fills a [`Body`] and remembers the field that it is at.
struct Fields<'a> {
    body: &'a mut Body,
    field: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let body = self.body;
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            *self.field = Some(name.into_owned());
            match self.field.as_deref().unwrap_or_default() {
                "model" => body.model = fields.next_value()?,
                "messages" => body.messages = fields.next_value()?,
                "prompt" => body.prompt = fields.next_value()?,
                "max_tokens" => body.max_tokens = fields.next_value()?,
                "max_completion_tokens" => body.max_completion_tokens = fields.next_value()?,
                "min_tokens" => body.min_tokens = fields.next_value()?,
                "n" => body.n = fields.next_value()?,
                "best_of" => body.best_of = fields.next_value()?,
                "stream" => body.stream = fields.next_value()?,
                "stream_options" => body.stream_options = fields.next_value()?,
                "logprobs" => body.logprobs = fields.next_value()?,
                "top_logprobs" => body.top_logprobs = fields.next_value()?,
                "echo" => body.echo = fields.next_value()?,
                "ignore_eos" => check::<Option<bool>, A>(&mut fields)?,
                "temperature" | "top_p" | "presence_penalty" | "frequency_penalty" => {
                    check::<Option<f64>, A>(&mut fields)?
                }
                "stop" => check::<Option<Texts>, A>(&mut fields)?,
                _ => check::<IgnoredAny, A>(&mut fields)?,
            }
        }
        *self.field = None;
        Ok(())
    }
}

/// Looks only whether the value is one.
fn check<'de, T: Deserialize<'de>, A: MapAccess<'de>>(fields: &mut A) -> Result<(), A::Error> {
    fields.next_value::<T>().map(drop)
}
