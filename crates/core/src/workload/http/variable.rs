//! What stands between double braces: a column or a variable of ours, and how it is to be written.

use std::borrow::Cow;

use rand::{Rng as _, RngExt};

use super::HttpError;
use super::escape::Escape;
use super::table::{Kind, Row};
use crate::nearest::nearest;
use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::Corpus;
use crate::workload::{CharPrompts, Prompt, RequestSpec};

/// The names of ours, as they are written.
const OURS: [&str; 8] = [
    "counter",
    "index",
    "uuid",
    "random_int(1,100)",
    "random_float(0,1)",
    "random_text(1000)",
    "prompt",
    "max_tokens",
];
/// The longest `random_text`, in characters.
const LONGEST_TEXT: u32 = 64 << 20;

/// A place that is filled in anew for each request.
pub(super) struct Hole {
    pub(super) name: String,
    pub(super) variable: Variable,
    /// How it is written, if the user says so.
    pub(super) escape: Option<Escape>,
    /// Whether nobody may see it.
    pub(super) secret: bool,
}

/// Where a value comes from.
pub(super) enum Variable {
    /// The column with this number.
    Column(usize),
    /// The number of the request, counted from here.
    Counter(u64),
    /// A random UUID, version 4.
    Uuid(Stream),
    /// A whole number, both ends included.
    Int(Stream, i64, i64),
    /// A number from the first up to, without it, the second.
    Float(Stream, f64, f64),
    /// Text of a corpus.
    Text(CharPrompts),
    /// The prompt of the workload.
    Prompt,
    /// The tokens to generate.
    MaxTokens,
}

/// The random numbers of one hole: those of another are others.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    seed: Seed,
    name: String,
}

/// What a request brings to its templates.
pub(super) struct Moment<'a> {
    pub(super) id: RequestId,
    pub(super) row: Option<&'a Row>,
    /// What the ordinary workload asks with this number, where a template wants it.
    pub(super) asked: Option<&'a RequestSpec>,
}

/// What the templates of a run may name.
pub(super) struct Scope<'a> {
    pub(super) seed: Seed,
    pub(super) columns: &'a [String],
    /// Holes so far.
    pub(super) holes: usize,
}

