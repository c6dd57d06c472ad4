//! How values are written where they are put: into JSON, into URLs, or as they are.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::table::Kind;

/// All but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a template stands, which says how values are written that nobody says anything of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The path and the query of a URL.
    Path,
    /// The value of a header field.
    Header,
    /// A JSON body.
    Json,
    /// A body that is a form, `application/x-www-form-urlencoded`.
    Form,
    /// Any other text.
    Text,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As it is.
    Raw,
    /// Within a string of JSON.
    InString,
    /// As a value of JSON, with quotes around texts.
    Value,
    /// The same, but values without a type as they are: whoever wrote `{"n": {{n}}}` wants no quotes.
    Bare,
    /// With percent signs.
    Url,
}

/// A character in an error text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter(pub(super) char);

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ' ' => f.write_str("a space"),
            '\n' | '\r' => f.write_str("a line break"),
            letter => write!(f, "`{}`", letter.escape_debug()),
        }
    }
}

impl Place {
    /// How values are written here; `in_string` says whether JSON has opened a string.
    pub(super) fn usual(self, in_string: bool) -> Escape {
        match self {
            Place::Path | Place::Form => Escape::Url,
            Place::Header | Place::Text => Escape::Raw,
            Place::Json if in_string => Escape::InString,
            Place::Json => Escape::Bare,
        }
    }

    /// The first character of `text` that cannot stand here.
    pub(super) fn refused(self, text: &str) -> Option<Letter> {
        let allowed = |c: char| match self {
            Place::Path => c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%[]|".contains(c),
            Place::Header => c == '\t' || c == ' ' || c.is_ascii_graphic(),
            Place::Json | Place::Form | Place::Text => true,
        };
        text.chars().find(|&c| !allowed(c)).map(Letter)
    }
}

impl Escape {
    /// Appends `text`, whose type is `kind`.
    pub(super) fn write(self, text: &str, kind: Kind, out: &mut Vec<u8>) {
        match (self, kind) {
            (Escape::Raw, _) | (Escape::Value | Escape::Bare, Kind::Json) | (Escape::Bare, Kind::Untyped) => {
                out.extend_from_slice(text.as_bytes());
            }
            (Escape::InString, _) => {
                let quoted = serde_json::Value::from(text).to_string();
                out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
            }
            (Escape::Value | Escape::Bare, _) => {
                // Neither the serialisation of a string nor writing to a vector can fail.
                let _ = serde_json::to_writer(out, text);
            }
            (Escape::Url, _) => {
                utf8_percent_encode(text, RESERVED).for_each(|part| out.extend_from_slice(part.as_bytes()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_their_place_needs_them() {
        let text = "a \"b\"\n\\ü/&";
        for (escape, kind, value, expected) in [
            (Escape::Raw, Kind::Text, text, text),
            (Escape::InString, Kind::Text, text, r#"a \"b\"\n\\ü/&"#),
            (Escape::InString, Kind::Json, r#"{"a":1}"#, r#"{\"a\":1}"#),
            (Escape::Value, Kind::Untyped, "5", "\"5\""),
            (Escape::Value, Kind::Text, text, r#""a \"b\"\n\\ü/&""#),
            (Escape::Value, Kind::Json, "[1]", "[1]"),
            (Escape::Bare, Kind::Untyped, "5", "5"),
            (Escape::Bare, Kind::Text, "5", "\"5\""),
            (Escape::Bare, Kind::Json, "null", "null"),
            (Escape::Url, Kind::Text, text, "a%20%22b%22%0A%5C%C3%BC%2F%26"),
            (Escape::Url, Kind::Text, "A-z_0.~", "A-z_0.~"),
        ] {
            let mut out = Vec::new();
            escape.write(value, kind, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{escape:?} {kind:?} {value}");
        }
    }
}
