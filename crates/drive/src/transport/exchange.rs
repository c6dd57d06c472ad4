//! One request and its response on one connection.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use plimsoll_core::record::Record;
use plimsoll_core::time::Offset;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::{Connection, Unsent};
use super::http1::{self, Framing, Head, HttpError};
use super::wire::Wire;
use crate::protocol::{Decoder, Malformed, Reply};

/// After the protocol's own end, the end of the body is awaited this long, for the sake of the connection.
const TAIL_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes kept of the body of a response that is not a success.
const MAX_ERROR_BODY: usize = 2048;

/// How an exchange ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The response is complete by its framing, or by the protocol's own end.
    Complete,
    /// The connection ended within the response.
    Cut(String),
    /// The connection ended before any byte of a response.
    NoResponse(String),
    /// What came is not HTTP.
    NotHttp(String),
    /// What came is not of the protocol.
    Malformed(Malformed),
    /// A time limit ran out.
    Timeout(String),
    /// Cancelled after the first token, on purpose.
    Cancelled,
    /// The run ended meanwhile.
    Aborted,
}

/// How a response is followed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Follow {
    /// Up to its first token only.
    pub(crate) cancel_at_first_token: bool,
    /// Chunk by chunk of the transfer, because the decoder wants to know where these end.
    pub(crate) by_part: bool,
    /// Keeping its text.
    pub(crate) keep_text: bool,
}

/// One request on its way.
pub(crate) struct Exchange {
    pub(crate) record: Record,
    pub(crate) reply: Reply,
    /// The first bytes of the body of a response that is not a success.
    pub(crate) error_body: Vec<u8>,
    /// When to come back, as the server of a refusal says.
    pub(crate) retry_after: Option<String>,
    /// Whether the connection can be used again.
    pub(crate) reusable: bool,
    cancel_at_first_token: bool,
    decoder: Box<dyn Decoder>,
    /// Whether the body is an answer in the protocol, rather than an explanation why there is none.
    pub(super) answers: bool,
    /// Where the chunks of the transfer end in the bytes at hand, if the protocol wants to know.
    parts: Option<Vec<usize>>,
    /// Bytes of an incomplete head.
    head: Vec<u8>,
    framing: Option<Framing>,
    keep_alive: bool,
    sent_all: bool,
    last_read: Offset,
}

impl Exchange {
    pub(crate) fn new(record: Record, decoder: Box<dyn Decoder>, follow: Follow) -> Self {
        Exchange {
            record,
            reply: Reply { text: follow.keep_text.then(String::new), ..Reply::default() },
            error_body: Vec::new(),
            retry_after: None,
            reusable: false,
            cancel_at_first_token: follow.cancel_at_first_token,
            decoder,
            answers: false,
            parts: follow.by_part.then(Vec::new),
            head: Vec::new(),
            framing: None,
            keep_alive: false,
            sent_all: false,
            last_read: Offset::ZERO,
        }
    }

