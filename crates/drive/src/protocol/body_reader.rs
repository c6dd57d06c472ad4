//! Reads a body that is an event stream or one JSON document, whichever the server sent.
//!
//! A server that was asked to stream may answer with a document (an error, or it cannot stream), and a body from a data
//! set may ask otherwise than the run does. The first bytes tell the two apart.

use std::borrow::Cow;

use plimsoll_core::time::Offset;

use super::excerpt::{error_excerpt, excerpt};
use super::json_scan::{Json, NotJson, Value};
use super::skeleton::Ends;
use super::sse::{Event, Splitter, TooLarge};
use super::{Decoder, Fields, Malformed, Reply};

/// The largest document accepted, in bytes.
pub(super) const MAX_DOCUMENT: usize = 256 << 20;

/// Characters of an excerpt in [`Malformed`].
const EXCERPT: usize = 100;

/// What the first line of an event stream begins with: a field or a comment.
const LINES: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b":"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What the JSON in a body means.
pub(super) trait Meaning: Send {
    /// Takes what the header fields of an answer say, before its body.
    const FIELDS: fn(&Fields<'_>, &mut Reply) = |_, _| {};

    /// An event of a stream, a JSON object, that arrived at `at`. Where an answer is one document there are none.
    fn event(&mut self, json: Value<'_>, _at: Offset, _reply: &mut Reply) -> Result<(), Malformed> {
        Err(malformed("events where one document was expected", json.text().as_bytes()))
    }

    /// Takes an event that is like an earlier one but for its text, without reading it anew; gives its length with its end,
    /// or nothing if `bytes` do not begin with such an event.
    fn event_again(&mut self, _bytes: &[u8], _ends: Ends, _at: Offset, _reply: &mut Reply) -> Option<usize> {
        None
    }

    /// A whole body, any JSON value.
    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed>;

    /// The end of a stream: first of its events, if a mark says so, then of its body. `[DONE]` completes an answer unless
    /// the protocol has a better mark.
    fn ended(&mut self, of: End, reply: &mut Reply) {
        reply.complete |= of == End::Marked;
    }
}

/// What ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// `[DONE]`.
    Marked,
    /// The regular end of the body, after `[DONE]` or without: last chance to say that an answer is complete.
    OfBody,
}

/// A decoder made of a meaning.
pub(super) struct BodyReader<M> {
    meaning: M,
    framing: Framing,
    /// `[DONE]` was seen: what follows is ignored.
    done: bool,
}

enum Framing {
    /// Too little to tell, kept here.
    Undecided(Vec<u8>),
    Events(Splitter),
    Document(Vec<u8>),
}

impl<M> BodyReader<M> {
    pub(super) fn new(meaning: M) -> Self {
        BodyReader { meaning, framing: Framing::Undecided(Vec::new()), done: false }
    }
}

