//! Reads the few members of a JSON text that are wanted, without building a tree of the rest.
//!
//! The text is checked once as a whole, so it is accepted or refused exactly as by `serde_json`; after that, members
//! are found by skipping. One leniency: an escaped lone surrogate reads as U+FFFD, as servers written in Python send it.

use std::borrow::Cow;

pub use super::json_check::NotJson;
use super::json_check::{Note, check, find_special};

/// Strings and lists of a text that are noted at most: three quarters of a megabyte of notes. Those beyond are skipped byte by
/// byte.
const MAX_NOTES: usize = 1 << 16;

/// A JSON text that has been checked, with notes on where its strings and lists end: what has been skipped once is
/// not looked at again.
pub struct Json<'a> {
    text: &'a str,
    notes: Vec<Note>,
}

impl<'a> Json<'a> {
    /// Checks that `bytes` are one JSON value, white space around it aside.
    ///
    /// # Errors
    /// The bytes are not UTF-8 or not exactly one JSON value.
    pub fn parse(bytes: &'a [u8]) -> Result<Json<'a>, NotJson> {
        let checked = check(bytes, MAX_NOTES)?;
        Ok(Json { text: checked.text, notes: checked.notes })
    }

    /// The value.
    pub fn value(&self) -> Value<'_> {
        Value { text: self.text, notes: &self.notes }
    }
}

/// A JSON value as it stands in a text that has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    text: &'a str,
    /// The notes on it, if it is a string or a list, and on what follows; none where they are missing.
    notes: &'a [Note],
}

impl<'a> Value<'a> {
    /// The one value of `bytes`, white space around it aside. Where much is read of a text [`Json`] is faster.
    ///
    /// # Errors
    /// The bytes are not UTF-8 or not exactly one JSON value.
    pub fn parse(bytes: &'a [u8]) -> Result<Value<'a>, NotJson> {
        Ok(Value { text: check(bytes, 0)?.text, notes: &[] })
    }

    /// The value as it is written.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.text.starts_with('{')
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.text.starts_with('[')
    }

    /// The members of an object with their unescaped names, in order; none for another value.
    pub fn members(self) -> Members<'a> {
        Members { rest: self.inside('{') }
    }

    /// The items of an array; none for another value.
    pub fn items(self) -> Items<'a> {
        Items { rest: self.inside('[') }
    }

    /// What follows the opening bracket of a list; nothing for another value.
    fn inside(self, open: char) -> Rest<'a> {
        Rest { text: self.text.strip_prefix(open).unwrap_or(""), notes: self.notes.get(1..).unwrap_or(&[]) }
    }

    /// The member called `name`, the last if there are several; `null` counts as absent.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let found = self.members().filter(|(key, _)| key == name).last();
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The content of a string.
    pub fn string(self) -> Option<Text<'a>> {
        Some(Text(self.text.strip_prefix('"')?.strip_suffix('"')?))
    }

    /// A number.
    pub fn number(self) -> Option<f64> {
        if self.text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            self.text.parse().ok()
        } else {
            None
        }
    }

    /// A count: a number without sign and fraction. `12.0` is one too, as some servers write it.
    pub fn count(self) -> Option<u32> {
        if let Ok(count) = self.text.parse() {
            return Some(count);
        }
        let number = self.number()?;
        (number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
    }
}

/// The members of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: Rest<'a>,
}

impl<'a> Members<'a> {
    /// The members of an object that is written without its braces. The text must be JSON.
    pub fn without_braces(text: &'a str) -> Self {
        Members { rest: Rest { text, notes: &[] } }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.text;
        let bytes = text.as_bytes();
        let key = bytes.iter().position(|byte| !is_between(*byte)).filter(|&at| bytes[at] == b'"')?;
        let (key_end, plain) = self.rest.string_end(key);
        self.rest.text = text.get(key_end..)?;
        let value = self.rest.next_value()?;
        let key = Text(text.get(key + 1..key_end - 1)?);
        Some((if plain { Cow::Borrowed(key.0) } else { key.unescape() }, value))
    }
}

/// The items of an array.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: Rest<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.rest.next_value()
    }
}

