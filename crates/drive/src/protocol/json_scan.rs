//! Reads the few members of a JSON text that are wanted, without building a tree of the rest.
//!
//! The text is checked once as a whole, so it is accepted or refused exactly as by `serde_json`; after that, members
//! are found by skipping. One leniency: an escaped lone surrogate reads as U+FFFD, as servers written in Python send it.

use std::borrow::Cow;

use thiserror::Error;

/// Nesting beyond this is refused, as by `serde_json`.
const MAX_DEPTH: u32 = 127;

/// A JSON value as it stands in a text that has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotJson {
    /// The text ends within a value.
    #[error("JSON that ends too early")]
    CutShort,
    /// A byte that cannot stand where it is.
    #[error("not JSON")]
    Syntax,
}

impl<'a> Value<'a> {
    /// The one value of `bytes`, white space around it aside.
    ///
    /// # Errors
    /// The bytes are not UTF-8 or not exactly one JSON value.
    pub fn parse(bytes: &'a [u8]) -> Result<Value<'a>, NotJson> {
        let text = std::str::from_utf8(bytes).map_err(|error| match error.error_len() {
            None => NotJson::CutShort, // within a character
            Some(_) => NotJson::Syntax,
        })?;
        let start = skip_space(bytes, 0);
        let end = skip_value(bytes, start, MAX_DEPTH)?;
        if skip_space(bytes, end) == bytes.len() {
            Ok(Value(&text[start..end]))
        } else {
            Err(NotJson::Syntax)
        }
    }

    /// The value as it is written.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// The members of an object with their unescaped names, in order; none for another value.
    pub fn members(self) -> Members<'a> {
        match self.0.strip_prefix('{') {
            Some(inner) => Members { rest: inner },
            None => Members { rest: "" },
        }
    }

    /// The items of an array; none for another value.
    pub fn items(self) -> Items<'a> {
        Items { rest: self.0.strip_prefix('[').unwrap_or("") }
    }

    /// The member called `name`, the last if there are several; `null` counts as absent.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let found = self.members().filter(|(key, _)| key == name).last();
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The content of a string.
    pub fn string(self) -> Option<Text<'a>> {
        Some(Text(self.0.strip_prefix('"')?.strip_suffix('"')?))
    }

    /// A number.
    pub fn number(self) -> Option<f64> {
        if self.0.starts_with(|c: char| c == '-' || c.is_ascii_digit()) { self.0.parse().ok() } else { None }
    }

    /// A count: a number without sign and fraction. `12.0` is one too, as some servers write it.
    pub fn count(self) -> Option<u32> {
        if let Ok(count) = self.0.parse() {
            return Some(count);
        }
        let number = self.number()?;
        (number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
    }
}

/// The members of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: &'a str,
}

impl<'a> Members<'a> {
    /// The members of an object that is written without its braces. The text must be JSON.
    pub fn without_braces(text: &'a str) -> Self {
        Members { rest: text }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.rest.as_bytes();
        let key = bytes.iter().position(|byte| !is_between(*byte)).filter(|&at| bytes[at] == b'"')? + 1;
        let (key_end, plain) = string_end(bytes, key);
        let (value, after) = next_value(self.rest.get(key_end + 1..)?)?;
        let key = Text(self.rest.get(key..key_end)?);
        self.rest = after;
        Some((if plain { Cow::Borrowed(key.0) } else { key.unescape() }, value))
    }
}

/// The items of an array.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let (value, after) = next_value(self.rest)?;
        self.rest = after;
        Some(value)
    }
}

