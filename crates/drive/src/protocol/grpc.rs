//! gRPC without I/O: messages in their frames of five bytes and a length, and the status that ends a call.

use std::borrow::Cow;

use bytes::{Buf as _, Bytes, BytesMut};
use percent_encoding::percent_decode_str;
use plimsoll_core::record::Outcome;
use plimsoll_core::workload::Body;
use prost::Message;

use super::outcome::outcome_of_status;
use super::{Fields, Malformed, Outgoing, Reply, Route};
use crate::transport::{Called, Fetched};

/// Bytes before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Longest message that is read, in bytes.
const MAX_MESSAGE: usize = 512 << 20;

/// The service of the Open Inference Protocol, which its methods follow.
const SERVICE: &str = "/inference.GRPCInferenceService";

/// The outside of calls of a method of the Open Inference Protocol.
pub fn grpc_route(method: &str) -> Route {
    Route {
        method: Cow::Borrowed("POST"),
        path: format!("{SERVICE}/{method}"),
        accept: Cow::Borrowed("application/grpc"),
        content_type: Some(Cow::Borrowed("application/grpc")),
        by_part: false,
        own_fields: Vec::new(),
    }
}

/// The header field that every call has: some servers refuse a client that does not say that it reads trailers.
pub(super) fn grpc_field() -> (Cow<'static, str>, String) {
    (Cow::Borrowed("te"), "trailers".to_owned())
}

/// A call with one message.
pub fn calling(message: &impl Message) -> Outgoing {
    let body = Body { pieces: vec![prefixed(&message.encode_to_vec(), 0)] };
    Outgoing { fields: vec![grpc_field()], ..body.into() }
}

/// The beginning of a message behind its prefix; `rest` bytes of it follow.
pub(super) fn prefixed(beginning: &[u8], rest: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX + beginning.len());
    bytes.extend_from_slice(&[0]);
    // Tensors are held in memory, many times over: no message comes near four gigabytes.
    let len = u32::try_from(beginning.len() + rest).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(beginning);
    bytes.freeze()
}

/// The one answer of a call that is over: from the status of HTTP, all fields and the body.
///
/// # Errors
/// What the server says went wrong, or what is wrong with what it says.
pub fn answered<M: Message + Default>(called: &Called) -> Result<M, String> {
    let Some(status) = Status::of_call(called) else {
        return Err(format!("the server answered HTTP {} and not gRPC", called.status));
    };
    let mut reply = Reply::default();
    status.tell(&mut reply);
    if let Some(error) = reply.error {
        return Err(error);
    }
    let mut messages = Messages::default();
    messages.take(&called.body);
    let message = messages.next().map_err(|error| error.to_string())?.ok_or("an answer without a message")?;
    decoded("a message of the Open Inference Protocol", message).map_err(|error| error.to_string())
}

/// An answer by HTTP/2 in the terms of HTTP/1.1: a call of gRPC that failed has the status that its code stands for, and what
/// the server said of it as its body. A call that ended without a status counts as one by a broken gateway.
pub fn concluded(called: Called) -> Fetched {
    match Status::of_call(&called) {
        Some(Status { code: 0, .. }) => Fetched { status: 200, body: called.body },
        Some(status) => Fetched { status: meaning(status.code).1, body: status.said().into_bytes() },
        None if called.is_grpc() => {
            Fetched { status: 502, body: b"the call ended without a grpc-status".to_vec() }
        }
        None => Fetched { status: called.status, body: called.body },
    }
}

/// Finds the messages in a body, wherever reads divide it.
#[derive(Debug, Default)]
pub(super) struct Messages {
    held: BytesMut,
}

impl Messages {
    /// Takes more of the body.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole message.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Malformed> {
        let &[compressed, a, b, c, d, ..] = &*self.held else { return Ok(None) };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if compressed != 0 {
            return Err(refused("an uncompressed message of gRPC", &self.held));
        }
        if len > MAX_MESSAGE {
            return Err(refused("a message of gRPC of at most 512 MiB", &self.held));
        }
        if self.held.len() < PREFIX + len {
            return Ok(None);
        }
        self.held.advance(PREFIX);
        Ok(Some(self.held.split_to(len).freeze()))
    }

    /// Whether the body ended within a message.
    pub(super) fn is_within(&self) -> bool {
        !self.held.is_empty()
    }
}

/// Bytes that are not what was expected.
pub(super) fn refused(what: &str, bytes: &[u8]) -> Malformed {
    let excerpt = bytes.iter().take(40).flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from);
    Malformed { what: format!("expected {what}"), excerpt: excerpt.collect() }
}

/// Decodes a message.
pub(super) fn decoded<M: Message + Default>(what: &str, bytes: Bytes) -> Result<M, Malformed> {
    M::decode(bytes.clone()).map_err(|error| refused(&format!("{what} ({error})"), &bytes))
}

/// How a call ended, from its trailers or, if it has no messages, from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    code: u32,
    message: String,
}

impl Status {
    /// The status of a call that is over; nothing if HTTP itself failed, or none came.
    fn of_call(called: &Called) -> Option<Status> {
        let fields = called.fields.iter();
        let list: Vec<_> = fields
            .map(|(name, value)| httparse::Header { name: name.as_str(), value: value.as_bytes() })
            .collect();
        Status::of(&Fields { status: Some(called.status), list: &list }).filter(|_| called.status == 200)
    }

