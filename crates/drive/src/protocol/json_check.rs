//! Checks that a text is JSON, as strictly as `serde_json`, and notes where its strings and lists end.

use thiserror::Error;

/// Nesting beyond this is refused, as by `serde_json`.
const MAX_DEPTH: u32 = 127;

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

/// What was noted of a string, an object or an array of a checked text. Notes are in the order in which these begin; the names
/// of members are strings, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// Its length in bytes, quotes or brackets included.
    pub(super) length: u32,
    /// How many notes are about it and what lies in it.
    pub(super) notes: u32,
    /// Whether it is a string without escapes.
    pub(super) plain: bool,
}

/// What a check has found.
pub(super) struct Checked<'a> {
    /// The one value, without white space around it.
    pub(super) text: &'a str,
    /// The first notes on it, as many as were to be made.
    pub(super) notes: Vec<Note>,
}

/// Checks that `bytes` are exactly one JSON value, and makes `most` notes on it.
///
/// # Errors
/// They are not, or not UTF-8.
pub(super) fn check(bytes: &[u8], most: usize) -> Result<Checked<'_>, NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|error| match error.error_len() {
        None => NotJson::CutShort, // within a character
        Some(_) => NotJson::Syntax,
    })?;
    // The notes of longer texts would not be numbers of 32 bits.
    let most = if u32::try_from(bytes.len()).is_ok() { most } else { 0 };
    let mut check = Check { bytes, at: 0, notes: Vec::with_capacity(most.min(USUAL_NOTES)), most };
    check.skip_space();
    let start = check.at;
    check.value(MAX_DEPTH)?;
    let end = check.at;
    check.skip_space();
    if check.at == bytes.len() {
        Ok(Checked { text: &text[start..end], notes: check.notes })
    } else {
        Err(NotJson::Syntax)
    }
}

/// Room for the notes on most texts.
const USUAL_NOTES: usize = 48;

struct Check<'a> {
    bytes: &'a [u8],
    /// What lies before this is JSON.
    at: usize,
    notes: Vec<Note>,
    most: usize,
}

impl Check<'_> {
    fn next(&self) -> Result<u8, NotJson> {
        self.bytes.get(self.at).copied().ok_or(NotJson::CutShort)
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Result<(), NotJson> {
        match self.next()? {
            b'"' => self.string(),
            b'{' => self.list(b'}', depth),
            b'[' => self.list(b']', depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(NotJson::Syntax),
        }
    }

    /// An object or an array, at its opening bracket.
    fn list(&mut self, close: u8, depth: u32) -> Result<(), NotJson> {
        let depth = depth.checked_sub(1).ok_or(NotJson::Syntax)?;
        let (start, number) = (self.at, self.notes.len());
        if number < self.most {
            self.notes.push(Note::default());
        }
        self.at += 1;
        self.skip_space();
        if self.bytes.get(self.at) == Some(&close) {
            self.at += 1;
        } else {
            self.items(close, depth)?;
        }
        let notes = self.notes.len() - number;
        if let Some(list) = self.notes.get_mut(number) {
            // Both fit: the text is not longer than that.
            *list = Note { length: (self.at - start) as u32, notes: notes as u32, plain: false };
        }
        Ok(())
    }

    /// Items or members up to the closing bracket; there is one at least.
    fn items(&mut self, close: u8, depth: u32) -> Result<(), NotJson> {
        loop {
            if close == b'}' {
                self.name()?;
            }
            self.value(depth)?;
            self.skip_space();
            match self.next()? {
                b',' => self.at += 1,
                byte if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(NotJson::Syntax),
            }
            self.skip_space();
        }
    }

    /// The name of a member, its colon, and what space follows.
    fn name(&mut self) -> Result<(), NotJson> {
        if self.next()? != b'"' {
            return Err(NotJson::Syntax);
        }
        self.string()?;
        self.skip_space();
        if self.next()? != b':' {
            return Err(NotJson::Syntax);
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn string(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        let plain;
        (self.at, plain) = skip_string(self.bytes, start + 1)?;
        if self.notes.len() < self.most {
            self.notes.push(Note { length: (self.at - start) as u32, notes: 1, plain });
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), NotJson> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(NotJson::CutShort)
        } else {
            Err(NotJson::Syntax)
        }
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.at += usize::from(self.bytes[self.at] == b'-');
        let whole = self.at;
        self.digits()?;
        if self.bytes[whole] == b'0' && self.at > whole + 1 {
            return Err(NotJson::Syntax); // a leading zero
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1 + usize::from(matches!(self.bytes.get(self.at + 1), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Result<(), NotJson> {
        if !self.next()?.is_ascii_digit() {
            return Err(NotJson::Syntax);
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }
}

/// The end of the string whose content begins at `at`, its quote included, and whether it is without escapes.
pub(super) fn skip_string(bytes: &[u8], mut at: usize) -> Result<(usize, bool), NotJson> {
    let mut plain = true;
    loop {
        at = find_special(bytes, at);
        match bytes.get(at).ok_or(NotJson::CutShort)? {
            b'"' => return Ok((at + 1, plain)),
            b'\\' => match bytes.get(at + 1).ok_or(NotJson::CutShort)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => (at, plain) = (at + 2, false),
                b'u' => {
                    for digit in at + 2..at + 6 {
                        if !bytes.get(digit).ok_or(NotJson::CutShort)?.is_ascii_hexdigit() {
                            return Err(NotJson::Syntax);
                        }
                    }
                    (at, plain) = (at + 6, false);
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
pub(super) fn find_special(bytes: &[u8], mut at: usize) -> usize {
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
