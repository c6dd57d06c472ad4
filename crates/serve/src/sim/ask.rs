//! What a request body asks for, in each wire format.

use std::fmt;
use std::sync::Arc;

use plimsoll_sim::prefix::{block_hashes, text_tokens};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::reply::Refusal;
use super::route::Route;

/// Tokens generated when the request does not say (the default of the OpenAI completions API).
const TOKENS_DEFAULT: u32 = 16;
/// The longest answer, tokens.
const TOKENS_MAX: u32 = 1_000_000;

/// The wire format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Chat,
    Text,
    Tgi,
    TritonGenerate,
    TritonInfer,
}

/// What one request asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) shape: Shape,
    pub(crate) stream: bool,
    /// `stream_options.include_usage`.
    pub(crate) include_usage: bool,
    /// TGI's `details`.
    pub(crate) details: bool,
    /// Tokens of the prompt, as [`Prompt`] estimates them.
    pub(crate) prompt_tokens: u32,
    /// What other prompts may have in common with this one: see [`plimsoll_sim::prefix`].
    pub(crate) prefix: Arc<[u64]>,
    /// Tokens to generate, at least 1.
    pub(crate) tokens: u32,
    /// The prompt, where the format repeats it in the answer.
    pub(crate) echo: String,
    /// The model that was asked for.
    pub(crate) model: Option<String>,
}

impl Ask {
    /// Reads `body` in the format of `route`; `None` if that endpoint takes no body.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub(crate) fn read(route: Route, body: &[u8]) -> Result<Option<Ask>, Refusal> {
        let ask = match route {
            Route::Chat => open_ai(Shape::Chat, body)?,
            Route::Text => open_ai(Shape::Text, body)?,
            Route::Tgi { stream } => tgi(stream, body)?,
            Route::TritonGenerate { model, stream } => triton_generate(model, stream, body)?,
            Route::TritonInfer { model } => triton_infer(model, body)?,
            Route::Models | Route::Health | Route::Stats => return Ok(None),
        };
        match ask.tokens {
            0 => Err(Refusal::bad_request("the answer must have at least one token")),
            1..=TOKENS_MAX => Ok(Some(ask)),
            _ => Err(Refusal::bad_request("the answer can have at most 1000000 tokens")),
        }
    }

    fn new(shape: Shape, tokens: Option<u32>, prompt: Prompt) -> Self {
        Ask {
            shape,
            stream: false,
            include_usage: false,
            details: false,
            prompt_tokens: u32::try_from(prompt.tokens).unwrap_or(u32::MAX),
            prefix: block_hashes([prompt.text.as_slice()]),
            tokens: tokens.unwrap_or(TOKENS_DEFAULT),
            echo: String::new(),
            model: None,
        }
    }
}

/// An estimate of a prompt's tokens that needs no tokenizer: four bytes of text are one token, rounded up per text;
/// a token id is one token. Images and roles count nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Prompt {
    tokens: usize,
    /// All texts, one after the other; four bytes per token id.
    text: Vec<u8>,
}

impl Prompt {
    fn of(text: &str) -> Self {
        Prompt { tokens: text_tokens(text.as_bytes()), text: text.as_bytes().to_vec() }
    }

    fn append(&mut self, mut more: Prompt) {
        self.tokens += more.tokens;
        if self.text.is_empty() {
            self.text = more.text; // the usual prompt is one text: it is not copied again
        } else {
            self.text.append(&mut more.text);
        }
    }
}

impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PromptVisitor)
    }
}

/// Gathers a prompt: a text, token ids, messages, parts of messages, and lists of these.
struct PromptVisitor;

