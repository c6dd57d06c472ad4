//! The bytes of streamed events. Everything constant is laid out before the first token; an event is five copies.

use std::fmt;

use serde_json::Value;

use super::ask::{Ask, Shape};
use super::options::SimOptions;

/// Each word is one token in the usual vocabularies (cl100k, o200k) and five bytes with its space, so that the text
/// of any run of tokens is one slice.
const WORDS: &[u8; 16 * WORD] =
    b" time work word line load ship port rate test mean wave wind last long deep blue";
const WORD: usize = 5;
/// Most tokens of one event.
pub(crate) const EVENT_TOKENS_MAX: u32 = 1024;

/// What every event of one answer begins with, up to the digits of the stamp.
pub(crate) fn lead(ask: &Ask, options: &SimOptions, index: u64, created: u64) -> Vec<u8> {
    match ask.shape {
        Shape::Tgi => b"data:{\"system_fingerprint\":\"plimsoll:".to_vec(),
        Shape::Chat | Shape::Text | Shape::TritonGenerate | Shape::TritonInfer => {
            format!("data: {}", opening(ask, options, index, created)).into_bytes()
        }
    }
}

/// What an event or a document begins with, up to the digits of the stamp.
pub(crate) fn opening(ask: &Ask, options: &SimOptions, index: u64, created: u64) -> String {
    let model = Value::from(ask.model.as_deref().unwrap_or(&options.model));
    let (id, object) = match (ask.shape, ask.stream) {
        (Shape::Chat, true) => ("chatcmpl", "chat.completion.chunk"),
        (Shape::Chat, false) => ("chatcmpl", "chat.completion"),
        (Shape::Text, _) => ("cmpl", "text_completion"),
        (Shape::Tgi, _) => return "{\"system_fingerprint\":\"plimsoll:".to_owned(),
        (Shape::TritonGenerate | Shape::TritonInfer, _) => {
            return format!(
                "{{\"model_name\":{model},\"model_version\":\"1\",\"system_fingerprint\":\"plimsoll:"
            );
        }
    };
    format!(
        "{{\"id\":\"{id}-{index:016x}\",\"object\":\"{object}\",\"created\":{created},\"model\":{model},\
         \"system_fingerprint\":\"plimsoll:"
    )
}

/// When an event was sent, and when it should have been if the client wants to know (CLOCK_MONOTONIC, ns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sent: u64,
    pub(crate) due: Option<u64>,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(Digits::of(*self).as_bytes()).fmt(f)
    }
}

/// The constant text of events: the generated words, repeated as often as the longest event needs.
#[derive(Debug)]
pub(crate) struct Words(Vec<u8>);

impl Default for Words {
    fn default() -> Self {
        let bytes = (WORDS.len() / WORD + EVENT_TOKENS_MAX as usize) * WORD;
        Words(WORDS.iter().copied().cycle().take(bytes).collect())
    }
}

impl Words {
    /// The text of `count` tokens from token `from` on; at most [`EVENT_TOKENS_MAX`].
    fn slice(&self, from: u32, count: u32) -> &[u8] {
        let start = from as usize * WORD % WORDS.len();
        self.0.get(start..start + count as usize * WORD).unwrap_or_default()
    }
}

/// The text of the first `count` tokens.
pub(crate) fn text(count: u32) -> String {
    // Words and spaces are ASCII, one character per byte.
    WORDS.iter().cycle().take(count as usize * WORD).copied().map(char::from).collect()
}

/// Which tokens an event carries, and what they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    pub(crate) from: u32,
    pub(crate) count: u32,
    pub(crate) reasoning: bool,
}

/// Appends the event of some tokens as one HTTP chunk.
pub(crate) fn push_tokens(
    out: &mut Vec<u8>,
    lead: &[u8],
    stamp: Stamp,
    shape: Shape,
    tokens: Tokens,
    words: &Words,
) {
    let (open, close): (&[u8], &[u8]) = match shape {
        Shape::Chat if tokens.reasoning => (
            b"\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"",
            b"\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
        ),
        Shape::Chat => (
            b"\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
            b"\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
        ),
        Shape::Text => (
            b"\",\"choices\":[{\"index\":0,\"text\":\"",
            b"\",\"logprobs\":null,\"finish_reason\":null}]}\n\n",
        ),
        Shape::Tgi => (
            b"\",\"token\":{\"id\":1,\"text\":\"",
            b"\",\"logprob\":-0.5,\"special\":false},\"generated_text\":null,\"details\":null}\n\n",
        ),
        Shape::TritonGenerate | Shape::TritonInfer => (b"\",\"text_output\":\"", b"\"}\n\n"),
    };
    let text = words.slice(tokens.from, tokens.count);
    push_chunk(out, &[lead, Digits::of(stamp).as_bytes(), open, text, close]);
}

/// Appends the event that begins with the stamp and goes on with `rest`.
pub(crate) fn push_event(out: &mut Vec<u8>, lead: &[u8], stamp: Stamp, rest: &str) {
    push_chunk(out, &[lead, Digits::of(stamp).as_bytes(), rest.as_bytes(), b"\n\n"]);
}

/// Appends one chunk of a chunked body.
pub(crate) fn push_chunk(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    push_hex(out, length);
    out.extend_from_slice(b"\r\n");
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

fn push_hex(out: &mut Vec<u8>, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * place)) & 15]);
    }
}

/// The digits of a stamp, `SENT` or `SENT:DUE`, without an allocation.
struct Digits {
    text: [u8; 41],
    start: usize,
}

impl Digits {
    fn of(stamp: Stamp) -> Self {
        let mut digits = Digits { text: [b':'; 41], start: 41 };
        if let Some(due) = stamp.due {
            digits.prepend(due);
            digits.start -= 1;
        }
        digits.prepend(stamp.sent);
        digits
    }

    fn prepend(&mut self, mut number: u64) {
        loop {
            self.start -= 1;
            self.text[self.start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_std_writes_them() {
        for number in [0, 1, 9, 10, 15, 16, 255, 256, 4096, 1_234_567_890_123, u64::MAX] {
            assert_eq!(Stamp { sent: number, due: None }.to_string(), number.to_string());
            let both = Stamp { sent: number, due: Some(u64::MAX) };
            assert_eq!(both.to_string(), format!("{number}:{}", u64::MAX));
            let mut hex = Vec::new();
            push_hex(&mut hex, number as usize);
            assert_eq!(hex, format!("{number:x}").as_bytes());
        }
    }

    #[test]
    fn events_add_up_to_the_text_of_the_whole() {
        for size in [1, 3, 16, 40] {
            let words = Words::default();
            let mut pieces = Vec::new();
            for from in (0..80).step_by(size as usize) {
                pieces.extend_from_slice(words.slice(from, size.min(80 - from)));
            }
            assert_eq!(String::from_utf8(pieces).unwrap(), text(80), "{size} tokens per event");
        }
        assert_eq!(text(2), " time work");
    }
}
