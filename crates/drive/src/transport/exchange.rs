//! One request and its response on one connection that speaks HTTP/1.1.

use std::task::{Context, Poll};
use std::time::Duration;

use plimsoll_core::record::Record;
use plimsoll_core::time::Offset;

use super::answer::{Answer, Ending, Follow};
use super::connection::{Connection, Unsent};
use super::http1::{self, Framing, Head, HttpError};
use super::wire::Wire;
use crate::protocol::{Decoder, Malformed};

/// One request on its way.
pub(crate) struct Exchange {
    pub(crate) answer: Answer,
    /// Whether the connection can be used again.
    pub(crate) reusable: bool,
    /// Where the chunks of the transfer end in the bytes at hand, if the protocol wants to know.
    parts: Option<Vec<usize>>,
    /// Bytes of an incomplete head.
    head: Vec<u8>,
    framing: Option<Framing>,
    /// Whether the response has no body, whatever length its head tells.
    bodiless: bool,
    keep_alive: bool,
    sent_all: bool,
}

impl Exchange {
    pub(crate) fn new(record: Box<Record>, decoder: Box<dyn Decoder>, follow: Follow) -> Self {
        Exchange {
            answer: Answer::new(record, decoder, follow),
            reusable: false,
            parts: follow.by_part.then(Vec::new),
            head: Vec::new(),
            framing: None,
            bodiless: follow.bodiless,
            keep_alive: false,
            sent_all: false,
        }
    }

    /// Tries to hand the request to the kernel at once, without waiting: the moment of sending is then the moment of
    /// the call and not that of the task's turn.
    pub(crate) fn send_now(&mut self, wire: &Wire, connection: &mut Connection, unsent: &mut Unsent) {
        let now = wire.clock.now();
        self.answer.record.sent = Some(now);
        wire.pulse.sent(now);
        // An error shows again when the task reads.
        self.sent_all =
            connection.poll_write(&mut Context::from_waker(std::task::Waker::noop()), unsent).is_ready();
    }

    /// Runs until the response is complete or cannot become so.
    pub(crate) async fn run(
        &mut self,
        wire: &Wire,
        connection: &mut Connection,
        unsent: &mut Unsent,
    ) -> Ending {
        connection.requests += 1;
        let poll_io =
            |exchange: &mut Self, cx: &mut Context<'_>| exchange.poll_io(cx, wire, connection, unsent);
        Answer::follow(self, wire, |exchange| &mut exchange.answer, poll_io).await
    }

