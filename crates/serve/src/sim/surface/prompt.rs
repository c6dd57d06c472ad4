//! Prompts without a tokenizer: their length, and what of them others may share.

use std::fmt;

use plimsoll_sim::Ask;
use plimsoll_sim::prefix::{TOKEN_BYTES, block_hashes, text_tokens};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A prompt: each text counts four bytes as one token, rounded up; a token id is one token. Images and roles count
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    tokens: usize,
    /// The texts one after the other; a token id is four bytes.
    bytes: Vec<u8>,
}

impl Prompt {
    pub(super) fn of_text(text: &str) -> Self {
        let mut prompt = Prompt::default();
        prompt.push_text(text);
        prompt
    }

    pub(super) fn of_ids(ids: &[u32]) -> Self {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        debug_assert_eq!(bytes.len(), ids.len() * TOKEN_BYTES);
        Prompt { tokens: ids.len(), bytes }
    }

    fn push_text(&mut self, text: &str) {
        self.tokens += text_tokens(text.as_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Its length, tokens.
    pub(super) fn tokens(&self) -> u32 {
        u32::try_from(self.tokens).unwrap_or(u32::MAX)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the engine is asked when so many tokens follow it.
    pub(super) fn ask(&self, output_tokens: u32) -> Ask {
        Ask {
            prompt_tokens: self.tokens(),
            output_tokens,
            items: 1,
            prefix: block_hashes([self.bytes.as_slice()]),
        }
    }
}

/// The messages of a chat, as one prompt.
#[derive(Debug)]
pub(super) struct Messages(pub(super) Prompt);

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut prompt = Prompt::default();
        deserializer.deserialize_seq(Walk(&mut prompt))?;
        Ok(Messages(prompt))
    }
}

/// Walks messages, parts of messages and lists of these, and keeps their texts.
struct Walk<'a>(&'a mut Prompt);

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of messages")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_text(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(key) = fields.next_key::<std::borrow::Cow<'de, str>>()? {
            if matches!(&*key, "content" | "text") {
                fields.next_value_seed(Walk(self.0))?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// One of several prompts of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Text(String),
    Ids(Vec<u32>),
}

impl Input {
    pub(super) fn prompt(&self) -> Prompt {
        match self {
            Input::Text(text) => Prompt::of_text(text),
            Input::Ids(ids) => Prompt::of_ids(ids),
        }
    }
}

/// A text, token ids, or a list of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inputs(pub(super) Vec<Input>);

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, token ids, or a list of either")
    }

    fn visit_str<E>(self, text: &str) -> Result<Inputs, E> {
        Ok(Inputs(vec![Input::Text(text.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inputs, A::Error> {
        let mut inputs = Vec::new();
        let mut ids = Vec::new();
        while let Some(element) = items.next_element()? {
            match element {
                Element::Id(id) if inputs.is_empty() => ids.push(id),
                Element::Input(input) if ids.is_empty() => inputs.push(input),
                Element::Id(_) | Element::Input(_) => {
                    let message = "expected token ids or a list of prompts, not both in one list";
                    return Err(serde::de::Error::custom(message));
                }
            }
        }
        if !ids.is_empty() {
            inputs.push(Input::Ids(ids));
        }
        Ok(Inputs(inputs))
    }
}

/// What stands in a list: an id of the only prompt, or a prompt.
enum Element {
    Id(u32),
    Input(Input),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a token id or a list of token ids")
    }

    fn visit_str<E>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Input(Input::Text(text.to_owned())))
    }

    fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<Element, E> {
        let id = u32::try_from(id).map_err(|_| E::custom("expected a token id below 4294967296"))?;
        Ok(Element::Id(id))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Element, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = items.next_element()? {
            ids.push(id);
        }
        Ok(Element::Input(Input::Ids(ids)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(prompt: &str) -> Vec<u32> {
        let inputs: Inputs = serde_json::from_str(prompt).unwrap();
        inputs.0.iter().map(|input| input.prompt().tokens()).collect()
    }

    #[test]
    fn prompts_come_as_text_or_as_token_ids_one_or_several() {
        for (prompt, expected) in [
            (r#""abcdefgh""#, &[2][..]),
            (r#""a\u00e9""#, &[1]),
            ("[1,2,3]", &[3]),
            (r#"["abcd","ef"]"#, &[1, 1]),
            ("[[1,2],[3]]", &[2, 1]),
            ("[]", &[]),
        ] {
            assert_eq!(tokens(prompt), expected, "{prompt}");
        }
        for mixed in [r#"[1,"a"]"#, r#"["a",1]"#, "[[1],2]", "true", "[-1]", "[4294967296]", r#"[["a"]]"#] {
            assert!(serde_json::from_str::<Inputs>(mixed).is_err(), "{mixed}");
        }
    }

    #[test]
    fn only_the_texts_of_messages_count() {
        let body = r#"[{"role":"system","content":"abcd"},{"role":"user","content":[{"type":"text","text":"abcde"},
            {"type":"image_url","image_url":{"url":"data:aaaaaaaaaaaaaaaa"}}]},{"role":"assistant","content":null}]"#;
        let Messages(prompt) = serde_json::from_str(body).unwrap();
        assert_eq!((prompt.tokens(), prompt.bytes()), (3, b"abcdabcde".as_slice()));
    }

    #[test]
    fn equal_beginnings_are_seen_in_text_and_in_ids() {
        let text = |end: &str| Prompt::of_text(&format!("{}{end}", "x".repeat(64))).ask(1).prefix;
        assert_eq!(text("a")[0], text("b")[0]);
        let ids = |last| Prompt::of_ids(&[[7; 16].as_slice(), &[last]].concat()).ask(1).prefix;
        assert_eq!((ids(1), ids(1).len()), (ids(2), 1));
    }
}