    /// Tries to hand the request to the kernel at once, without waiting: the moment of sending is then the moment of
    /// the call and not that of the task's turn.
    pub(crate) fn send_now(&mut self, wire: &Wire, connection: &mut Connection, unsent: &mut Unsent) {
        let now = wire.clock.now();
        self.record.sent = Some(now);
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
        let mut deadline = pin!(sleep_until(instant_of(wire, self.deadline(wire))));
        let mut abort = pin!(wire.abort.wait());
        let mut abort_registered = false;
        let mut limit_registered = false;
        std::future::poll_fn(|cx| {
            // Registered once: the flag is what later polls look at.
            if !abort_registered {
                abort_registered = true;
                let _ = abort.as_mut().poll(cx);
            }
            if wire.abort.is_set() {
                return Poll::Ready(Ending::Aborted);
            }
            let (phase, last_read) = (self.phase(), self.last_read);
            if let Poll::Ready(ending) = self.poll_io(cx, wire, connection, unsent) {
                return Poll::Ready(ending);
            }
            if self.phase() != phase {
                // The limit of the next phase may be the nearer one.
                deadline.as_mut().reset(instant_of(wire, self.deadline(wire)));
            } else if self.last_read != last_read && limit_registered && !deadline.is_elapsed() {
                // Data came, so no limit has run out; the timer is registered and wakes the task when it fires.
                return Poll::Pending;
            }
            limit_registered = true;
            self.poll_deadline(cx, wire, deadline.as_mut())
        })
        .await
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
            connection.read_by_event(wire.answers.streamed && self.reply.deltas.is_empty());
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
            wire.pulse.read(len, arrival.read_lag);
            self.record.bytes_received += len as u64;
            self.last_read = arrival.at;
            if let Some(ending) = self.digest(wire, &mut scratch[..len], arrival.at) {
                return Poll::Ready(ending);
            }
        }
    }

    /// Takes bytes that arrived at `at`.
    fn digest(&mut self, wire: &Wire, bytes: &mut [u8], at: Offset) -> Option<Ending> {
        if self.framing.is_some() {
            return self.digest_body(wire, bytes, at);
        }
        if self.head.is_empty() {
            return match self.parse_head(bytes) {
                Ok(None) => {
                    self.head.extend_from_slice(bytes);
                    None
                }
                Ok(Some(head)) => self.digest_head(wire, head, bytes, at),
                Err(error) => Some(Ending::NotHttp(error.to_string())),
            };
        }
        self.head.extend_from_slice(bytes);
        let mut all = std::mem::take(&mut self.head);
        match self.parse_head(&all) {
            Ok(None) => {
                self.head = all;
                None
            }
            Ok(Some(head)) => self.digest_head(wire, head, &mut all, at),
            Err(error) => Some(Ending::NotHttp(error.to_string())),
        }
    }

    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<Head>, HttpError> {
        http1::parse_head(bytes, |fields| {
            self.answers = self.decoder.fields(fields, &mut self.reply);
            if !self.answers {
                self.retry_after = fields.get("retry-after").map(str::to_owned);
            }
        })
    }

    /// Takes a complete head at the start of `bytes`, and what follows it.
    fn digest_head(&mut self, wire: &Wire, head: Head, bytes: &mut [u8], at: Offset) -> Option<Ending> {
        let rest = &mut bytes[head.len..];
        if (100..200).contains(&head.status) {
            return if rest.is_empty() { None } else { self.digest(wire, rest, at) };
        }
        self.record.status = Some(head.status);
        self.record.headers = Some(at);
        self.keep_alive = head.keep_alive;
        let empty = head.framing == Framing::Length(0);
        self.framing = Some(head.framing);
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
            self.record.first_byte.get_or_insert(at);
            if let Err(malformed) = self.digest_payload(wire, payload, at) {
                return Some(Ending::Malformed(malformed));
            }
            if self.reply.complete {
                self.record.done.get_or_insert(at);
            }
            if self.cancel_at_first_token && !self.reply.deltas.is_empty() {
                return Some(Ending::Cancelled);
            }
        }
        unframed.ended.then(|| self.body_ended(at, !unframed.surplus))
    }

    fn digest_payload(&mut self, wire: &Wire, payload: &[u8], at: Offset) -> Result<(), Malformed> {
        if !self.answers {
            let room = MAX_ERROR_BODY.saturating_sub(self.error_body.len());
            self.error_body.extend_from_slice(&payload[..payload.len().min(room)]);
            return Ok(());
        }
        let before = self.reply.deltas.len();
        let result = self.feed(payload, at);
        wire.pulse.content_events((self.reply.deltas.len() - before) as u64);
        result
    }

    /// Hands the decoder what came, chunk by chunk of the transfer if it wants that.
    fn feed(&mut self, payload: &[u8], at: Offset) -> Result<(), Malformed> {
        let mut from = 0;
        for end in self.parts.as_mut().into_iter().flat_map(|parts| parts.drain(..)) {
            self.decoder.feed(&payload[from..end], at, &mut self.reply)?;
            self.decoder.part_ended(at, &mut self.reply);
            from = end;
        }
        self.decoder.feed(&payload[from..], at, &mut self.reply)
    }

    /// The body ended as its framing says.
    fn body_ended(&mut self, at: Offset, clean: bool) -> Ending {
        self.reusable = clean && self.keep_alive && self.sent_all;
        self.finish_decoding(at)
    }

    fn finish_decoding(&mut self, at: Offset) -> Ending {
        if self.answers
            && let Err(malformed) = self.decoder.finish(at, &mut self.reply)
        {
            return Ending::Malformed(malformed);
        }
        self.record.done.get_or_insert(at);
        Ending::Complete
    }

    /// The connection ended, in order or by an error.
    fn connection_ended(&mut self, wire: &Wire, reason: &str) -> Ending {
        let at = wire.clock.now();
        match &self.framing {
            None if self.head.is_empty() => Ending::NoResponse(reason.to_owned()),
            None => Ending::Cut(format!("{reason} within the head of the response")),
            Some(framing) if framing.may_end_by_close() => self.finish_decoding(at),
            // The answer itself was complete; only the connection was not closed in order.
            Some(_) if self.reply.complete => Ending::Complete,
            Some(_) => {
                // A stream may still hold a last event without its blank line.
                let _ = self.finish_decoding(at);
                Ending::Cut(format!("{reason} within the response"))
            }
        }
    }

    fn phase(&self) -> Phase {
        match (self.record.first_byte, self.record.done) {
            (None, _) => Phase::Waiting,
            (Some(_), None) => Phase::Reading,
            (Some(_), Some(done)) => Phase::Tail(done),
        }
    }

    /// When the time limit of the present phase runs out.
    fn deadline(&self, wire: &Wire) -> Offset {
        let limits = &wire.limits;
        let sent = self.record.sent.unwrap_or_else(|| wire.clock.now());
        let phase = match self.phase() {
            Phase::Waiting => sent + limits.first_byte_timeout,
            Phase::Reading => self.last_read + limits.idle_timeout,
            Phase::Tail(done) => done + TAIL_TIMEOUT,
        };
        match limits.request_timeout {
            Some(limit) => phase.min(sent + limit),
            None => phase,
        }
    }

    /// The timer is only moved when it fires: most reads push the limit further away.
    fn poll_deadline(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Ending> {
        while timer.as_mut().poll(cx).is_ready() {
            let deadline = self.deadline(wire);
            if wire.clock.now() >= deadline {
                return Poll::Ready(self.timed_out(wire));
            }
            timer.as_mut().reset(instant_of(wire, deadline));
        }
        Poll::Pending
    }

    fn timed_out(&mut self, wire: &Wire) -> Ending {
        let limits = &wire.limits;
        let sent = self.record.sent.unwrap_or_default();
        if self.record.done.is_some() {
            return Ending::Complete;
        }
        if let Some(limit) = limits.request_timeout.filter(|&limit| wire.clock.now() >= sent + limit) {
            return Ending::Timeout(format!("no complete answer within {limit:?} (--request-timeout)"));
        }
        Ending::Timeout(if self.record.first_byte.is_none() {
            format!("no answer within {:?} (--first-byte-timeout)", limits.first_byte_timeout)
        } else {
            format!("no data for {:?} within the answer (--idle-timeout)", limits.idle_timeout)
        })
    }
}

/// The phases of an exchange, each with its own time limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No byte of the body yet.
    Waiting,
    /// Within the answer.
    Reading,
    /// The answer is complete; the end of the body is still to come.
    Tail(Offset),
}

/// The moment as tokio's timers know it.
fn instant_of(wire: &Wire, at: Offset) -> Instant {
    let now = Instant::now();
    // `Offset::MAX` and its like are further away than tokio can count.
    now.checked_add(at.since(wire.clock.now())).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365))
}

/// Whether a connection that was used before may have been closed by the server just as the request was sent.
pub(crate) fn was_a_race(ending: &Ending, connection: &Connection) -> bool {
    matches!(ending, Ending::NoResponse(_)) && connection.requests > 1
}