impl<'de> Visitor<'de> for PromptVisitor {
    type Value = Prompt;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, token ids or messages")
    }

    fn visit_str<E>(self, text: &str) -> Result<Prompt, E> {
        Ok(Prompt::of(text))
    }

    fn visit_u64<E>(self, token: u64) -> Result<Prompt, E> {
        Ok(Prompt { tokens: 1, text: (token as u32).to_le_bytes().to_vec() })
    }

    fn visit_unit<E>(self) -> Result<Prompt, E> {
        Ok(Prompt::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Prompt, A::Error> {
        let mut prompt = Prompt::default();
        while let Some(item) = items.next_element()? {
            prompt.append(item);
        }
        Ok(prompt)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Prompt, A::Error> {
        let mut prompt = Prompt::default();
        while let Some(key) = fields.next_key::<std::borrow::Cow<'de, str>>()? {
            if matches!(&*key, "content" | "text") {
                prompt.append(fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(prompt)
    }
}

#[derive(Deserialize)]
struct OpenAiBody {
    model: Option<String>,
    messages: Option<Prompt>,
    prompt: Option<Prompt>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

fn open_ai(shape: Shape, body: &[u8]) -> Result<Ask, Refusal> {
    let body: OpenAiBody = json(body)?;
    let prompt = match shape {
        Shape::Chat => body.messages.ok_or_else(|| Refusal::bad_request("`messages` is missing"))?,
        _ => body.prompt.ok_or_else(|| Refusal::bad_request("`prompt` is missing"))?,
    };
    if body.n.is_some_and(|n| n != 1) {
        return Err(Refusal::bad_request("`n` must be 1: this server gives one answer per request"));
    }
    let include_usage = body.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
    let stream = body.stream.unwrap_or(false);
    let tokens = body.max_completion_tokens.or(body.max_tokens);
    Ok(Ask { stream, include_usage, model: body.model, ..Ask::new(shape, tokens, prompt) })
}

#[derive(Deserialize)]
struct TgiBody {
    inputs: String,
    parameters: Option<TgiParameters>,
}

#[derive(Deserialize)]
struct TgiParameters {
    max_new_tokens: Option<u32>,
    details: Option<bool>,
}

fn tgi(stream: bool, body: &[u8]) -> Result<Ask, Refusal> {
    let body: TgiBody = json(body)?;
    let tokens = body.parameters.as_ref().and_then(|parameters| parameters.max_new_tokens);
    let details = body.parameters.and_then(|parameters| parameters.details).unwrap_or(false);
    Ok(Ask { stream, details, ..Ask::new(Shape::Tgi, tokens, Prompt::of(&body.inputs)) })
}

#[derive(Deserialize)]
struct TritonGenerateBody {
    text_input: String,
    max_tokens: Option<u32>,
    parameters: Option<TritonParameters>,
}

#[derive(Deserialize)]
struct TritonParameters {
    max_tokens: Option<u32>,
}

fn triton_generate(model: String, stream: bool, body: &[u8]) -> Result<Ask, Refusal> {
    let body: TritonGenerateBody = json(body)?;
    let tokens = body.max_tokens.or(body.parameters.and_then(|parameters| parameters.max_tokens));
    let ask = Ask::new(Shape::TritonGenerate, tokens, Prompt::of(&body.text_input));
    Ok(Ask { stream, echo: body.text_input, model: Some(model), ..ask })
}

#[derive(Deserialize)]
struct TritonInferBody {
    inputs: Vec<Tensor>,
}

#[derive(Deserialize)]
struct Tensor {
    name: String,
    data: Value,
}

fn triton_infer(model: String, body: &[u8]) -> Result<Ask, Refusal> {
    let body: TritonInferBody = json(body)?;
    let tensor =
        |name| body.inputs.iter().find(|tensor| tensor.name == name).map(|tensor| first(&tensor.data));
    let text = tensor("text_input").and_then(Value::as_str);
    let text = text.ok_or_else(|| Refusal::bad_request("the input `text_input` is missing or not a text"))?;
    let tokens = match tensor("max_tokens") {
        None => None,
        Some(value) => {
            let tokens = value.as_u64().and_then(|tokens| u32::try_from(tokens).ok());
            Some(tokens.ok_or_else(|| Refusal::bad_request("the input `max_tokens` is not a whole number"))?)
        }
    };
    let ask = Ask::new(Shape::TritonInfer, tokens, Prompt::of(text));
    Ok(Ask { echo: text.to_owned(), model: Some(model), ..ask })
}

/// The first element of a tensor, whatever its dimensions.
fn first(data: &Value) -> &Value {
    match data.get(0) {
        Some(inner) => first(inner),
        None => data,
    }
}

fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(&format!("the body is not the JSON expected here: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(route: Route, body: &str) -> Result<Ask, Refusal> {
        Ask::read(route, body.as_bytes()).map(Option::unwrap)
    }

    #[test]
    fn chat_bodies_are_understood() {
        let body = r#"{"model":"m","messages":[{"role":"system","content":"abcd"},{"role":"user","content":
            [{"type":"text","text":"abcde"},{"type":"image_url","image_url":{"url":"data:aaaaaaaaaaaaaaaa"}}]}],
            "max_tokens":7,"max_completion_tokens":8,"stream":true,"stream_options":{"include_usage":true},"x":{}}"#;
        let ask = read(Route::Chat, body).unwrap();
        assert_eq!((ask.prompt_tokens, ask.tokens, ask.stream, ask.include_usage), (3, 8, true, true));
        assert_eq!(ask.model.as_deref(), Some("m"));
        let tool = r#"{"messages":[{"role":"assistant","content":null}]}"#;
        let ask = read(Route::Chat, tool).unwrap();
        assert_eq!((ask.prompt_tokens, ask.tokens, ask.stream, ask.include_usage), (0, 16, false, false));
    }

    #[test]
    fn prompts_come_as_text_or_as_token_ids() {
        for (prompt, tokens) in [
            (r#""abcdefgh""#, 2),
            ("[1,2,3]", 3),
            (r#"["abcd","ef"]"#, 2),
            ("[[1,2],[3]]", 3),
            (r#""a\u00e9""#, 1),
        ] {
            let ask = read(Route::Text, &format!(r#"{{"prompt":{prompt}}}"#)).unwrap();
            assert_eq!(ask.prompt_tokens, tokens, "{prompt}");
        }
    }

    #[test]
    fn tgi_and_triton_bodies_are_understood() {
        let tgi = r#"{"inputs":"abcdefghi","parameters":{"max_new_tokens":5,"details":true}}"#;
        let ask = read(Route::Tgi { stream: true }, tgi).unwrap();
        assert_eq!((ask.prompt_tokens, ask.tokens, ask.stream, ask.details), (3, 5, true, true));

        let infer = r#"{"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1,1],"data":[["hello"]]},
            {"name":"max_tokens","datatype":"UINT32","shape":[1,1],"data":[[9]]},
            {"name":"bad_words","datatype":"BYTES","shape":[1,1],"data":[[""]]}]}"#;
        let ask = read(Route::TritonInfer { model: "ensemble".to_owned() }, infer).unwrap();
        assert_eq!((ask.echo.as_str(), ask.tokens, ask.model.as_deref()), ("hello", 9, Some("ensemble")));

        let route = || Route::TritonGenerate { model: "ensemble".to_owned(), stream: false };
        let flat = r#"{"text_input":"hi","max_tokens":4,"bad_words":"","stream":false}"#;
        assert_eq!(read(route(), flat).unwrap().tokens, 4);
        let nested = r#"{"text_input":"hi","parameters":{"max_tokens":6}}"#;
        assert_eq!(read(route(), nested).unwrap().tokens, 6);
    }

    #[test]
    fn bad_bodies_are_refused_with_a_reason() {
        for (route, body, excerpt) in [
            (Route::Chat, "", "not the JSON"),
            (Route::Chat, "{", "not the JSON"),
            (Route::Chat, "[]", "not the JSON"),
            (Route::Chat, r#"{"prompt":"x"}"#, "`messages` is missing"),
            (Route::Chat, r#"{"messages":[],"n":2}"#, "`n` must be 1"),
            (Route::Text, r#"{"messages":[]}"#, "`prompt` is missing"),
            (Route::Text, r#"{"prompt":true}"#, "expected a text"),
            (Route::Text, r#"{"prompt":"x","max_tokens":0}"#, "at least one"),
            (Route::Text, r#"{"prompt":"x","max_tokens":-1}"#, "not the JSON"),
            (Route::Text, r#"{"prompt":"x","max_tokens":2000000}"#, "at most"),
            (Route::Tgi { stream: false }, r#"{"input":"x"}"#, "inputs"),
            (Route::TritonInfer { model: String::new() }, r#"{"inputs":[]}"#, "`text_input`"),
        ] {
            let refusal = read(route, body).expect_err(body);
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains(excerpt), "{body}: {}", refusal.message);
        }
    }
}