    /// The status in `fields`, if it is there.
    pub(super) fn of(fields: &Fields<'_>) -> Option<Status> {
        // What is no number is an unknown error, as gRPC's own clients have it.
        let code = fields.get("grpc-status")?.parse().unwrap_or(2);
        // What is not printable ASCII comes percent-encoded.
        let message = percent_decode_str(fields.get("grpc-message").unwrap_or_default());
        let message = message.decode_utf8_lossy().into_owned();
        Some(Status { code, message })
    }

    /// Tells the reply. A call that is refused before its first answer has an outcome like that of its HTTP status.
    pub(super) fn tell(self, reply: &mut Reply) {
        if self.code == 0 {
            reply.complete = true;
            return;
        }
        reply.error = Some(self.said());
        reply.failure = (reply.events == 0 && !reply.has_content).then(|| self.outcome());
    }

    /// Its name, and what the server said.
    fn said(&self) -> String {
        let said = if self.message.is_empty() { "no reason given" } else { &self.message };
        format!("gRPC {}: {said}", meaning(self.code).0)
    }

    fn outcome(&self) -> Outcome {
        match self.code {
            4 => Outcome::Timeout,
            code => outcome_of_status(meaning(code).1),
        }
    }
}

/// Name of a code, and the HTTP status that Google's API design guide (google/rpc/code.proto) gives it.
fn meaning(code: u32) -> (&'static str, u16) {
    match code {
        0 => ("OK", 200),
        1 => ("CANCELLED", 499),
        3 => ("INVALID_ARGUMENT", 400),
        4 => ("DEADLINE_EXCEEDED", 504),
        5 => ("NOT_FOUND", 404),
        6 => ("ALREADY_EXISTS", 409),
        7 => ("PERMISSION_DENIED", 403),
        8 => ("RESOURCE_EXHAUSTED", 429),
        9 => ("FAILED_PRECONDITION", 400),
        10 => ("ABORTED", 409),
        11 => ("OUT_OF_RANGE", 400),
        12 => ("UNIMPLEMENTED", 501),
        13 => ("INTERNAL", 500),
        14 => ("UNAVAILABLE", 503),
        15 => ("DATA_LOSS", 500),
        16 => ("UNAUTHENTICATED", 401),
        _ => ("UNKNOWN", 500),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_wherever_reads_divide_them() {
        let body = [&b"\0\0\0\0\x02ab"[..], b"\0\0\0\0\0", b"\0\0\0\0\x01c"].concat();
        for step in 1..=body.len() {
            let mut messages = Messages::default();
            let mut found = Vec::new();
            for piece in body.chunks(step) {
                messages.take(piece);
                while let Some(message) = messages.next().unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, [&b"ab"[..], b"", b"c"], "step {step}");
            assert!(!messages.is_within());
        }
        let mut cut = Messages::default();
        cut.take(b"\0\0\0\0\x05ab");
        assert!(cut.next().unwrap().is_none() && cut.is_within());
        for bad in [&b"\x01\0\0\0\x01x"[..], b"\0\xff\xff\xff\xff", b"<html>"] {
            let mut messages = Messages::default();
            messages.take(bad);
            assert!(messages.next().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_answer_by_http2_is_told_in_the_terms_of_http1() {
        for (status, fields, told, body) in [
            (200, &[("grpc-status", "0")][..], 200, "answer"),
            (
                200,
                &[("grpc-status", "14"), ("grpc-message", "no%20place")],
                503,
                "gRPC UNAVAILABLE: no place",
            ),
            (200, &[("grpc-status", "4")], 504, "gRPC DEADLINE_EXCEEDED: no reason given"),
            (200, &[("content-type", "application/grpc+proto")], 502, "the call ended without a grpc-status"),
            (503, &[("content-type", "text/plain")], 503, "answer"),
            (200, &[("content-type", "text/event-stream")], 200, "answer"),
        ] {
            let fields = fields.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            let called = Called { status, fields: fields.collect(), body: b"answer".to_vec() };
            assert_eq!(concluded(called), Fetched { status: told, body: body.into() });
        }
    }

    #[test]
    fn codes_map_to_outcomes() {
        for (code, outcome, name) in [
            ("3", Outcome::Http4xx, "INVALID_ARGUMENT"),
            ("4", Outcome::Timeout, "DEADLINE_EXCEEDED"),
            ("8", Outcome::Http429, "RESOURCE_EXHAUSTED"),
            ("12", Outcome::Http5xx, "UNIMPLEMENTED"),
            ("14", Outcome::Http5xx, "UNAVAILABLE"),
            ("16", Outcome::Http4xx, "UNAUTHENTICATED"),
            ("99", Outcome::Http5xx, "UNKNOWN"),
            ("no", Outcome::Http5xx, "UNKNOWN"),
        ] {
            let list = [
                httparse::Header { name: "grpc-status", value: code.as_bytes() },
                httparse::Header { name: "grpc-message", value: b"queue%20full 50%" },
            ];
            let status = Status::of(&Fields { status: None, list: &list }).unwrap();
            let mut reply = Reply::default();
            status.clone().tell(&mut reply);
            assert_eq!(reply.failure, Some(outcome), "{code}");
            assert_eq!(reply.error.unwrap(), format!("gRPC {name}: queue full 50%"));
            // After an answer it is an error within the stream.
            let mut begun = Reply { events: 1, ..Reply::default() };
            status.tell(&mut begun);
            assert!(begun.failure.is_none() && begun.error.is_some());
        }
        assert_eq!(Status::of(&Fields { status: Some(200), list: &[] }), None);
    }
}
