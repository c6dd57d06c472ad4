//! One request and its response on a stream of HTTP/2.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use plimsoll_core::time::Offset;

use super::super::answer::{Answer, Ending};
use super::super::wire::Wire;
use super::link::Seat;
use super::request::size_of_fields;
use crate::protocol::{Fields, Malformed};

/// A stream: where its response stands.
pub(super) struct Stream {
    seat: Seat,
    head: Head,
    body: Option<RecvStream>,
    /// Whether all of the body has come, and only trailers may follow.
    body_ended: bool,
    by_part: bool,
    /// Whether the server has not acted on the request, by its own word or because it closed an idle connection.
    pub(super) unprocessed: bool,
}

/// The head of a response that is to come, or never will because the request could not begin.
type Head = Result<ResponseFuture, h2::Error>;

impl Stream {
    pub(super) fn new(seat: Seat, head: Head, by_part: bool) -> Self {
        Stream { seat, head, body: None, body_ended: false, by_part, unprocessed: false }
    }

    /// The place that it holds.
    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Takes all that has come.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, answer: &mut Answer, wire: &Wire) -> Poll<Ending> {
        if self.body.is_none() {
            let response = match &mut self.head {
                Ok(response) => ready!(Pin::new(response).poll(cx)),
                Err(_) => {
                    self.unprocessed = true;
                    return Poll::Ready(Ending::NoResponse("the server is closing the connection".into()));
                }
            };
            match response {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    self.take_head(head.status.as_u16(), &head.headers, answer);
                    self.body = Some(body);
                }
                Err(error) => return Poll::Ready(self.failed(&error, answer, wire)),
            }
        }
        while !self.body_ended {
            let Some(body) = &mut self.body else { return Poll::Pending };
            match ready!(body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // What cannot be released is of a stream that has ended.
                    let _ = body.flow_control().release_capacity(data.len());
                    if let Some(ending) = self.take_data(&data, answer, wire) {
                        return Poll::Ready(ending);
                    }
                }
                Some(Err(error)) => return Poll::Ready(self.failed(&error, answer, wire)),
                None => self.body_ended = true,
            }
        }
        let Some(body) = &mut self.body else { return Poll::Pending };
        match ready!(body.poll_trailers(cx)) {
            Ok(trailers) => {
                if let Some(trailers) = trailers {
                    answer.record.bytes_received += size_of_fields(&trailers);
                    show(&trailers, None, answer);
                }
                Poll::Ready(answer.finish_decoding(self.seat.arrival()))
            }
            Err(error) => Poll::Ready(self.failed(&error, answer, wire)),
        }
    }

    fn take_head(&mut self, status: u16, fields: &HeaderMap, answer: &mut Answer) {
        let at = self.seat.arrival();
        answer.last_read = at;
        answer.record.status = Some(status);
        answer.record.headers = Some(at);
        answer.record.bytes_received += size_of_fields(fields) + 3;
        show(fields, Some(status), answer);
    }

    fn take_data(&mut self, data: &[u8], answer: &mut Answer, wire: &Wire) -> Option<Ending> {
        let at = self.seat.arrival();
        answer.last_read = at;
        answer.record.bytes_received += data.len() as u64;
        if data.is_empty() {
            return None;
        }
        let by_part = self.by_part;
        answer.take_payload(wire, data, at, |answer| feed(answer, data, by_part, at))
    }

    /// The stream or its connection ended before the response did.
    fn failed(&mut self, error: &h2::Error, answer: &mut Answer, wire: &Wire) -> Ending {
        if error.is_go_away() && !error.is_remote() {
            return Ending::NotHttp(format!("what came is not HTTP/2: {error}"));
        }
        let why = || error.reason().map_or_else(String::new, |reason| format!(", {reason}"));
        let reason = if error.is_io() {
            "the server closed the connection".to_owned()
        } else if error.is_go_away() {
            format!("the server is leaving (GOAWAY{})", why())
        } else {
            format!("the server reset the stream (RST_STREAM{})", why())
        };
        let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        match answer.record.status {
            None => {
                // A stream that ends by GOAWAY is one that the server says it has not looked at.
                let waited = answer.waited(wire.clock.now());
                self.unprocessed =
                    refused || error.is_go_away() || (error.is_io() && self.seat.was_a_race(waited));
                Ending::NoResponse(reason)
            }
            Some(_) => answer.cut_short(wire.clock.now(), &reason),
        }
    }
}

/// Shows the decoder the fields of a head, or the trailers.
fn show(fields: &HeaderMap, status: Option<u16>, answer: &mut Answer) {
    let list: Vec<_> = fields
        .iter()
        .map(|(name, value)| httparse::Header { name: name.as_str(), value: value.as_bytes() })
        .collect();
    let fields = Fields { status, list: &list };
    match status {
        Some(_) => answer.take_fields(&fields),
        None => {
            answer.decoder.fields(&fields, &mut answer.reply);
        }
    }
}

/// Hands the decoder a frame's data.
fn feed(answer: &mut Answer, data: &[u8], by_part: bool, at: Offset) -> Result<(), Malformed> {
    answer.decoder.feed(data, at, &mut answer.reply)?;
    if by_part {
        answer.decoder.part_ended(at, &mut answer.reply);
    }
    Ok(())
}
