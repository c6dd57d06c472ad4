//! The bytes of streamed events. Everything constant is laid out before the first token; an event is five copies.

use std::fmt;

/// Each word is one token in the usual vocabularies (cl100k, o200k) and five bytes with its space, so that the text
/// of any run of tokens is one slice.
const WORDS: &[u8; WORD_COUNT as usize * WORD] =
    b" time work word line load ship port rate test mean wave wind last long deep blue";
/// Bytes of a word with its space.
pub(crate) const WORD: usize = 5;
/// Words before they repeat.
pub(crate) const WORD_COUNT: u32 = 16;
/// Most tokens of one event.
pub(crate) const EVENT_TOKENS_MAX: u32 = 1024;

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
    pub(crate) fn slice(&self, from: u32, count: u32) -> &[u8] {
        let start = from as usize * WORD % WORDS.len();
        self.0.get(start..start + count as usize * WORD).unwrap_or_default()
    }
}

/// The text of one token, by its place in the answer.
pub(crate) fn token(place: u32) -> &'static str {
    let start = (place % WORD_COUNT) as usize * WORD;
    std::str::from_utf8(&WORDS[start..start + WORD]).unwrap_or_default()
}

/// The text of the first `count` tokens.
pub(crate) fn text(count: u32) -> String {
    // Words and spaces are ASCII, one character per byte.
    WORDS.iter().cycle().take(count as usize * WORD).copied().map(char::from).collect()
}

/// Appends the event that begins with the stamp and goes on with `rest`.
pub(crate) fn push_event(out: &mut Vec<u8>, lead: &[u8], stamp: Stamp, rest: &str) {
    push_parts(out, lead, stamp, &[rest.as_bytes()]);
}

/// Appends the event that begins with the stamp and goes on with the parts of `rest`.
pub(crate) fn push_parts(out: &mut Vec<u8>, lead: &[u8], stamp: Stamp, rest: &[&[u8]]) {
    let digits = Digits::of(stamp);
    let (digits, end) = (digits.as_bytes(), b"\n\n");
    let length = lead.len() + digits.len() + rest.iter().map(|part| part.len()).sum::<usize>() + end.len();
    push_hex(out, length);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(lead);
    out.extend_from_slice(digits);
    for part in rest {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(end);
    out.extend_from_slice(b"\r\n");
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
pub(crate) struct Digits {
    text: [u8; 41],
    start: usize,
}

impl Digits {
    /// The digits of a number.
    pub(crate) fn of_number(number: u64) -> Self {
        Digits::of(Stamp { sent: number, due: None })
    }

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

    pub(crate) fn as_bytes(&self) -> &[u8] {
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
