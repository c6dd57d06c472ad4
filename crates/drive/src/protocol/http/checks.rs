//! Whether an answer is what the user expects: statuses, values in its JSON, patterns in its text.

use plimsoll_core::spec::{Comparison, Expect, JsonRule, Literal, Step};
use regex::bytes::Regex;
use thiserror::Error;

use super::super::excerpt::excerpt;
use super::super::json_scan::Value;

/// Characters of an answer in an error text.
const EXCERPT: usize = 120;

/// The rules of a run, ready to be applied.
pub(super) struct Checks {
    pub(super) expect: Expect,
    patterns: Vec<Regex>,
}

/// A pattern that is no regular expression.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("--expect-regex `{pattern}` is no regular expression: {reason}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it, and where.
    pub reason: String,
}

/// Whether all patterns are regular expressions.
///
/// # Errors
/// The first that is none.
pub fn check_patterns(expect: &Expect) -> Result<(), PatternError> {
    expect.regexes.iter().try_for_each(|pattern| compile(pattern).map(drop))
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let wrong = |reason: String| PatternError { pattern: pattern.to_owned(), reason };
    Regex::new(pattern).map_err(|error| match regex_syntax::parse(pattern) {
        Err(regex_syntax::Error::Parse(syntax)) => {
            wrong(format!("{} at character {}", syntax.kind(), syntax.span().start.column))
        }
        Err(regex_syntax::Error::Translate(syntax)) => {
            wrong(format!("{} at character {}", syntax.kind(), syntax.span().start.column))
        }
        _ => wrong(error.to_string().replace('\n', " ")),
    })
}

impl Checks {
    pub(super) fn new(expect: &Expect) -> Result<Self, PatternError> {
        let patterns = expect.regexes.iter().map(|pattern| compile(pattern));
        Ok(Checks { expect: expect.clone(), patterns: patterns.collect::<Result<_, _>>()? })
    }

    /// Whether there are rules for the body.
    pub(super) fn of_body(&self) -> bool {
        self.has_patterns() || !self.expect.json.is_empty()
    }

    /// Whether there are rules for the body as text.
    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// The first rule for JSON that a document breaks, in words. `unseen` says why it could not be looked at, if so.
    pub(super) fn json_broken(&self, body: &[u8], unseen: Option<&str>) -> Option<String> {
        let first = self.expect.json.first()?;
        let expected = |rule: &JsonRule, got: &str| Some(format!("expected {}, {got}", rule.text()));
        if let Some(unseen) = unseen {
            return expected(first, unseen);
        }
        let Ok(json) = Value::parse(body) else {
            let said = excerpt(body, EXCERPT);
            return match said.as_str() {
                "" => expected(first, "and the answer is empty"),
                said => expected(first, &format!("and the answer is no JSON: {said}")),
            };
        };
        self.expect
            .json
            .iter()
            .find(|rule| !holds(rule, json))
            .and_then(|rule| expected(rule, &got(rule, json)))
    }

    /// The first pattern that does not match what is there of an answer, in words. `unseen` says why that is not all.
    pub(super) fn pattern_broken(&self, body: &[u8], unseen: Option<&str>) -> Option<String> {
        let broken = self.patterns.iter().find(|pattern| !pattern.is_match(body))?;
        let said = match (unseen, excerpt(body, EXCERPT)) {
            (Some(unseen), _) => unseen.to_owned(),
            (None, said) if said.is_empty() => "and the answer is empty".to_owned(),
            (None, said) => format!("got {said}"),
        };
        Some(format!("expected a match of `{broken}`, {said}"))
    }
}

/// Whether a value does as the rule says.
pub(super) fn holds(rule: &JsonRule, json: Value<'_>) -> bool {
    any_at(rule.path(), json, &mut |value| rule.test().is_none_or(|test| passes(test, value)))
}

/// What an answer has in place of what the rule wants.
fn got(rule: &JsonRule, json: Value<'_>) -> String {
    let mut found = None;
    any_at(rule.path(), json, &mut |value| {
        found = Some(value);
        true
    });
    match found {
        Some(value) => format!("got {}", excerpt(value.text().as_bytes(), EXCERPT)),
        None => format!("and there is nothing in {}", excerpt(json.text().as_bytes(), EXCERPT)),
    }
}