impl<M: Meaning> Decoder for BodyReader<M> {
    fn fields(&mut self, fields: &Fields<'_>, reply: &mut Reply) -> bool {
        let answers = fields.status.is_none_or(|status| status == 200);
        if answers {
            M::FIELDS(fields, reply);
        }
        answers
    }

    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        match &mut self.framing {
            Framing::Undecided(begun) => {
                let body = if begun.is_empty() {
                    Cow::Borrowed(bytes)
                } else {
                    begun.extend_from_slice(bytes);
                    Cow::Owned(std::mem::take(begun))
                };
                match decide(&body) {
                    Some(framing) => {
                        self.framing = framing;
                        self.feed(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body), at, reply)
                    }
                    None => {
                        self.framing = Framing::Undecided(body.trim_ascii().to_vec());
                        Ok(())
                    }
                }
            }
            Framing::Events(_) if self.done => Ok(()),
            Framing::Events(splitter) => {
                let before = reply.events;
                let rest = if splitter.is_between_events() {
                    take_alike(&mut self.meaning, bytes, at, reply)
                } else {
                    bytes
                };
                let result = splitter
                    .feed(rest, |event| take_event(&mut self.meaning, &mut self.done, event, at, reply));
                // All but the first of a read shared their arrival.
                reply.coalesced_events += (reply.events - before).saturating_sub(1);
                result
            }
            Framing::Document(document) => {
                if document.len() + bytes.len() > MAX_DOCUMENT {
                    return Err(malformed("a response that is too large", document));
                }
                document.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn finish(&mut self, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        match &mut self.framing {
            Framing::Undecided(begun) => {
                reply.unreadable_end = !begun.is_empty();
                Ok(())
            }
            Framing::Events(splitter) => {
                if !self.done {
                    let cut = splitter.inside_event();
                    let result = splitter
                        .finish(|event| take_event(&mut self.meaning, &mut self.done, event, at, reply));
                    match result {
                        Err(_) if cut => {
                            reply.unreadable_end = true;
                            return Ok(());
                        }
                        result => result?,
                    }
                }
                self.meaning.ended(End::OfBody, reply);
                Ok(())
            }
            Framing::Document(document) => match Json::parse(document) {
                Ok(json) => {
                    self.meaning.document(json.value(), reply)?;
                    reply.complete = true;
                    Ok(())
                }
                Err(NotJson::CutShort) => {
                    reply.unreadable_end = true;
                    Ok(())
                }
                Err(error @ NotJson::Syntax) => Err(malformed(&error.to_string(), document)),
            },
        }
    }
}

/// How a body is framed that begins like this; nothing while that is open. What is neither JSON nor an event stream is
/// gathered like a document, and refused as one at its end.
fn decide(body: &[u8]) -> Option<Framing> {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    let begins = |line: &&&[u8]| text.starts_with(line) || line.starts_with(text);
    if BYTE_ORDER_MARK.starts_with(text) {
        return None; // empty, too
    }
    match LINES.iter().find(begins) {
        Some(line) if text.len() < line.len() => None,
        Some(_) => Some(Framing::Events(Splitter::default())),
        None => Some(Framing::Document(Vec::new())),
    }
}

/// Takes the events at the front of `bytes`, where an event begins, that are like an earlier one; gives what follows
/// them. Their lines need not be looked for.
fn take_alike<'a>(
    meaning: &mut impl Meaning,
    mut bytes: &'a [u8],
    at: Offset,
    reply: &mut Reply,
) -> &'a [u8] {
    while let Some(value) = bytes.strip_prefix(b"data:") {
        let data = value.strip_prefix(b" ").unwrap_or(value);
        let Some(length) = meaning.event_again(data, Ends::WithBlankLine, at, reply) else {
            break;
        };
        reply.events += 1;
        bytes = &data[length..];
    }
    bytes
}

fn take_event(
    meaning: &mut impl Meaning,
    done: &mut bool,
    event: Event<'_>,
    at: Offset,
    reply: &mut Reply,
) -> Result<(), Malformed> {
    let data = event.data.trim_ascii();
    if *done || data == b"[DONE]" {
        if !std::mem::replace(done, true) {
            meaning.ended(End::Marked, reply);
        }
        return Ok(());
    }
    if event.name.is_empty() && meaning.event_again(data, Ends::WithBytes, at, reply).is_some() {
        reply.events += 1;
        return Ok(());
    }
    let named_error = event.name == b"error";
    let json = Json::parse(data).ok();
    let json = json.as_ref().map(Json::value).filter(|json| json.is_object());
    if json.is_none() && !named_error {
        return Err(malformed("an event that is not a JSON object", data));
    }
    reply.events += 1;
    if let Some(json) = json {
        meaning.event(json, at, reply)?;
    }
    if named_error && reply.error.is_none() {
        reply.error = Some(error_excerpt(data));
    }
    Ok(())
}

/// Bytes that are not of the protocol.
pub(super) fn malformed(what: &str, bytes: &[u8]) -> Malformed {
    Malformed { what: what.to_owned(), excerpt: excerpt(bytes, EXCERPT) }
}

impl From<TooLarge> for Malformed {
    fn from(error: TooLarge) -> Self {
        Malformed { what: error.to_string(), excerpt: String::new() }
    }
}