/// The next value of a checked text, past the punctuation before it; nothing at the closing bracket.
fn next_value(text: &str) -> Option<(Value<'_>, &str)> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|byte| !is_between(*byte))?;
    let end = match bytes[start] {
        b'"' => string_end(bytes, start + 1).0 + 1,
        b'{' | b'[' => list_end(bytes, start),
        b'}' | b']' => return None,
        _ => bytes[start..]
            .iter()
            .position(|byte| is_between(*byte) || matches!(byte, b'}' | b']'))
            .map_or(bytes.len(), |length| start + length),
    };
    Some((Value(text.get(start..end)?), text.get(end..)?))
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

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The end of the value that begins at `at`.
fn skip_value(bytes: &[u8], at: usize, depth: u32) -> Result<usize, NotJson> {
    match bytes.get(at).ok_or(NotJson::CutShort)? {
        b'"' => skip_string(bytes, at + 1),
        b'{' => skip_list(bytes, at + 1, b'}', depth, skip_member),
        b'[' => skip_list(bytes, at + 1, b']', depth, skip_value),
        b't' => skip_word(bytes, at, b"true"),
        b'f' => skip_word(bytes, at, b"false"),
        b'n' => skip_word(bytes, at, b"null"),
        b'-' | b'0'..=b'9' => skip_number(bytes, at),
        _ => Err(NotJson::Syntax),
    }
}

/// The end of an object or an array whose first item may begin at `at`.
fn skip_list(
    bytes: &[u8],
    at: usize,
    close: u8,
    depth: u32,
    skip_item: fn(&[u8], usize, u32) -> Result<usize, NotJson>,
) -> Result<usize, NotJson> {
    let depth = depth.checked_sub(1).ok_or(NotJson::Syntax)?;
    let mut at = skip_space(bytes, at);
    if bytes.get(at) == Some(&close) {
        return Ok(at + 1);
    }
    loop {
        at = skip_space(bytes, skip_item(bytes, at, depth)?);
        match bytes.get(at) {
            Some(b',') => at = skip_space(bytes, at + 1),
            Some(byte) if *byte == close => return Ok(at + 1),
            Some(_) => return Err(NotJson::Syntax),
            None => return Err(NotJson::CutShort),
        }
    }
}

fn skip_member(bytes: &[u8], at: usize, depth: u32) -> Result<usize, NotJson> {
    if *bytes.get(at).ok_or(NotJson::CutShort)? != b'"' {
        return Err(NotJson::Syntax);
    }
    let colon = skip_space(bytes, skip_string(bytes, at + 1)?);
    if *bytes.get(colon).ok_or(NotJson::CutShort)? != b':' {
        return Err(NotJson::Syntax);
    }
    skip_value(bytes, skip_space(bytes, colon + 1), depth)
}

/// The end of the string whose content begins at `at`, its quote included.
pub(super) fn skip_string(bytes: &[u8], mut at: usize) -> Result<usize, NotJson> {
    loop {
        at = find_special(bytes, at);
        match bytes.get(at).ok_or(NotJson::CutShort)? {
            b'"' => return Ok(at + 1),
            b'\\' => match bytes.get(at + 1).ok_or(NotJson::CutShort)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    for digit in at + 2..at + 6 {
                        if !bytes.get(digit).ok_or(NotJson::CutShort)?.is_ascii_hexdigit() {
                            return Err(NotJson::Syntax);
                        }
                    }
                    at += 6;
                }
                _ => return Err(NotJson::Syntax),
            },
            _ => return Err(NotJson::Syntax), // a control character
        }
    }
}

/// The first quote, backslash or control character at or after `at`; the length if there is none.
///
/// Eight bytes at a time: a byte has its high bit set in `found` if it is one of these. Borrows only spoil the bytes
/// above a find, and only the lowest find is used.
fn find_special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        let found = (control | quote | backslash) & (ONES << 7);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

fn skip_word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, NotJson> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        Ok(at + word.len())
    } else if word.starts_with(rest) {
        Err(NotJson::CutShort)
    } else {
        Err(NotJson::Syntax)
    }
}

fn skip_number(bytes: &[u8], mut at: usize) -> Result<usize, NotJson> {
    let digits = |at: usize| match bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 if at == bytes.len() => Err(NotJson::CutShort),
        0 => Err(NotJson::Syntax),
        count => Ok(at + count),
    };
    at += usize::from(bytes[at] == b'-');
    let whole = at;
    at = digits(at)?;
    if bytes[whole] == b'0' && at > whole + 1 {
        return Err(NotJson::Syntax); // a leading zero
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Ok(at)
}

#[cfg(test)]
#[path = "json_scan_tests.rs"]
mod tests;