/// What is left of a list.
#[derive(Clone, Debug)]
struct Rest<'a> {
    text: &'a str,
    notes: &'a [Note],
}

impl<'a> Rest<'a> {
    /// The next value, past the punctuation before it; nothing at the closing bracket.
    fn next_value(&mut self) -> Option<Value<'a>> {
        let bytes = self.text.as_bytes();
        let start = bytes.iter().position(|byte| !is_between(*byte))?;
        let notes = self.notes;
        let end = match bytes[start] {
            b'"' => self.string_end(start).0,
            b'{' | b'[' => match self.noted(start) {
                Some((end, _)) => end,
                None => list_end(bytes, start),
            },
            b'}' | b']' => return None,
            _ => bytes[start..]
                .iter()
                .position(|byte| is_between(*byte) || matches!(byte, b'}' | b']'))
                .map_or(bytes.len(), |length| start + length),
        };
        let value = Value { text: self.text.get(start..end)?, notes };
        self.text = self.text.get(end..)?;
        Some(value)
    }

    /// The end of the string that begins at `start`, quotes included, and whether it is without escapes.
    fn string_end(&mut self, start: usize) -> (usize, bool) {
        self.noted(start).unwrap_or_else(|| {
            let (quote, plain) = string_end(self.text.as_bytes(), start + 1);
            (quote + 1, plain)
        })
    }

    /// What the next note says of the string or list that begins at `start`: its end, and whether it is a string without
    /// escapes.
    fn noted(&mut self, start: usize) -> Option<(usize, bool)> {
        let [note, within @ ..] = self.notes else { return None };
        self.notes = if note.notes == 1 { within } else { self.notes.get(note.notes as usize..)? };
        Some((start + note.length as usize, note.plain))
    }
}

/// Whether a byte stands between values.
fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')
}

/// The quote that ends a string of a checked text, and whether the string is without escapes.
fn string_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut plain = true;
    loop {
        at = find_special(bytes, at);
        match bytes.get(at) {
            Some(b'\\') => (at, plain) = (at + 2, false),
            _ => return (at, plain),
        }
    }
}

/// The end of the object or array of a checked text that begins at `at`.
fn list_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1).0,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

/// Bytes of a text that is looked at as a whole rather than searched.
const SHORT: usize = 64;

/// The content of a JSON string, escapes and all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The text between the quotes of a string that has been checked.
    pub(super) fn of_raw(raw: &'a str) -> Self {
        Text(raw)
    }

    /// As it is written, escapes and all.
    pub(super) fn raw(self) -> &'a str {
        self.0
    }

    /// Whether it has no character.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Its characters, each escape counted as the one that it stands for.
    pub fn chars(self) -> u32 {
        // Most texts are a few letters: one look at them all, and no search.
        let odd = |odd, &byte: &u8| odd | !byte.is_ascii() | (byte == b'\\');
        if self.0.len() <= SHORT && !self.0.as_bytes().iter().fold(false, odd) {
            return self.0.len() as u32;
        }
        let count = if self.is_plain() { self.0.chars().count() } else { self.unescape().chars().count() };
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The text that it stands for.
    pub fn unescape(self) -> Cow<'a, str> {
        if self.is_plain() { Cow::Borrowed(self.0) } else { Cow::Owned(unescape(self.0)) }
    }

    fn is_plain(self) -> bool {
        memchr::memchr(b'\\', self.0.as_bytes()).is_none()
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.unescape() == other
    }
}

fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut after = escaped.chars();
        match after.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let (character, length) = unescape_unicode(escaped);
                text.push(character);
                rest = &escaped[length..];
                continue;
            }
            Some(other) => text.push(other), // quote, backslash, slash
            None => {}
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    text
}

/// The character of `uXXXX`, or of `uXXXX\uXXXX` for a surrogate pair, and the length of its escape.
fn unescape_unicode(escape: &str) -> (char, usize) {
    let unit = |from: usize| escape.get(from..from + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let first = unit(1).unwrap_or(0xfffd);
    if (0xd800..0xdc00).contains(&first)
        && escape.get(5..7) == Some("\\u")
        && let Some(second @ 0xdc00..=0xdfff) = unit(7)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

#[cfg(test)]
#[path = "json_scan_tests.rs"]
mod tests;
