//! Writes YAML with comments above keys.
//!
//! Own code, since serializers write no comments above keys, and templates do not promise that what they write can be
//! read. Each text that is not plainly plain is written as JSON, which is YAML.

use std::fmt::Write as _;

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text, quoted where it must be.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(Vec<Field>),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    key: String,
    comment: String,
    value: Value,
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value)
    }
}

/// An empty map.
pub fn map() -> Value {
    Value::Map(Vec::new())
}

/// A list.
pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

impl Value {
    /// With an entry more; a value that is no map stays as it is.
    pub fn with(self, key: &str, value: impl Into<Value>) -> Value {
        self.noted(key, value, "")
    }

    /// With an entry more, and a comment above it.
    pub fn noted(mut self, key: &str, value: impl Into<Value>, comment: &str) -> Value {
        if let Value::Map(fields) = &mut self {
            fields.push(Field { key: key.to_owned(), comment: comment.to_owned(), value: value.into() });
        }
        self
    }
}

/// Columns of a comment, its indent included.
const WIDTH: usize = 100;

/// A document with a comment at its head.
pub fn write(head: &str, document: &Value) -> String {
    let mut out = String::new();
    comment(&mut out, 0, head);
    match document {
        Value::Map(fields) if !fields.is_empty() => entries(&mut out, 0, fields),
        Value::List(all) if !all.is_empty() => items(&mut out, 0, all),
        scalar => {
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
    out
}

fn entries(out: &mut String, indent: usize, fields: &[Field]) {
    for field in fields {
        comment(out, indent, &field.comment);
        pad(out, indent);
        entry(out, indent, field);
    }
}

fn entry(out: &mut String, indent: usize, field: &Field) {
    out.push_str(&text(&field.key));
    out.push(':');
    nested(out, indent, &field.value);
}

fn items(out: &mut String, indent: usize, all: &[Value]) {
    for item in all {
        match item {
            // The first entry of a map stands beside the dash, its comment above.
            Value::Map(fields) if !fields.is_empty() => {
                let (first, rest) = (&fields[0], &fields[1..]);
                comment(out, indent, &first.comment);
                pad(out, indent);
                out.push_str("- ");
                entry(out, indent + 2, first);
                entries(out, indent + 2, rest);
            }
            _ => {
                pad(out, indent);
                out.push('-');
                nested(out, indent, item);
            }
        }
    }
}

/// A value after `key:` or `-`.
fn nested(out: &mut String, indent: usize, value: &Value) {
    match value {
        Value::Map(fields) if !fields.is_empty() => {
            out.push('\n');
            entries(out, indent + 2, fields);
        }
        Value::List(all) if !all.is_empty() => {
            out.push('\n');
            items(out, indent + 2, all);
        }
        scalar => {
            out.push(' ');
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(value) => text(value),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

fn text(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(word);
    // What YAML 1.1, which Kubernetes reads, takes for a truth value or for nothing.
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if plain && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let special = |c: char| c == '\'' || !is_printed(c);
    if text.contains('"') && !text.contains(special) {
        return format!("'{text}'"); // reads better than with each quote escaped
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if !is_printed(c) => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c)); // a String takes everything
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a character stands for itself in YAML, whoever reads it.
fn is_printed(c: char) -> bool {
    !c.is_control() && !('\u{2028}'..='\u{2029}').contains(&c) && c != '\u{feff}'
}

/// A comment, cut into lines between words.
fn comment(out: &mut String, indent: usize, comment: &str) {
    for paragraph in comment.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent + 3 + line.chars().count() + word.chars().count() > WIDTH {
                comment_line(out, indent, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        comment_line(out, indent, &line);
    }
}

fn comment_line(out: &mut String, indent: usize, line: &str) {
    pad(out, indent);
    out.push('#');
    if !line.is_empty() {
        out.push(' ');
        out.push_str(line);
    }
    out.push('\n');
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Kind, Node, read};
    use super::*;

    fn means_the_same(value: &Value, node: &Node) -> bool {
        match (value, &node.kind) {
            (Value::Bool(a), Kind::Bool(b)) => a == b,
            (Value::Int(a), Kind::Number(b)) => *a as f64 == *b,
            (Value::Text(a), Kind::Text(b)) => a == b,
            (Value::List(a), Kind::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| means_the_same(a, b))
            }
            (Value::Map(a), Kind::Map(b)) => {
                let same = |(a, (key, b)): (&Field, &(_, Node))| {
                    a.key == key_name(key) && means_the_same(&a.value, b)
                };
                a.len() == b.len() && a.iter().zip(b).all(same)
            }
            _ => false,
        }
    }

    fn key_name(key: &super::super::Key) -> &str {
        &key.name
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            (-1000_i64..1000).prop_map(Value::Int),
            "\\PC{0,12}".prop_map(Value::Text),
            "[a-z:#\"'\\\\\n\t{}%-]{0,12}".prop_map(Value::Text),
            prop::sample::select(vec!["yes", "no", "null", "1e3", "~", "", "- a", "a: b", "48", "14500m"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let field = ("[a-zA-Z:# ]{0,8}", "\\PC{0,30}", inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::List),
                prop::collection::btree_map(field.0, (field.1, field.2), 0..4).prop_map(|fields| {
                    let fields =
                        fields.into_iter().map(|(key, (comment, value))| Field { key, comment, value });
                    Value::Map(fields.collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in anything(), head in "\\PC{0,200}") {
            let text = write(&head, &map().with("all", value.clone()));
            let documents = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert!(means_the_same(&value, documents[0].get("all").unwrap()), "{}", text);
        }
    }

    #[test]
    fn it_looks_as_people_write_it() {
        let metric = map().with("type", "Pods").with("value", "14500m");
        let value = map()
            .with("kind", "HPA")
            .noted("max", 20_u32, "14 times the capacity of one replica.\n\nSee cert.json.")
            .with("metrics", list([metric, map().noted("type", "External", "why")]))
            .with("none", map())
            .with("flags", list(["yes".into(), "a: b".into(), true.into()]));
        insta::assert_snapshot!(write("An example.", &value));
    }
}
