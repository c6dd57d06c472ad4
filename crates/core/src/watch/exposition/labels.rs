//! The labels of a series, read when somebody asks for them.

use std::borrow::Cow;

/// Labels, as they stand on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labels<'a>(Form<'a>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form<'a> {
    /// What stands between the braces.
    Text(&'a str),
    /// Names and values.
    Pairs(&'a [(String, String)]),
}

impl<'a> Labels<'a> {
    /// Those that a text page has between braces.
    pub fn text(inside: &'a str) -> Self {
        Labels(Form::Text(inside))
    }

    /// Those of a list.
    pub fn pairs(pairs: &'a [(String, String)]) -> Self {
        Labels(Form::Pairs(pairs))
    }

    /// The value of the label `name`.
    pub fn get(self, name: &str) -> Option<Cow<'a, str>> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// All names and values; what cannot be read ends them.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
        let (mut text, mut pairs) = match self.0 {
            Form::Text(text) => (text, [].iter()),
            Form::Pairs(pairs) => ("", pairs.iter()),
        };
        std::iter::from_fn(move || match pairs.next() {
            Some((name, value)) => Some((name.as_str(), Cow::Borrowed(value.as_str()))),
            None => {
                let (name, value, rest) = next_label(text)?;
                text = rest;
                Some((name, value))
            }
        })
    }

    /// Something that differs between series of one name, and is alike from page to page.
    pub fn hash_into(self, hasher: &mut impl std::hash::Hasher) {
        match self.0 {
            Form::Text(text) => hasher.write(text.as_bytes()),
            Form::Pairs(pairs) => pairs.iter().for_each(|(name, value)| {
                hasher.write(name.as_bytes());
                hasher.write_u8(b'=');
                hasher.write(value.as_bytes());
                hasher.write_u8(b',');
            }),
        }
    }
}

/// The first label of `text`, and what follows it.
fn next_label(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (name, rest) = text.split_once('=')?;
    let quoted = rest.trim_start().strip_prefix('"')?;
    let end = end_of_quoted(quoted.as_bytes())?;
    let name = name.trim().trim_matches('"');
    Some((name, unescaped(&quoted[..end]), &quoted[end + 1..]))
}

/// Where the quote is that ends what began with one.
pub(super) fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// `\\`, `\"` and `\n` as what they stand for; any other backslash stands for itself.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.as_str().chars().next()) {
            ('\\', Some(next @ ('\\' | '"' | 'n'))) => {
                plain.push(if next == 'n' { '\n' } else { next });
                letters.next();
            }
            _ => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}
