//! Reads YAML into a tree that knows its lines.
//!
//! Made from the events of the parser, so that depth and size can be bounded: the file may be anybody's.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use thiserror::Error;

/// A value, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its line, from 1.
    pub line: usize,
    /// It.
    pub kind: Kind,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `null`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without quotes.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in order.
    Map(Vec<(Key, Node)>),
}

/// The key of a map's entry, and its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its line, from 1.
    pub line: usize,
    /// It.
    pub name: String,
}

/// A text that is not YAML that can be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct YamlError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

/// Values within values, at most; no manifest comes near.
const DEEPEST: usize = 64;

/// Values of a file at most, those that aliases repeat included.
const MOST: usize = 200_000;

/// Reads all documents of `text`; empty ones are left out.
///
/// # Errors
/// It is not YAML, or goes too deep, or is too large.
pub fn read(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError {
            line: error.marker().line(),
            what: format!("{}: this is not YAML", error.info()),
        })?;
        builder.take(event, span.start.line())?;
    }
    Ok(builder.documents)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    /// Lists and maps that are not closed yet.
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    values: usize,
}

struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Key>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let kind = if plain { resolve(&text) } else { Kind::Text(text.into_owned()) };
                self.put(Node { line, kind }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(Node { line, kind: Kind::List(Vec::new()) }, anchor)
            }
            Event::MappingStart(anchor, _) => self.begin(Node { line, kind: Kind::Map(Vec::new()) }, anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.put(open.node, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let repeated = self.anchors.get(&anchor).cloned().unwrap_or(Node { line, kind: Kind::Null });
                self.values += size(&repeated);
                if self.values > MOST || self.open.len() + depth(&repeated) > DEEPEST {
                    return Err(too_large(line));
                }
                self.put(repeated, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if self.open.len() >= DEEPEST {
            return Err(too_large(node.line));
        }
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.values += 1;
        if self.values > MOST {
            return Err(too_large(node.line));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
            self.values += size(&node);
        }
        let Some(open) = self.open.last_mut() else {
            if node.kind != Kind::Null {
                self.documents.push(node);
            }
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(entries), Some(key)) => {
                if entries.iter().any(|(other, _)| other.name == key.name) {
                    let what = format!("`{}` is there twice: the first would be lost; remove one", key.name);
                    return Err(YamlError { line: key.line, what });
                }
                entries.push((key, node));
            }
            (_, None) => open.key = Some(Key { line: node.line, name: node.to_text() }),
            (_, Some(_)) => {}
        }
        Ok(())
    }
}

fn too_large(line: usize) -> YamlError {
    let what = format!("more than {DEEPEST} levels or {MOST} values: this is no manifest");
    YamlError { line, what }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
        _ => 0,
    }
}

fn depth(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::List(items) => items.iter().map(depth).max().unwrap_or(0),
        Kind::Map(entries) => entries.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        _ => 0,
    }
}

/// What a plain scalar is, by the core schema of YAML 1.2.
fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ => {
            // `parse` takes `inf` and `nan` too, which YAML writes with a dot.
            let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            match text.parse::<f64>() {
                Ok(number) if numeric && number.is_finite() => Kind::Number(number),
                _ => Kind::Text(text.to_owned()),
            }
        }
    }
}

impl Node {
    /// The value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(other, _)| other.name == key).map(|(_, node)| node)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at the end of a path of keys.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.text()
    }

    /// The number at the end of a path of keys, in quotes or not.
    pub fn number_at(&self, path: &[&str]) -> Option<f64> {
        self.at(path)?.number()
    }

    /// Its entries, if it is a map.
    pub fn entries(&self) -> &[(Key, Node)] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// Its items, if it is a list.
    pub fn items(&self) -> &[Node] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// It as a text.
    pub fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// It as a number: also in quotes, and as a quantity of Kubernetes with `m` or `k`.
    pub fn number(&self) -> Option<f64> {
        match &self.kind {
            Kind::Number(number) => Some(*number),
            Kind::Text(text) => quantity(text),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match &self.kind {
            Kind::Text(text) => text.clone(),
            Kind::Number(number) => number.to_string(),
            Kind::Bool(bool) => bool.to_string(),
            _ => String::new(),
        }
    }
}

fn quantity(text: &str) -> Option<f64> {
    let text = text.trim();
    let scaled = |suffix, factor| Some(text.strip_suffix(suffix)?.parse::<f64>().ok()? * factor);
    let number = text.parse::<f64>().ok();
    number.or_else(|| scaled("m", 1e-3)).or_else(|| scaled("k", 1e3)).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_know_their_lines() {
        let documents =
            read("# first\na: 1\nb:\n  - x: \"2\"\n  - null\n---\n---\nc: {d: 14500m}\n").unwrap();
        assert_eq!(documents.len(), 2);
        let x = documents[0].get("b").unwrap().items()[0].get("x").unwrap();
        assert_eq!((x.line, x.number(), x.text()), (4, Some(2.0), Some("2")));
        assert_eq!(documents[0].number_at(&["a"]), Some(1.0));
        assert_eq!(documents[1].number_at(&["c", "d"]), Some(14.5));
        assert_eq!(documents[1].get("c").unwrap().line, 8);
    }

    #[test]
    fn plain_scalars_are_what_yaml_says() {
        for (text, kind) in [
            ("1.50", Kind::Number(1.5)),
            ("-3", Kind::Number(-3.0)),
            ("inf", Kind::Text("inf".into())),
            ("1.2.3", Kind::Text("1.2.3".into())),
            ("true", Kind::Bool(true)),
            ("~", Kind::Null),
            ("'true'", Kind::Text("true".into())),
        ] {
            assert_eq!(read(&format!("k: {text}")).unwrap()[0].get("k").unwrap().kind, kind, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where_and_why() {
        let refused = |text: &str| read(text).unwrap_err().to_string();
        let lines = [
            refused("a: 1\nb: [1, 2\n"),
            refused("a: 1\nb: 2\na: 3\n"),
            refused(&"[".repeat(1000)),
            refused(&"- ".repeat(1000)),
            refused(&format!(
                "a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
                "x,".repeat(500),
                "*a,".repeat(100),
                "*b,".repeat(100)
            )),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[-a:\\[\\]{}&*!|>'\"#%@`,? \n0-9]{0,80}") {
            let _ = read(&text);
        }
    }
}