    fn poll_io(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        connection: &mut Connection,
        unsent: &mut Unsent,
    ) -> Poll<Ending> {
        if !self.sent_all {
            // After an error the server may still have answered (413, 401): the read tells.
            self.sent_all = connection.poll_write(cx, unsent).is_ready();
        }
        loop {
            // Until the first token every event is read by itself, so that the first has its own arrival.
            connection.read_by_event(wire.answers.streamed && self.answer.reply.deltas.is_empty());
            let mut scratch = wire.scratch.borrow_mut();
            let (len, arrival) = match connection.poll_read(cx, &mut scratch, &wire.receive_clock) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(self.connection_ended(wire, &error.to_string()));
                }
                Poll::Ready(Ok((0, _))) => {
                    return Poll::Ready(self.connection_ended(wire, "the server closed the connection"));
                }
                Poll::Ready(Ok(read)) => read,
            };
            if let Some(ending) = self.arrived(wire, &mut scratch[..len], arrival.at, arrival.read_lag) {
                return Poll::Ready(ending);
            }
        }
    }

    /// Takes a read: bytes that arrived at `at`, `read_lag` nanoseconds before it.
    pub(super) fn arrived(
        &mut self,
        wire: &Wire,
        bytes: &mut [u8],
        at: Offset,
        read_lag: Option<u64>,
    ) -> Option<Ending> {
        wire.pulse.read(bytes.len(), read_lag);
        self.answer.record.bytes_received += bytes.len() as u64;
        self.answer.last_read = at;
        self.digest(wire, bytes, at)
    }

    /// Takes bytes that arrived at `at`.
    fn digest(&mut self, wire: &Wire, bytes: &mut [u8], at: Offset) -> Option<Ending> {
        if self.framing.is_some() {
            return self.digest_body(wire, bytes, at);
        }
        if self.head.is_empty() {
            return self.digest_heads(wire, bytes, at);
        }
        self.head.extend_from_slice(bytes);
        let mut all = std::mem::take(&mut self.head);
        self.digest_heads(wire, &mut all, at)
    }

    /// Takes the heads at the start of `bytes`: interim ones, as many as the server likes, and that of the response with
    /// what follows it. An incomplete one is kept.
    fn digest_heads(&mut self, wire: &Wire, mut bytes: &mut [u8], at: Offset) -> Option<Ending> {
        while !bytes.is_empty() {
            let head = match self.parse_head(bytes) {
                Ok(Some(head)) => head,
                Ok(None) => {
                    self.head.extend_from_slice(bytes);
                    return None;
                }
                Err(error) => return Some(Ending::NotHttp(error.to_string())),
            };
            bytes = &mut bytes[head.len..];
            if !(100..200).contains(&head.status) {
                return self.digest_head(wire, head, bytes, at);
            }
        }
        None
    }

    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<Head>, HttpError> {
        let answer = &mut self.answer;
        http1::parse_head(bytes, |fields| answer.take_fields(fields))
    }

    /// Takes the head of the response, and `rest` that follows it.
    fn digest_head(&mut self, wire: &Wire, head: Head, rest: &mut [u8], at: Offset) -> Option<Ending> {
        self.answer.record.status = Some(head.status);
        self.answer.record.headers = Some(at);
        self.keep_alive = head.keep_alive;
        let framing = if self.bodiless { Framing::Length(0) } else { head.framing };
        let empty = framing == Framing::Length(0);
        self.framing = Some(framing);
        if empty && rest.is_empty() {
            return Some(self.body_ended(at, true));
        }
        if rest.is_empty() { None } else { self.digest_body(wire, rest, at) }
    }

    fn digest_body(&mut self, wire: &Wire, bytes: &mut [u8], at: Offset) -> Option<Ending> {
        let unframed = match self.framing.as_mut()?.unframe(bytes, self.parts.as_mut()) {
            Ok(unframed) => unframed,
            Err(error) => return Some(Ending::NotHttp(error.to_string())),
        };
        let payload = &bytes[..unframed.len];
        if !payload.is_empty() {
            let parts = self.parts.as_mut();
            let ending =
                self.answer.take_payload(wire, payload, at, |answer| feed(answer, payload, parts, at));
            if ending.is_some() {
                return ending;
            }
        }
        unframed.ended.then(|| self.body_ended(at, !unframed.surplus))
    }

    /// The body ended as its framing says.
    fn body_ended(&mut self, at: Offset, clean: bool) -> Ending {
        self.reusable = clean && self.keep_alive && self.sent_all;
        self.answer.finish_decoding(at)
    }

    /// The connection ended, in order or by an error.
    pub(super) fn connection_ended(&mut self, wire: &Wire, reason: &str) -> Ending {
        let at = wire.clock.now();
        match &self.framing {
            None if self.head.is_empty() => Ending::NoResponse(reason.to_owned()),
            None => Ending::Cut(format!("{reason}, within the head of the response")),
            Some(framing) if framing.may_end_by_close() => self.answer.finish_decoding(at),
            Some(_) => self.answer.cut_short(at, reason),
        }
    }
}

/// Hands the decoder what came, chunk by chunk of the transfer if it wants that.
fn feed(
    answer: &mut Answer,
    payload: &[u8],
    parts: Option<&mut Vec<usize>>,
    at: Offset,
) -> Result<(), Malformed> {
    let mut from = 0;
    for end in parts.into_iter().flat_map(|parts| parts.drain(..)) {
        answer.decoder.feed(&payload[from..end], at, &mut answer.reply)?;
        answer.decoder.part_ended(at, &mut answer.reply);
        from = end;
    }
    answer.decoder.feed(&payload[from..], at, &mut answer.reply)
}

/// Whether a connection that was used before may have been closed by the server just as the request was sent, `waited`
/// ago.
pub(crate) fn was_a_race(ending: &Ending, connection: &Connection, waited: Duration) -> bool {
    matches!(ending, Ending::NoResponse(_)) && connection.requests > 1 && waited <= connection.news_take()
}
