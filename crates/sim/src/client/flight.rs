//! One request from the moment it is sent to its record.

use std::time::Duration;

use plimsoll_core::record::{Delta, DeltaKind, Outcome, Record, TokenSource};
use plimsoll_core::spec::TransportSpec;
use plimsoll_core::time::Offset;

use super::call::{Call, CallEnd, Refusal};
use crate::engine::Failure;

/// One request on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) record: Record,
    call: Call,
    streamed: bool,
    /// Tokens generated so far.
    tokens: u32,
    /// When the server was last heard.
    heard: Offset,
    /// What the server will say, when it has said no.
    pub(super) answer: Option<Refused>,
}

/// A server that does not take a request.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    /// It says so.
    Answered(Refusal),
    /// There is no server.
    Unreachable,
}

impl Flight {
    /// A request sent at `record.sent`.
    pub(super) fn new(record: Record, call: Call, streamed: bool) -> Self {
        let heard = record.sent.unwrap_or_default();
        Flight { record, call, streamed, tokens: 0, heard, answer: None }
    }

    /// More tokens have come; says whether the client wanted no more than that.
    pub(super) fn take_tokens(&mut self, at: Offset, count: u32) -> bool {
        self.tokens += count;
        if self.streamed {
            self.head(at);
            self.record.events += 1;
            self.record.deltas.push(Delta { at, tokens: count, kind: DeltaKind::Text });
        }
        self.streamed && self.call.cancel
    }

    /// The answer has come to its end.
    pub(super) fn finish(mut self, at: Offset) -> Record {
        self.head(at);
        let (outcome, error) = match &self.call.end {
            CallEnd::StreamError(why) => (Outcome::StreamError, Some(why.clone())),
            CallEnd::Cut => (Outcome::Truncated, Some(cut_after(self.record.events))),
            CallEnd::Whole | CallEnd::Refused(_)
                if self.call.ask.output_tokens == 0 && self.expects_tokens() =>
            {
                (Outcome::Empty, Some("an answer without content (finish reason stop)".to_owned()))
            }
            CallEnd::Whole | CallEnd::Refused(_) => (Outcome::Ok, None),
        };
        if matches!(outcome, Outcome::Ok | Outcome::Empty) {
            self.count();
        }
        self.end(at, outcome, error)
    }

    /// The client cancels the request after its first token.
    pub(super) fn cancel(self, at: Offset) -> Record {
        self.end(at, Outcome::Cancelled, None)
    }

    /// The run has ended meanwhile.
    pub(super) fn leave(self) -> Record {
        self.record
    }

    /// The engine has given the request up.
    pub(super) fn fail(self, at: Offset, failure: Failure) -> Record {
        let why = || "the request took longer than this server allows".to_owned();
        let events = self.record.events;
        let (outcome, error) = match (failure, self.record.status) {
            (Failure::TimedOut, None) => return self.refuse(at, &Refusal { status: 504, why: why() }),
            (Failure::TimedOut, Some(_)) => (Outcome::StreamError, why()),
            (Failure::Refused(_), _) => {
                let why = "the replica that the gateway chose did not take the request".to_owned();
                return self.refuse(at, &Refusal { status: 503, why });
            }
            (Failure::Crashed, None) => {
                (Outcome::Truncated, "no answer: the server closed the connection".to_owned())
            }
            (Failure::Crashed, Some(_)) => (Outcome::Truncated, cut_after(events)),
        };
        self.end(at, outcome, Some(error))
    }

    /// What a server that did not take the request has said, or has not.
    pub(super) fn refused(self, at: Offset, refused: &Refused) -> Record {
        match refused {
            Refused::Answered(refusal) => self.refuse(at, refusal),
            Refused::Unreachable => {
                self.end(at, Outcome::Connect, Some("the server is not running".to_owned()))
            }
        }
    }

    fn refuse(mut self, at: Offset, refusal: &Refusal) -> Record {
        let Refusal { status, why } = refusal;
        self.head(at);
        self.record.status = Some(*status);
        let outcome = match status {
            429 => Outcome::Http429,
            400..=499 => Outcome::Http4xx,
            _ => Outcome::Http5xx,
        };
        self.end(at, outcome, Some(format!("HTTP {status}: {why}")))
    }

    /// When the client's time limit for the present phase runs out.
    pub(super) fn deadline(&self, limits: &TransportSpec) -> Offset {
        let sent = self.record.sent.unwrap_or_default();
        let phase = match self.record.first_byte {
            None => sent + limits.first_byte_timeout,
            Some(_) => self.heard + limits.idle_timeout,
        };
        limits.request_timeout.map_or(phase, |limit| phase.min(sent + limit))
    }

    /// The client's patience has run out.
    pub(super) fn time_out(self, at: Offset, limits: &TransportSpec) -> Record {
        let elapsed: Duration = at.since(self.record.sent.unwrap_or_default());
        let error = match limits.request_timeout {
            Some(limit) if elapsed >= limit => {
                format!("no complete answer within {limit:?} (--request-timeout)")
            }
            _ if self.record.first_byte.is_none() => {
                format!("no answer within {:?} (--first-byte-timeout)", limits.first_byte_timeout)
            }
            _ => format!("no data for {:?} within the answer (--idle-timeout)", limits.idle_timeout),
        };
        self.end(at, Outcome::Timeout, Some(error))
    }

    /// Something of the answer has come.
    fn head(&mut self, at: Offset) {
        self.heard = at;
        self.record.status.get_or_insert(200);
        self.record.headers.get_or_insert(at);
        self.record.first_byte.get_or_insert(at);
    }

    /// Whether the request is one for tokens. That to a classic model is not.
    fn expects_tokens(&self) -> bool {
        self.record.max_tokens.is_some_and(|tokens| tokens > 0)
    }

    /// The server's own count of all tokens, at the end of a whole answer.
    fn count(&mut self) {
        self.record.usage.input_tokens = Some(self.call.ask.prompt_tokens);
        if self.call.ask.output_tokens == 0 && self.expects_tokens() {
            self.count_output();
        }
    }

    fn count_output(&mut self) {
        self.record.usage.output_tokens = Some(self.tokens);
        self.record.usage.source = TokenSource::Server;
    }

    fn end(mut self, at: Offset, outcome: Outcome, error: Option<String>) -> Record {
        if self.tokens > 0 && self.record.status == Some(200) {
            // Of an answer that was cut short, what came says how many there were.
            self.count_output();
        }
        self.record.done = Some(at);
        self.record.outcome = outcome;
        self.record.error = error;
        self.record
    }
}

fn cut_after(events: u32) -> String {
    let plural = if events == 1 { "" } else { "s" };
    format!(
        "the server closed the connection, within the answer, after {events} event{plural} and 0 characters"
    )
}