/// Shows `visit` the values at a path until one satisfies it.
fn any_at<'a>(path: &[Step], value: Value<'a>, visit: &mut impl FnMut(Value<'a>) -> bool) -> bool {
    let Some((step, rest)) = path.split_first() else { return visit(value) };
    match step {
        Step::Member(name) => {
            let last = value.members().filter(|(key, _)| key == name).last();
            last.is_some_and(|(_, value)| any_at(rest, value, visit))
        }
        Step::Item(index) => {
            let index = match usize::try_from(*index) {
                Ok(index) => Some(index),
                Err(_) => usize::try_from(index.unsigned_abs())
                    .ok()
                    .and_then(|back| value.items().count().checked_sub(back)),
            };
            let item = index.and_then(|index| value.items().nth(index));
            item.is_some_and(|value| any_at(rest, value, visit))
        }
        Step::All => {
            value.members().any(|(_, value)| any_at(rest, value, visit))
                || value.items().any(|value| any_at(rest, value, visit))
        }
    }
}

fn passes((comparison, literal): &(Comparison, Literal), value: Value<'_>) -> bool {
    let equal = || match literal {
        Literal::Null => value.is_null(),
        Literal::Bool(wanted) => value.text() == if *wanted { "true" } else { "false" },
        Literal::Number(wanted) => value.number() == Some(*wanted),
        Literal::Text(wanted) => value.string().is_some_and(|text| text.unescape() == wanted.as_str()),
    };
    let ordered = |fits: fn(&f64, &f64) -> bool| match (value.number(), literal) {
        (Some(value), Literal::Number(limit)) => fits(&value, limit),
        _ => false,
    };
    match comparison {
        Comparison::Equal => equal(),
        Comparison::Different => !equal(),
        Comparison::Less => ordered(f64::lt),
        Comparison::AtMost => ordered(f64::le),
        Comparison::Greater => ordered(f64::gt),
        Comparison::AtLeast => ordered(f64::ge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_or_not() {
        let json = r#"{"ok":true,"n":2.50,"s":"a\"b","z":null,"l":[{"v":1},{"v":7}],"o":{"a":1},"n":3}"#;
        for (rule, expected) in [
            ("$", true),
            ("$.ok", true),
            ("$.ok == true", true),
            ("$.ok != true", false),
            ("$.ok == 'true'", false),
            ("$.n == 3", true), // the last of two counts
            ("$.n > 3", false),
            ("$.n >= 3", true),
            ("$.n < 3.1", true),
            ("$.s == 'a\"b'", true),
            ("$.s > 1", false),
            ("$.z", true),
            ("$.z == null", true),
            ("$.none", false),
            ("$.none != 1", false), // there is nothing to be different
            ("$.l[0].v == 1", true),
            ("$.l[-1].v == 7", true),
            ("$.l[-3]", false),
            ("$.l[2]", false),
            ("$.l[*].v > 5", true),
            ("$.l[*].v > 7", false),
            ("$.o.*", true),
            ("$.ok.deeper", false),
            ("$['o']['a'] == 1", true),
        ] {
            let parsed = JsonRule::parse(rule).unwrap();
            assert_eq!(holds(&parsed, Value::parse(json.as_bytes()).unwrap()), expected, "{rule}");
        }
    }

    #[test]
    fn a_broken_rule_is_told_with_what_was_got() {
        let rules = |json: &[&str], regexes: &[&str]| {
            Checks::new(&Expect {
                json: json.iter().map(|rule| JsonRule::parse(rule).unwrap()).collect(),
                regexes: regexes.iter().map(|&pattern| pattern.to_owned()).collect(),
                ..Expect::default()
            })
            .unwrap()
        };
        let checks = rules(&["$.ok == true", "$.id"], &[]);
        for (body, expected) in [
            (r#"{"ok":true,"id":1}"#, None),
            (r#"{"ok":false,"id":1}"#, Some("expected $.ok == true, got false")),
            (r#"{"ok":true}"#, Some(r#"expected $.id, and there is nothing in {"ok":true}"#)),
            ("<html>", Some("expected $.ok == true, and the answer is no JSON: <html>")),
            ("", Some("expected $.ok == true, and the answer is empty")),
        ] {
            assert_eq!(checks.json_broken(body.as_bytes(), None).as_deref(), expected, "{body}");
        }
        let checks = rules(&[], &["(?i)OK", "(?s-u)^.{2,}$"]);
        for (body, expected) in [
            (&b"ok"[..], None),
            (b"no", Some("expected a match of `(?i)OK`, got no")),
            (b"", Some("expected a match of `(?i)OK`, and the answer is empty")),
            (b"\xffok", None),
        ] {
            assert_eq!(checks.pattern_broken(body, None).as_deref(), expected, "{body:?}");
        }
    }

    #[test]
    fn a_bad_pattern_is_refused_with_its_place() {
        for (pattern, expected) in [
            ("a(b", "unclosed group at character 2"),
            ("[z-a]", "at character 2"),
            ("x{3,1}", "at character 2"),
            ("\\p{Nope}", "Unicode property not found at character 1"),
        ] {
            let error = compile(pattern).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
    }
}
