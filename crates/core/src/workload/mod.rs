//! What is asked: prompts, output lengths and whole bodies, each a pure function of the request's number.

mod chars;
mod corpus;
mod draft;
mod http;
mod image_bytes;
mod images;
mod lengths;
mod lines;
mod lists;
mod numbers;
mod payloads;
mod pieces;
mod placeholders;
mod prompts;
mod recording;
mod requests;
mod tokenizer;
mod truncated;

use std::sync::Arc;

use bytes::Bytes;

use crate::record::RequestId;

pub use chars::CharPrompts;
pub use http::{Content, Form, HttpError, HttpRequests, Table};
pub use image_bytes::ImageBytesError;
pub use images::Images;
pub use lengths::LengthError;
pub use lines::{Line, LineError, Lines};
pub use lists::Lists;
pub use payloads::{Payload, Payloads};
pub use placeholders::{IMAGE_PLACEHOLDER, place_images};
pub use prompts::{CorpusOptions, CorpusPrompts, PromptTooShort};
pub use recording::Recording;
pub use requests::{Requests, Source, TraceLengths};
pub use tokenizer::Tokenizer;

/// Makes the content of requests.
///
/// The same id gives the same request, whichever thread asks and in whatever order, so a workload may be cloned over
/// threads. No I/O happens here: files are read before the run.
pub trait Workload: Send + Sync {
    /// The request with this number.
    fn request(&self, id: RequestId) -> RequestSpec;

    /// One line for people: what is asked ("512-token prompts from `verse`, 128 tokens out").
    fn describe(&self) -> String;

    /// Prompts made so far that are not of exactly the length asked for; each says its own in `prompt_tokens`.
    fn inexact(&self) -> u64 {
        0
    }

    /// Items that a request asks about, on average over the run; nothing where requests have none or cannot tell.
    fn items_per_request(&self) -> Option<f64> {
        None
    }
}

/// What one request asks, before a protocol turns it into bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestSpec {
    /// Its place in the schedule.
    pub id: RequestId,
    /// The prompt.
    pub prompt: Prompt,
    /// Images as `data:` URIs. Shared, never copied per request.
    pub images: Arc<[Bytes]>,
    /// Tokens to generate; 0 where answers are not made of tokens.
    pub max_tokens: u32,
    /// Tokens of the prompt, chat template included, where they could be counted.
    pub prompt_tokens: Option<u32>,
    /// Cancel it after its first token (`--cancel-rate`).
    pub cancel: bool,
}

impl RequestSpec {
    /// A request with a whole body, where answers are not made of tokens.
    pub fn of_payload(id: RequestId, payload: Arc<Payload>) -> Self {
        RequestSpec {
            id,
            prompt: Prompt::Payload(payload),
            images: Arc::default(),
            max_tokens: 0,
            prompt_tokens: None,
            cancel: false,
        }
    }
}

/// The prompt of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// Text, sent as the one user message or as the prompt of a completion.
    Text(Arc<str>),
    /// Members of a JSON object that are part of the request body as they stand and take precedence over ours.
    Members(Members),
    /// A whole body made ahead of the run.
    Payload(Arc<Payload>),
}

/// Members of a JSON object, serialised once: `"messages":[…],"temperature":0.2`, without the braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// The keys present, in order.
    pub keys: Arc<[String]>,
    /// The serialised members.
    pub json: Bytes,
}

/// A request body in pieces, so that large shared parts are never copied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// The pieces, in order.
    pub pieces: Vec<Bytes>,
}

impl Body {
    /// Bytes in all pieces.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All pieces in one, for people and tests.
    pub fn concat(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}
