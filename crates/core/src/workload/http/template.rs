//! Texts with variables in double braces: read once, filled in for each request.

use bytes::Bytes;

use super::HttpError;
use super::escape::{Escape, Place};
use super::table::Table;
use super::variable::{Hole, Moment, Scope, Variable};
use crate::workload::Body;

/// Literal parts from this length on are shared between requests, shorter ones copied into one piece.
const SHARED: usize = 4096;

/// A text with holes.
pub(super) struct Template {
    /// Where it was written, for error texts.
    origin: String,
    place: Place,
    pieces: Vec<Piece>,
}

enum Piece {
    Literal(Bytes),
    Hole(Hole, Escape),
}

impl Template {
    /// Reads `text`, which stands at `place` and was written at `origin`. `\{{` is a pair of braces, and of more than two
    /// braces in a row the last two open a variable.
    pub(super) fn parse(
        origin: &str,
        text: &str,
        place: Place,
        scope: &mut Scope<'_>,
    ) -> Result<Template, HttpError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut in_string = InString::default();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let (before, from) = rest.split_at(open);
            if let Some(before) = before.strip_suffix('\\') {
                take(&mut literal, &mut in_string, before);
                take(&mut literal, &mut in_string, "{{");
                rest = &from[2..];
                continue;
            }
            take(&mut literal, &mut in_string, before);
            let braces = from.len() - from.trim_start_matches('{').len();
            take(&mut literal, &mut in_string, &from[..braces - 2]);
            let from = &from[braces..];
            let Some(close) = from.find("}}") else {
                let at = text[..text.len() - from.len() - 2].chars().count() + 1;
                return Err(HttpError::Unclosed { template: origin.to_owned(), at });
            };
            let hole = scope.hole(origin, &from[..close])?;
            let escape = hole.escape.unwrap_or(place.usual(in_string.open));
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
            }
            pieces.push(Piece::Hole(hole, escape));
            rest = &from[close + 2..];
        }
        take(&mut literal, &mut in_string, rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        let template = Template { origin: origin.to_owned(), place, pieces };
        template.check_letters()?;
        Ok(template)
    }

    /// Bytes that are sent as they are.
    pub(super) fn fixed(origin: &str, bytes: Bytes) -> Template {
        Template { origin: origin.to_owned(), place: Place::Text, pieces: vec![Piece::Literal(bytes)] }
    }

    /// The same with `head` before and `tail` after it.
    pub(super) fn around(mut self, head: Bytes, tail: Bytes) -> Template {
        self.pieces.insert(0, Piece::Literal(head));
        self.pieces.push(Piece::Literal(tail));
        self
    }

    /// Whether all requests get the same.
    pub(super) fn is_fixed(&self) -> bool {
        self.holes().next().is_none()
    }

    /// Whether it needs the ordinary workload.
    pub(super) fn needs_prompts(&self) -> bool {
        self.holes().any(|(hole, _)| hole.variable.needs_prompts())
    }

    fn holes(&self) -> impl Iterator<Item = (&Hole, Escape)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Hole(hole, escape) => Some((hole, *escape)),
        })
    }

    /// HTTP cannot carry every letter everywhere.
    fn check_letters(&self) -> Result<(), HttpError> {
        let (place, remedy) = match self.place {
            Place::Path => ("a URL", "percent signs, as in %20 for a space"),
            Place::Header => ("a header", "letters, digits and signs of ASCII in one line"),
            Place::Json | Place::Form | Place::Text => return Ok(()),
        };
        let wrong = |found: String, instead: String| HttpError::Letter {
            template: self.origin.clone(),
            found,
            place,
            instead,
        };
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => {
                    if let Some(letter) = self.place.refused(&String::from_utf8_lossy(bytes)) {
                        let instead = match letter.0 {
                            '{' | '}' if self.place == Place::Path => {
                                "variables have two braces, as in {{id}}".to_owned()
                            }
                            _ => format!("write it with {remedy}"),
                        };
                        return Err(wrong(format!("{letter} in it"), instead));
                    }
                }
                Piece::Hole(hole, escape) if hole.variable.is_free_text() && *escape != Escape::Url => {
                    let found = format!("{{{{{}}}}} as it is", hole.name);
                    return Err(wrong(found, format!("write {{{{{}|url}}}}", hole.name)));
                }
                Piece::Hole(..) => {}
            }
        }
        Ok(())
    }

    /// Checks that every row has what the template names, in letters that can stand where it stands.
    pub(super) fn check_rows(&self, table: &Table) -> Result<(), HttpError> {
        let carries_all = !matches!(self.place, Place::Path | Place::Header);
        for (hole, escape) in self.holes() {
            let Variable::Column(index) = hole.variable else { continue };
            for row in table.rows() {
                let Some(cell) = row.cells.get(index).and_then(Option::as_ref) else {
                    let problem = format!("has no `{}`, which {} names: add it", hole.name, self.origin);
                    return Err(table.wrong(row, problem));
                };
                if carries_all {
                    continue;
                }
                let mut written = Vec::new();
                escape.write(&cell.text, cell.kind, &mut written);
                if let Some(letter) = self.place.refused(&String::from_utf8_lossy(&written)) {
                    let problem = format!(
                        "has {letter} in its `{0}`, which {1} cannot carry: write {{{{{0}|url}}}}, or take it out",
                        hole.name, self.origin
                    );
                    return Err(table.wrong(row, problem));
                }
            }
        }
        Ok(())
    }

    /// Fills it in; what is secret of it is added to `secrets`.
    pub(super) fn fill(&self, now: &Moment<'_>, secrets: &mut Vec<String>) -> Body {
        let mut filled = Body::default();
        let mut open = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) if bytes.len() >= SHARED || self.pieces.len() == 1 => {
                    if !open.is_empty() {
                        filled.pieces.push(std::mem::take(&mut open).into());
                    }
                    filled.pieces.push(bytes.clone());
                }
                Piece::Literal(bytes) => open.extend_from_slice(bytes),
                Piece::Hole(hole, escape) => {
                    let (text, kind) = hole.variable.value(now);
                    let from = open.len();
                    escape.write(&text, kind, &mut open);
                    if hole.secret {
                        secrets.push(String::from_utf8_lossy(&open[from..]).into_owned());
                        secrets.push(text.into_owned());
                    }
                }
            }
        }
        if !open.is_empty() {
            filled.pieces.push(open.into());
        }
        filled
    }

    /// Fills in a text.
    pub(super) fn fill_text(&self, now: &Moment<'_>, secrets: &mut Vec<String>) -> String {
        String::from_utf8_lossy(&self.fill(now, secrets).concat()).into_owned()
    }
}

/// Whether JSON has opened a string.
#[derive(Default)]
struct InString {
    open: bool,
    escaped: bool,
}

/// Adds to the literal text, and follows the quotes in it.
fn take(literal: &mut String, state: &mut InString, text: &str) {
    for c in text.chars() {
        match c {
            _ if state.escaped => state.escaped = false,
            '\\' => state.escaped = state.open,
            '"' => state.open = !state.open,
            _ => {}
        }
    }
    literal.push_str(text);
}
