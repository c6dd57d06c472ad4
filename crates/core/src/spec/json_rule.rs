//! A rule for the JSON of an answer: a path, and what a value there is compared with.

use serde::{Serialize, Serializer};
use thiserror::Error;

/// A rule such as `$.ok == true`, `$.items[0].score > 0.5` or `$.label`.
///
/// ```text
/// rule    = path [ ("==" | "!=" | "<" | "<=" | ">" | ">=") literal ]
/// path    = "$" { "." name | ".*" | "[" index "]" | "[*]" | "['" name "']" | '["' name '"]' }
/// literal = number | string in single or double quotes | true | false | null
/// ```
///
/// An index below 0 counts from the end. Without a comparison, something must be there, `null` too. With `*` one of the
/// values must do.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonRule {
    text: String,
    path: Vec<Step>,
    test: Option<(Comparison, Literal)>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of an object with this name.
    Member(String),
    /// The item of a list; below 0 from its end.
    Item(i64),
    /// All members or items.
    All,
}

/// How a value is compared. Order is of numbers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
}

/// A text that is no rule.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("at character {at}: {what}")]
pub struct JsonRuleError {
    /// Where, counted from 1.
    pub at: usize,
    /// What is wrong there, and what to write.
    pub what: &'static str,
}

/// Longest first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Different),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl JsonRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// The text is none; says where.
    pub fn parse(text: &str) -> Result<JsonRule, JsonRuleError> {
        let text = text.trim();
        let mut reader = Reader { text, rest: text };
        if !reader.take("$") {
            return Err(reader.error("a path begins with $, as in $.ok"));
        }
        let mut path = Vec::new();
        while let Some(step) = reader.step()? {
            path.push(step);
        }
        let test = reader.test()?;
        Ok(JsonRule { text: text.to_owned(), path, test })
    }

    /// The rule as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where to look.
    pub fn path(&self) -> &[Step] {
        &self.path
    }

    /// What a value there must be; nothing if any will do.
    pub fn test(&self) -> Option<&(Comparison, Literal)> {
        self.test.as_ref()
    }
}

impl Serialize for JsonRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn error(&self, what: &'static str) -> JsonRuleError {
        let before = &self.text[..self.text.len() - self.rest.len()];
        JsonRuleError { at: before.chars().count() + 1, what }
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// What comes before the first character that is not of this kind.
    fn run_of(&mut self, kind: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !kind(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    fn step(&mut self) -> Result<Option<Step>, JsonRuleError> {
        if self.take(".*") || self.take("[*]") {
            return Ok(Some(Step::All));
        }
        if self.take(".") {
            let name = self.run_of(|c| c.is_alphanumeric() || c == '_' || c == '-');
            return match name {
                "" => {
                    Err(self.error("a name comes after the dot; write ['a name'] for one with other signs"))
                }
                name => Ok(Some(Step::Member(name.to_owned()))),
            };
        }
        if !self.take("[") {
            return Ok(None);
        }
        let step = match self.quoted()? {
            Some(name) => Step::Member(name),
            None => {
                let start = Reader { text: self.text, rest: self.rest };
                let digits = self.run_of(|c| c.is_ascii_digit() || c == '-');
                Step::Item(
                    digits
                        .parse()
                        .map_err(|_| start.error("write an index as [0], a name as ['name'], or [*]"))?,
                )
            }
        };
        if self.take("]") { Ok(Some(step)) } else { Err(self.error("a ] is missing")) }
    }

    /// A string in single or double quotes, if there is one. A backslash takes the sign after it as it is.
    fn quoted(&mut self) -> Result<Option<String>, JsonRuleError> {
        let Some(quote) = self.rest.chars().next().filter(|&c| c == '"' || c == '\'') else {
            return Ok(None);
        };
        let mut content = String::new();
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                '\\' if !escaped => escaped = true,
                c if c == quote && !escaped => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(Some(content));
                }
                c => {
                    content.push(c);
                    escaped = false;
                }
            }
        }
        Err(self.error("this quote is never closed"))
    }

    fn test(&mut self) -> Result<Option<(Comparison, Literal)>, JsonRuleError> {
        self.skip_space();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let found = COMPARISONS.into_iter().find(|(sign, _)| self.take(sign));
        let Some((_, comparison)) = found else {
            return Err(
                self.error("a path goes on with .name or [0]; comparisons are ==, !=, <, <=, > and >=")
            );
        };
        self.skip_space();
        let literal = self.literal()?;
        if !self.rest.is_empty() {
            return Err(self.error("nothing comes after the value; give a second rule by itself"));
        }
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::Different);
        if ordered && !matches!(literal, Literal::Number(_)) {
            return Err(self.error("only numbers have an order: compare with == or !="));
        }
        Ok(Some((comparison, literal)))
    }

    fn literal(&mut self) -> Result<Literal, JsonRuleError> {
        if let Some(text) = self.quoted()? {
            return Ok(Literal::Text(text));
        }
        let start = Reader { text: self.text, rest: self.rest };
        match self.run_of(|c| !c.is_whitespace()) {
            "true" => Ok(Literal::Bool(true)),
            "false" => Ok(Literal::Bool(false)),
            "null" => Ok(Literal::Null),
            word => match word.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Literal::Number(number)),
                _ => Err(start.error("write a number, a string in quotes, true, false or null")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (text, path, test) in [
            ("$", vec![], None),
            ("$.ok == true", vec![member("ok")], Some((Comparison::Equal, Literal::Bool(true)))),
            (" $.a-b[0].c ", vec![member("a-b"), Step::Item(0), member("c")], None),
            ("$['a b'][\"c'\"][-1]", vec![member("a b"), member("c'"), Step::Item(-1)], None),
            (
                "$.items[*].n>=-1.5e1",
                vec![member("items"), Step::All, member("n")],
                Some((Comparison::AtLeast, Literal::Number(-15.0))),
            ),
            ("$.*<3", vec![Step::All], Some((Comparison::Less, Literal::Number(3.0)))),
            (
                "$.s != 'it\\'s'",
                vec![member("s")],
                Some((Comparison::Different, Literal::Text("it's".to_owned()))),
            ),
            ("$.x == null", vec![member("x")], Some((Comparison::Equal, Literal::Null))),
        ] {
            let rule = JsonRule::parse(text).unwrap();
            assert_eq!((rule.path(), rule.test().cloned()), (&path[..], test), "{text}");
            assert_eq!(rule.text(), text.trim());
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_its_place() {
        for (text, at, what) in [
            ("", 1, "begins with $"),
            ("ok", 1, "begins with $"),
            ("$.", 3, "a name comes after"),
            ("$..a", 3, "a name comes after"),
            ("$.a[", 5, "an index as [0]"),
            ("$.a[x]", 5, "an index as [0]"),
            ("$.a[1", 6, "a ] is missing"),
            ("$['a]", 3, "never closed"),
            ("$.a = 1", 5, "comparisons are =="),
            ("$.a ok", 5, "comparisons are =="),
            ("$.a ==", 7, "write a number"),
            ("$.a == yes", 8, "write a number"),
            ("$.a == NaN", 8, "write a number"),
            ("$.a == 1 2", 9, "nothing comes after"),
            ("$.a < 'x'", 10, "only numbers"),
            ("$.ü == 'ü", 8, "never closed"),
        ] {
            let error = JsonRule::parse(text).unwrap_err();
            assert!(error.at == at && error.what.contains(what), "{text}: {error}");
        }
    }
}