impl Scope<'_> {
    /// Reads what stands between the braces of a template that was written at `template`.
    pub(super) fn hole(&mut self, template: &str, inner: &str) -> Result<Hole, HttpError> {
        let wrong = |why: &'static str| HttpError::Variable {
            template: template.to_owned(),
            variable: inner.to_owned(),
            why,
        };
        let mut parts = inner.split('|').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let (mut escape, mut secret) = (None, false);
        for filter in parts {
            let given = match filter {
                "raw" => Some(Escape::Raw),
                "json" => Some(Escape::Value),
                "url" => Some(Escape::Url),
                "secret" => {
                    secret = true;
                    continue;
                }
                _ => return Err(wrong("and what follows the bar can be raw, json, url or secret")),
            };
            if std::mem::replace(&mut escape, given).is_some() {
                return Err(wrong("and only one of raw, json and url can say how it is written"));
            }
        }
        let variable = self.variable(template, name, &wrong)?;
        self.holes += 1;
        Ok(Hole { name: name.to_owned(), variable, escape, secret })
    }

    fn variable(
        &self,
        template: &str,
        name: &str,
        wrong: &dyn Fn(&'static str) -> HttpError,
    ) -> Result<Variable, HttpError> {
        // A column comes first, so that no new variable of ours can take a user's name.
        if let Some(index) = self.columns.iter().position(|column| column == name) {
            return Ok(Variable::Column(index));
        }
        let (function, arguments) = match name.split_once('(') {
            Some((function, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(|| wrong("and its ( has no ) at the end"))?;
                (function.trim_end(), inside.split(',').map(str::trim).collect())
            }
            None => (name, Vec::new()),
        };
        let stream = Stream { seed: self.seed, name: format!("http-{}", self.holes) };
        match (function, arguments.as_slice()) {
            ("counter", []) => Ok(Variable::Counter(1)),
            ("counter", [start]) => start
                .parse()
                .map(Variable::Counter)
                .map_err(|_| wrong("and a counter starts at a whole number: write counter(1000)")),
            ("index", []) => Ok(Variable::Counter(0)),
            ("uuid", []) => Ok(Variable::Uuid(stream)),
            ("prompt", []) => Ok(Variable::Prompt),
            ("max_tokens", []) => Ok(Variable::MaxTokens),
            ("random_int", ends) => int(stream, ends).ok_or_else(|| {
                wrong("which needs two whole numbers, the smaller first: write random_int(1,100)")
            }),
            ("random_float", ends) => float(stream, ends)
                .ok_or_else(|| wrong("which needs two numbers, the smaller first: write random_float(0,1)")),
            ("random_text", length) => text(&stream, length).ok_or_else(|| {
                wrong("which needs a number of characters from 1 to 67108864: write random_text(1000)")
            }),
            ("counter" | "index" | "uuid" | "prompt" | "max_tokens", _) => {
                Err(wrong("which takes nothing between parentheses, but for counter(START)"))
            }
            _ => Err(self.unknown(template, function)),
        }
    }

    fn unknown(&self, template: &str, name: &str) -> HttpError {
        let bare = |ours: &'static str| ours.split('(').next().unwrap_or(ours);
        let names = self.columns.iter().map(String::as_str);
        let near = nearest(name, names.clone().chain(OURS.into_iter().map(bare)));
        HttpError::Unknown {
            template: template.to_owned(),
            name: name.to_owned(),
            nearest: near.map(str::to_owned),
            known: names.chain(OURS).map(str::to_owned).collect(),
        }
    }
}

fn int(stream: Stream, ends: &[&str]) -> Option<Variable> {
    let [low, high] = ends else { return None };
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high).then_some(Variable::Int(stream, low, high))
}

fn float(stream: Stream, ends: &[&str]) -> Option<Variable> {
    let [low, high] = ends else { return None };
    let (low, high): (f64, f64) = (low.parse().ok()?, high.parse().ok()?);
    (low < high && (high - low).is_finite()).then_some(Variable::Float(stream, low, high))
}

fn text(stream: &Stream, length: &[&str]) -> Option<Variable> {
    let [chars] = length else { return None };
    let chars = chars.parse().ok().filter(|chars| (1..=LONGEST_TEXT).contains(chars))?;
    Some(Variable::Text(CharPrompts::text(Corpus::Verse, chars, stream.own_seed())))
}

impl Stream {
    /// The generator of a request.
    fn of(&self, id: RequestId) -> crate::seed::Rng {
        self.seed.keyed(&self.name, id.0)
    }

    /// A seed for a maker that has its own streams.
    fn own_seed(&self) -> Seed {
        Seed(self.seed.stream(&self.name).next_u64())
    }
}

impl Variable {
    /// Whether it needs the ordinary workload.
    pub(super) fn needs_prompts(&self) -> bool {
        matches!(self, Variable::Prompt | Variable::MaxTokens)
    }

    /// Whether its values may have line breaks and letters beyond ASCII, as far as nobody has looked at them.
    pub(super) fn is_free_text(&self) -> bool {
        matches!(self, Variable::Prompt | Variable::Text(_))
    }

    /// The value for a request, and its type.
    pub(super) fn value<'a>(&self, now: &Moment<'a>) -> (Cow<'a, str>, Kind) {
        let number = |text: String| (Cow::Owned(text), Kind::Json);
        match self {
            Variable::Column(index) => {
                let cell = now.row.and_then(|row| row.cells.get(*index)?.as_ref());
                cell.map_or((Cow::Borrowed(""), Kind::Untyped), |cell| {
                    (Cow::Borrowed(&*cell.text), cell.kind)
                })
            }
            Variable::Counter(start) => number(start.wrapping_add(now.id.0).to_string()),
            Variable::Uuid(stream) => (Cow::Owned(uuid(stream.of(now.id).random())), Kind::Text),
            Variable::Int(stream, low, high) => {
                number(stream.of(now.id).random_range(*low..=*high).to_string())
            }
            Variable::Float(stream, low, high) => {
                number(stream.of(now.id).random_range(*low..*high).to_string())
            }
            Variable::Text(texts) => (Cow::Owned(texts.build(now.id).to_string()), Kind::Text),
            Variable::Prompt => match now.asked.map(|asked| &asked.prompt) {
                Some(Prompt::Text(text)) => (Cow::Borrowed(text), Kind::Text),
                _ => (Cow::Borrowed(""), Kind::Text),
            },
            Variable::MaxTokens => number(now.asked.map_or(0, |asked| asked.max_tokens).to_string()),
        }
    }
}

/// A UUID of version 4 from random bits (RFC 9562, section 5.4).
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_say_their_version_and_variant() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
