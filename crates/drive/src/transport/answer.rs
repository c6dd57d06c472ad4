//! A response as it is understood, whatever carries it: its record, what it says so far, and its time limits.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use plimsoll_core::record::Record;
use plimsoll_core::time::Offset;
use tokio::time::{Sleep, sleep_until};

use super::wire::Wire;
use crate::protocol::{Decoder, Fields, Malformed, Reply, excerpt};

/// After the protocol's own end, the end of the body is awaited this long, for the sake of the connection.
const TAIL_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes kept of the body of a response that is not a success.
const MAX_ERROR_BODY: usize = 2048;
/// Characters shown of an answer that is too large.
const EXCERPT: usize = 60;

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
    /// Up to the end of its head: the answer to HEAD tells the length of a body that does not come.
    pub(crate) bodiless: bool,
    /// Keeping its text.
    pub(crate) keep_text: bool,
}

/// One request and what is understood of its response.
pub(crate) struct Answer {
    pub(crate) record: Box<Record>,
    pub(crate) reply: Reply,
    /// The first bytes of the body of a response that is not a success.
    pub(crate) error_body: Vec<u8>,
    /// When to come back, as the server of a refusal says.
    pub(super) retry_after: Option<String>,
    /// Whether the body is an answer in the protocol, rather than an explanation why there is none.
    pub(super) answers: bool,
    pub(super) decoder: Box<dyn Decoder>,
    pub(super) last_read: Offset,
    cancel_at_first_token: bool,
}

impl Answer {
    pub(super) fn new(record: Box<Record>, decoder: Box<dyn Decoder>, follow: Follow) -> Self {
        Answer {
            record,
            reply: Reply { text: follow.keep_text.then(String::new), ..Reply::default() },
            error_body: Vec::new(),
            retry_after: None,
            answers: false,
            decoder,
            last_read: Offset::ZERO,
            cancel_at_first_token: follow.cancel_at_first_token,
        }
    }

    /// Takes the status and the header fields.
    pub(super) fn take_fields(&mut self, fields: &Fields<'_>) {
        self.answers = self.decoder.fields(fields, &mut self.reply);
        if !self.answers {
            self.retry_after = fields.get("retry-after").map(str::to_owned);
        }
    }

    /// Runs `poll_io` until the response is complete or cannot become so: until it says so, a time limit runs out, or
    /// the run is given up. It is polled whenever its task wakes, and takes all that has arrived.
    pub(super) async fn follow<T>(
        on: &mut T,
        wire: &Wire,
        of: impl Fn(&mut T) -> &mut Answer,
        mut poll_io: impl FnMut(&mut T, &mut Context<'_>) -> Poll<Ending>,
    ) -> Ending {
        let mut deadline = pin!(sleep_until(wire.instant(of(on).deadline(wire))));
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
            let (phase, last_read) = (of(on).phase(), of(on).last_read);
            if let Poll::Ready(ending) = poll_io(on, cx) {
                return Poll::Ready(ending);
            }
            let answer = of(on);
            if answer.phase() != phase {
                // The limit of the next phase may be the nearer one.
                deadline.as_mut().reset(wire.instant(answer.deadline(wire)));
            } else if answer.last_read != last_read && limit_registered && !deadline.is_elapsed() {
                // Data came, so no limit has run out; the timer is registered and wakes the task when it fires.
                return Poll::Pending;
            }
            limit_registered = true;
            answer.poll_deadline(cx, wire, deadline.as_mut())
        })
        .await
    }

    /// Takes bytes of the body that arrived at `at`; `feed` hands them to the decoder. Says so if the request is to be
    /// cancelled, or if the bytes are not of the protocol.
    pub(super) fn take_payload(
        &mut self,
        wire: &Wire,
        payload: &[u8],
        at: Offset,
        feed: impl FnOnce(&mut Self) -> Result<(), Malformed>,
    ) -> Option<Ending> {
        self.record.first_byte.get_or_insert(at);
        if self.answers {
            let before = self.reply.deltas.len();
            let result = feed(self);
            wire.pulse.content_events((self.reply.deltas.len() - before) as u64);
            if let Err(malformed) = result {
                return Some(Ending::Malformed(malformed));
            }
            if self.reply.is_too_large() {
                let what = "an answer that does not end: more than 16 million events or 256 MiB of text";
                let excerpt = excerpt(payload, EXCERPT);
                return Some(Ending::Malformed(Malformed { what: what.to_owned(), excerpt }));
            }
        } else {
            let room = MAX_ERROR_BODY.saturating_sub(self.error_body.len());
            self.error_body.extend_from_slice(&payload[..payload.len().min(room)]);
        }
        if self.reply.complete {
            self.record.done.get_or_insert(at);
        }
        (self.cancel_at_first_token && !self.reply.deltas.is_empty()).then_some(Ending::Cancelled)
    }

    /// Takes the end of the body.
    pub(super) fn finish_decoding(&mut self, at: Offset) -> Ending {
        if self.answers
            && let Err(malformed) = self.decoder.finish(at, &mut self.reply)
        {
            return Ending::Malformed(malformed);
        }
        self.record.done.get_or_insert(at);
        Ending::Complete
    }

    /// The connection ended within the body, whose end is not that of the connection.
    pub(super) fn cut_short(&mut self, at: Offset, reason: &str) -> Ending {
        // The answer itself may have been complete; only the connection was not closed in order.
        if !self.reply.complete {
            // A stream may still hold a last event without its blank line.
            let _ = self.finish_decoding(at);
            return Ending::Cut(format!("{reason}, within the answer"));
        }
        Ending::Complete
    }

    /// How long ago, at `now`, the request was sent.
    pub(super) fn waited(&self, now: Offset) -> Duration {
        self.record.sent.map_or(Duration::ZERO, |sent| now.since(sent))
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
            timer.as_mut().reset(wire.instant(deadline));
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
