//! What counts as an answer: statuses, values in its JSON, patterns in its text.

use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::json_rule::JsonRule;

/// What counts as an answer. All of it must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expect {
    /// Statuses of which it has one.
    pub statuses: Vec<Statuses>,
    /// Rules for its JSON.
    pub json: Vec<JsonRule>,
    /// Regular expressions that match in its body.
    pub regexes: Vec<String>,
}

impl Default for Expect {
    fn default() -> Self {
        Expect { statuses: vec![Statuses { first: 200, last: 299 }], json: Vec::new(), regexes: Vec::new() }
    }
}

impl Expect {
    /// Whether an answer may have this status.
    pub fn allows(&self, status: u16) -> bool {
        self.statuses.iter().any(|range| (range.first..=range.last).contains(&status))
    }

    /// Its statuses in words: `200, 204 or 3xx`.
    pub fn statuses_text(&self) -> String {
        let all: Vec<String> = self.statuses.iter().map(ToString::to_string).collect();
        match all.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
            _ => all.concat(),
        }
    }
}

/// Neighbouring statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// The first, from 200.
    pub first: u16,
    /// The last, up to 599.
    pub last: u16,
}

/// A text that names no statuses.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no status: write 200, 2xx or 200-204, from 200 to 599, with commas between several")]
pub struct StatusError(String);

impl Statuses {
    /// Reads `200,404`, `2xx`, `200-204`.
    ///
    /// # Errors
    /// A part of the text names no statuses.
    pub fn parse_list(text: &str) -> Result<Vec<Statuses>, StatusError> {
        text.split(',').map(|part| Statuses::parse(part.trim())).collect()
    }

    fn parse(text: &str) -> Result<Statuses, StatusError> {
        let wrong = || StatusError(text.to_owned());
        let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        let (first, last) = match (class, text.split_once('-')) {
            (Some(hundreds), _) => {
                let first = number(hundreds)?.checked_mul(100).ok_or_else(wrong)?;
                (first, first.saturating_add(99))
            }
            (None, Some((first, last))) => (number(first.trim_end())?, number(last.trim_start())?),
            (None, None) => (number(text)?, number(text)?),
        };
        if first <= last && first >= 200 && last <= 599 { Ok(Statuses { first, last }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first, self.last);
        match () {
            () if first == last => write!(f, "{first}"),
            () if first.is_multiple_of(100) && last == first + 99 => write!(f, "{}xx", first / 100),
            () => write!(f, "{first}-{last}"),
        }
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_or_refused() {
        for (text, shown) in [
            ("200", "200"),
            ("2xx", "2xx"),
            ("200,404", "200 or 404"),
            (" 200-204 , 3XX,500", "200-204, 3xx or 500"),
            ("200-299", "2xx"),
        ] {
            let statuses = Statuses::parse_list(text).unwrap();
            assert_eq!(Expect { statuses, ..Expect::default() }.statuses_text(), shown, "{text}");
        }
        for text in ["", "ok", "200,", "20", "600", "2x", "6xx", "700xx", "204-200", "-200", "200-", "1xx"] {
            assert!(Statuses::parse_list(text).is_err(), "{text}");
        }
        let expect = Expect::default();
        assert_eq!([199, 200, 299, 300].map(|status| expect.allows(status)), [false, true, true, false]);
    }
}
