//! Requests over HTTP/2: each takes a place on a connection, waits for one to be opened, and is followed to its end.

use std::rc::Rc;

use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::spec::ConnectionReuse;

use super::super::answer::{Answer, Ending, Follow};
use super::super::endpoint::unconnected;
use super::super::settle::settle;
use super::super::wire::Wire;
use super::link::Seat;
use super::pool::Pool;
use super::request::{Http2Request, Message};
use super::stream::Stream;
use crate::endpoint::{Endpoint, Station};

/// HTTP/2 for the requests of one I/O thread.
pub(crate) struct Http2 {
    wire: Rc<Wire>,
    pub(super) pool: Rc<Pool>,
}

/// A request on its way over HTTP/2.
pub(crate) struct Http2Issue {
    pub(super) answer: Answer,
    message: Message,
    by_part: bool,
    /// The stream on which it was sent before it was followed.
    stream: Option<Stream>,
}

impl Http2 {
    pub(crate) fn new(wire: Wire) -> Self {
        let wire = Rc::new(wire);
        Http2 { pool: Rc::new(Pool::new(wire.clone())), wire }
    }

    /// A place on a connection; an error is the outcome of the request, or `None` if the run ended meanwhile.
    async fn seat(&self, record: &mut Record) -> Result<Seat, Option<Outcome>> {
        if let Some(seat) = self.pool.seat() {
            return Ok(seat);
        }
        let opened = tokio::select! {
            opened = self.pool.opened_seat() => opened,
            () = self.wire.abort.wait() => return Err(None),
        };
        match opened {
            Ok((seat, times)) => {
                record.connect = Some(times);
                Ok(seat)
            }
            Err(error) => {
                record.error = Some(error.reason);
                Err(Some(error.outcome))
            }
        }
    }
}

impl Endpoint for Http2 {
    type Prepared = Http2Request;
    type Issue = Http2Issue;

    fn station(&self) -> &Station {
        &self.wire.station
    }

    fn begin(&self, record: Box<Record>, request: Http2Request) -> Http2Issue {
        let Http2Request { decoder, message, by_part, cancel } = request;
        let keep_text = self.wire.answers.keep_text;
        let follow = Follow { cancel_at_first_token: cancel, by_part, bodiless: false, keep_text };
        let answer = Answer::new(record, decoder, follow);
        let mut issue = Http2Issue { answer, message, by_part, stream: None };
        if !self.wire.abort.is_set()
            && let Some(seat) = self.pool.seat()
        {
            issue.send(&self.wire, seat);
        }
        issue
    }

    async fn finish(&self, mut issue: Http2Issue) -> (Box<Record>, Option<String>) {
        let mut tried_again = false;
        let ending = loop {
            if self.wire.abort.is_set() {
                break Ending::Aborted;
            }
            let mut stream = match issue.stream.take() {
                Some(stream) => stream,
                None => match self.seat(&mut issue.answer.record).await {
                    Ok(seat) => {
                        issue.send(&self.wire, seat);
                        continue;
                    }
                    Err(outcome) => return (unconnected(&self.wire, issue.answer, outcome), None),
                },
            };
            let ending = issue.follow(&self.wire, &mut stream).await;
            if self.wire.limits.reuse == ConnectionReuse::Fresh {
                stream.seat().close_link();
            }
            if tried_again || !stream.unprocessed {
                break ending;
            }
            // The server has not looked at it. Once more, on another connection.
            tried_again = true;
            stream.seat().close_link();
            self.wire.pulse.ended(self.wire.clock.now(), false, false);
            issue.answer.record.sent = None;
        };
        settle(issue.answer, ending, self.wire.clock)
    }
}

impl Http2Issue {
    /// Begins the request on a connection and hands it to the kernel.
    fn send(&mut self, wire: &Wire, seat: Seat) {
        let now = wire.clock.now();
        let record = &mut self.answer.record;
        record.sent = Some(now);
        record.bytes_sent = self.message.bytes;
        wire.pulse.sent(now);
        let response = seat.send(&self.message);
        self.stream = Some(Stream::new(seat, response, self.by_part));
    }

    /// Follows the response to its end.
    async fn follow(&mut self, wire: &Wire, stream: &mut Stream) -> Ending {
        let poll = |answer: &mut Answer, cx: &mut std::task::Context<'_>| stream.poll(cx, answer, wire);
        Answer::follow(&mut self.answer, wire, |answer| answer, poll).await
    }
}
