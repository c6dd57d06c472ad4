//! The lines of a data set: prompts, or whole request bodies.

use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;
use rand::RngExt;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::Pick;
use crate::workload::Members;
use crate::workload::placeholders::IMAGE_PLACEHOLDER;

/// A data set, and how its lines are chosen.
#[derive(Debug)]
pub struct Lines {
    lines: Vec<Line>,
    pick: Pick,
}

impl Lines {
    /// A data set of these lines; `None` if there are none.
    pub fn new(lines: Vec<Line>, pick: Pick) -> Option<Self> {
        (!lines.is_empty()).then_some(Lines { lines, pick })
    }

    /// The same text for every request.
    pub fn same(text: &str) -> Self {
        let line = Line::Prompt { text: text.into(), images: Arc::default(), tokens: OnceLock::new() };
        Lines { lines: vec![line], pick: Pick::Cycle }
    }

    /// The line for one request.
    pub(crate) fn choose(&self, seed: Seed, id: RequestId) -> &Line {
        let line = match self.pick {
            Pick::Cycle => (id.0 % self.lines.len() as u64) as usize,
            Pick::Random => seed.keyed("dataset", id.0).random_range(0..self.lines.len()),
        };
        &self.lines[line]
    }
}

/// One line of a data set.
#[derive(Debug)]
pub enum Line {
    /// `{"prompt": …, "images": […]}`: a prompt to be asked our way. Other members are ignored, as the seed's load
    /// test ignores them.
    Prompt {
        /// The text, with a placeholder for each image or with none at all.
        text: Arc<str>,
        /// Its images as `data:` URIs.
        images: Arc<[Bytes]>,
        /// Its tokens, counted when they are first wanted.
        tokens: OnceLock<Option<u32>>,
    },
    /// `{"messages": […], …}`: members of a request body, to be sent as they stand.
    Body {
        /// All members.
        members: Members,
        /// The tokens to generate that it asks for itself.
        max_tokens: Option<u32>,
    },
}

/// Why a line is not one of a data set.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LineError {
    /// Not a JSON object.
    #[error(r#"expected a JSON object with "prompt" or "messages": {0}"#)]
    Json(String),
    /// An object without content.
    #[error(r#"expected a JSON object with "prompt" or "messages", found one with neither"#)]
    NoContent,
    /// A member of the wrong type.
    #[error("\"{member}\" is not {expected}")]
    Member {
        /// The member.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Images that do not match their placeholders.
    #[error(
        "{images} images but {placeholders} `{IMAGE_PLACEHOLDER}` placeholders: give one for each image, or none"
    )]
    Placeholders {
        /// Images of the line.
        images: usize,
        /// Placeholders in its prompt.
        placeholders: usize,
    },
    /// Messages in a run of text completions.
    #[error(r#""messages" belong to chats, but this run asks for text completions"#)]
    MessagesWithoutChat,
}

impl Line {
    /// Reads one line. `chat` says whether the run asks for chats.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn parse(json: &str, chat: bool) -> Result<Line, LineError> {
        let value: Value = serde_json::from_str(json).map_err(|error| LineError::Json(reason(&error)))?;
        let Value::Object(mut members) = value else {
            return Err(LineError::Json("it is another JSON value".to_owned()));
        };
        if members.contains_key("messages") {
            if !chat {
                return Err(LineError::MessagesWithoutChat);
            }
            return body(members);
        }
        match members.remove("prompt") {
            Some(Value::String(text)) => prompt(&text, members.get("images")),
            Some(_) => Err(LineError::Member { member: "prompt", expected: "a text" }),
            None => Err(LineError::NoContent),
        }
    }
}

/// A prompt and its images.
fn prompt(text: &str, images: Option<&Value>) -> Result<Line, LineError> {
    let wrong = || LineError::Member { member: "images", expected: "a list of URIs" };
    let images: Vec<Bytes> = match images {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(images)) => images.iter().map(uri).collect::<Option<_>>().ok_or_else(wrong)?,
        Some(_) => return Err(wrong()),
    };
    let placeholders = text.matches(IMAGE_PLACEHOLDER).count();
    if !images.is_empty() && placeholders != 0 && placeholders != images.len() {
        return Err(LineError::Placeholders { images: images.len(), placeholders });
    }
    Ok(Line::Prompt { text: text.into(), images: images.into(), tokens: OnceLock::new() })
}

/// A URI, which stands in a JSON string as it is.
fn uri(value: &Value) -> Option<Bytes> {
    let text = value.as_str()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    plain.then(|| Bytes::from(text.to_owned()))
}

/// A whole request body.
fn body(members: Map<String, Value>) -> Result<Line, LineError> {
    if members["messages"].as_array().is_none_or(Vec::is_empty) {
        return Err(LineError::Member { member: "messages", expected: "a list of at least one message" });
    }
    let tokens = members.get("max_completion_tokens").or(members.get("max_tokens"));
    let max_tokens = tokens.and_then(Value::as_u64).and_then(|tokens| u32::try_from(tokens).ok());
    let keys: Vec<String> = members.keys().cloned().collect();
    let json = Value::Object(members).to_string();
    let json = Bytes::from(json).slice(1..); // without the opening brace …
    let json = json.slice(..json.len() - 1); // … and the closing one
    Ok(Line::Body { members: Members { keys: keys.into(), json }, max_tokens })
}

/// The reason of a JSON error with its place in the line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("{what} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        Line::parse(json, true).expect_err(json).to_string()
    }

    #[test]
    fn both_forms_are_read() {
        let line = Line::parse(r#"{"prompt": "<image>What?", "images": ["data:,x"], "id": 7}"#, true);
        let Ok(Line::Prompt { text, images, .. }) = line else { panic!("{line:?}") };
        assert_eq!((&*text, &images[..]), ("<image>What?", &[Bytes::from("data:,x")][..]));

        let json = r#"{"messages":[{"role":"user","content":"é"}],"temperature":0.25,"max_tokens":9}"#;
        let line = Line::parse(json, true);
        let Ok(Line::Body { members, max_tokens }) = line else { panic!("{line:?}") };
        assert_eq!(members.keys[..], ["messages", "temperature", "max_tokens"]);
        assert_eq!(members.json, json[1..json.len() - 1]);
        assert_eq!(max_tokens, Some(9));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (json, expected) in [
            (
                "{",
                r#"expected a JSON object with "prompt" or "messages": EOF while parsing an object at column 1"#,
            ),
            ("[1]", r#"expected a JSON object with "prompt" or "messages": it is another JSON value"#),
            ("{}", r#"expected a JSON object with "prompt" or "messages", found one with neither"#),
            (r#"{"prompt": 3}"#, r#""prompt" is not a text"#),
            (r#"{"prompt": "a", "images": ["a\"b"]}"#, r#""images" is not a list of URIs"#),
            (r#"{"prompt": "a", "images": "b"}"#, r#""images" is not a list of URIs"#),
            (r#"{"messages": []}"#, r#""messages" is not a list of at least one message"#),
            (r#"{"messages": "a"}"#, r#""messages" is not a list of at least one message"#),
        ] {
            assert_eq!(error(json), expected, "{json}");
        }
        assert!(
            error(r#"{"prompt": "<image><image>", "images": ["x"]}"#).contains("2 `<image>` placeholders")
        );
        let chat_only = Line::parse(r#"{"messages": [{}]}"#, false);
        assert_eq!(chat_only.unwrap_err(), LineError::MessagesWithoutChat);
    }
}
