//! Requests over HTTP: each takes an idle connection or opens one, and is followed to its end.

use std::ops::Deref;
use std::pin::pin;

use bytes::Bytes;
use plimsoll_core::record::{Outcome, Record};

use super::answer::{Answer, Ending, Follow};
use super::connection::{Connection, Unsent};
use super::exchange::{Exchange, was_a_race};
use super::settle::settle;
use super::wire::Wire;
use crate::endpoint::{Endpoint, Station};
use crate::protocol::Decoder;

/// A request that only needs to be written.
pub struct HttpRequest {
    /// Reads the response.
    pub(crate) decoder: Box<dyn Decoder>,
    /// Head and body, in order.
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) bytes: u64,
    /// Whether its decoder wants to know where the chunks of the transfer end.
    pub(crate) by_part: bool,
    /// Whether its response ends with the head.
    pub(crate) bodiless: bool,
    /// Cancel it after its first token.
    pub(crate) cancel: bool,
}

/// A request on its way over HTTP.
pub(crate) struct HttpIssue {
    exchange: Exchange,
    unsent: Unsent,
    bytes: u64,
    /// The connection on which it was sent before it was followed.
    connection: Option<Connection>,
}

/// What the requests of a thread share is at hand as if it were the wire's own.
impl Deref for Wire {
    type Target = Station;

    fn deref(&self) -> &Station {
        &self.station
    }
}

impl Endpoint for Wire {
    type Prepared = HttpRequest;
    /// In a box: a request is handed on a dozen times until it is followed, and is a kilobyte long.
    type Issue = Box<HttpIssue>;

    fn station(&self) -> &Station {
        &self.station
    }

    fn begin(&self, record: Box<Record>, request: HttpRequest) -> Box<HttpIssue> {
        let follow = Follow {
            cancel_at_first_token: request.cancel,
            by_part: request.by_part,
            bodiless: request.bodiless,
            keep_text: self.answers.keep_text,
        };
        let mut issue = Box::new(HttpIssue {
            exchange: Exchange::new(record, request.decoder, follow),
            unsent: Unsent::new(request.pieces),
            bytes: request.bytes,
            connection: None,
        });
        let connection = if self.abort.is_set() { None } else { self.take_idle() };
        if let Some(mut connection) = connection {
            issue.send(self, &mut connection);
            issue.connection = Some(connection);
        }
        issue
    }

    async fn finish(&self, mut issue: Box<HttpIssue>) -> (Box<Record>, Option<String>) {
        let mut connection = issue.connection.take();
        let ending = loop {
            if self.abort.is_set() {
                break Ending::Aborted;
            }
            let mut connected = match connection.take() {
                Some(connection) => connection,
                None => match dial(self, &mut issue.exchange.answer.record).await {
                    Ok(connection) => connection,
                    Err(outcome) => return (unconnected(self, issue.exchange.answer, outcome), None),
                },
            };
            if issue.exchange.answer.record.sent.is_none() {
                issue.send(self, &mut connected);
            }
            let ending = issue.exchange.run(self, &mut connected, &mut issue.unsent).await;
            if issue.exchange.reusable {
                self.give_back(connected, issue.exchange.answer.last_read);
                break ending;
            }
            self.pulse.connection_closed();
            let waited = issue.exchange.answer.waited(self.clock.now());
            if !was_a_race(&ending, &connected, waited) {
                break ending;
            }
            // The server closed the idle connection as the request went out: nobody has seen it. Once more, afresh.
            self.pulse.ended(self.clock.now(), false, false);
            issue.unsent.rewind();
            issue.exchange.answer.record.sent = None;
        };
        settle(issue.exchange.answer, ending, self.clock)
    }
}

impl HttpIssue {
    /// Hands the request to the kernel.
    fn send(&mut self, wire: &Wire, connection: &mut Connection) {
        self.exchange.send_now(wire, connection, &mut self.unsent);
        self.exchange.answer.record.bytes_sent = self.bytes;
        wire.pulse.wrote(self.bytes);
    }
}

/// Opens a connection; an error is the outcome of the request, or `None` if the run ended meanwhile.
async fn dial(wire: &Wire, record: &mut Record) -> Result<Connection, Option<Outcome>> {
    let _awake = wire.pulse.stay_awake();
    let dialing = pin!(wire.dialer.dial());
    let dialed = tokio::select! {
        dialed = dialing => dialed,
        () = wire.abort.wait() => return Err(None),
    };
    match dialed {
        Ok((connection, times)) => {
            record.connect = Some(times);
            wire.pulse.connection_opened();
            Ok(connection)
        }
        Err(error) => {
            record.error = Some(error.reason);
            Err(Some(error.outcome))
        }
    }
}

/// The record of a request for which there was no connection.
pub(super) fn unconnected(wire: &Wire, answer: Answer, outcome: Option<Outcome>) -> Box<Record> {
    let mut record = answer.record;
    record.outcome = outcome.unwrap_or(Outcome::Unfinished);
    if outcome.is_some() {
        record.done = Some(wire.clock.now());
    }
    record
}
