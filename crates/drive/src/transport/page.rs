//! One page, read again and again on one connection while the server keeps it.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::spec::{Secret, TransportSpec};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::dial::Dialer;
use super::http1::{self, Framing, Head};
use super::stamped::ReceiveClock;
use super::target::{Origin, beside};
use crate::clock::Clock;
use crate::protocol::{Mask, Outgoing, Route};

/// Longest page, in bytes: ten times the longest that is usual.
const PAGE_MAX: usize = 16 << 20;
/// Bytes that are asked for at a time.
const READ: usize = 128 << 10;

/// Where a page is, and how it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct PageAddress {
    /// Whose page it is.
    pub(crate) origin: Origin,
    /// Path and query.
    pub(crate) path: String,
    /// Header fields to send.
    pub(crate) headers: Vec<(String, Secret)>,
    /// The key of the target, where the page is the target's own.
    pub(crate) api_key: Option<Secret>,
    /// What is accepted.
    pub(crate) accept: &'static str,
}

/// A page that was not got.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum PageFailure {
    /// No connection.
    #[error("{0}")]
    Unreachable(String),
    /// Another status than 200.
    #[error("it answers {0}{hint}", hint = hint(*.0))]
    Status(u16),
    /// No whole answer in time.
    #[error("no whole page within {0:?}")]
    Late(Duration),
    /// Too long.
    #[error("its page is longer than {} MiB", PAGE_MAX >> 20)]
    TooLong,
    /// The connection ended, or carried something else.
    #[error("{0}")]
    Broken(String),
}

fn hint(status: u16) -> &'static str {
    match status {
        301 | 302 | 307 | 308 => ": give the URL that it leads to",
        401 | 403 => ": give what it asks for with --watch-header 'Authorization: Bearer …'",
        404 => ": there is no such page",
        _ => "",
    }
}

/// Reads one page again and again.
pub(crate) struct PageReader {
    dialer: Dialer,
    request: Vec<Bytes>,
    connection: Option<Connection>,
    clock: ReceiveClock,
    bytes: Vec<u8>,
    mask: Mask,
}

/// A page that was got.
#[derive(Debug)]
pub(crate) struct GotPage<'a> {
    pub(crate) body: &'a [u8],
    /// Whether it says to be protobuf.
    pub(crate) protobuf: bool,
}

impl PageReader {
    /// Prepares to read; nothing is sent.
    pub(crate) fn new(
        address: &PageAddress,
        spec: &TransportSpec,
        tls: Option<Arc<ClientConfig>>,
        clock: Clock,
    ) -> Result<Self, PageFailure> {
        let dialer = Dialer::new(address.origin.clone(), tls, spec, clock)
            .map_err(|error| PageFailure::Unreachable(error.reason))?;
        let route = Route {
            method: Cow::Borrowed("GET"),
            accept: Cow::Borrowed(address.accept),
            content_type: None,
            ..Route::json(address.path.clone(), false)
        };
        let target = beside(&address.headers, address.api_key.as_ref());
        let request = address.origin.head(&target, &route).pieces(Outgoing::default());
        let clock = ReceiveClock::new(clock);
        let mask = Mask::of(&target);
        Ok(PageReader { dialer, request, connection: None, clock, bytes: Vec::new(), mask })
    }

    /// A text without what was sent as a secret, should the server repeat it.
    pub(crate) fn hide(&self, text: String) -> String {
        self.mask.hide(text)
    }

    /// Reads the page within `limit`.
    pub(crate) async fn read(&mut self, limit: Duration) -> Result<GotPage<'_>, PageFailure> {
        let (length, protobuf) = match timeout(limit, self.exchange()).await {
            Ok(result) => result?,
            Err(_) => return Err(PageFailure::Late(limit)),
        };
        Ok(GotPage { body: &self.bytes[..length], protobuf })
    }

    /// Length of the page at the start of the buffer, and whether it is protobuf. A connection that fails is not used again.
    async fn exchange(&mut self) -> Result<(usize, bool), PageFailure> {
        // A server may have closed a connection that it said it would keep.
        if let Some(mut connection) = self.connection.take().filter(|connection| !connection.is_stale())
            && let Ok(answer) = self.ask(&mut connection).await
        {
            return self.conclude(connection, answer);
        }
        let (mut connection, _) =
            self.dialer.dial().await.map_err(|error| PageFailure::Unreachable(error.reason))?;
        let answer = self.ask(&mut connection).await?;
        self.conclude(connection, answer)
    }

    fn conclude(&mut self, connection: Connection, answer: Answer) -> Result<(usize, bool), PageFailure> {
        self.connection = answer.reusable.then_some(connection);
        match answer.status {
            200 => Ok((answer.length, answer.protobuf)),
            status => Err(PageFailure::Status(status)),
        }
    }

    async fn ask(&mut self, connection: &mut Connection) -> Result<Answer, PageFailure> {
        let broken = |error: std::io::Error| PageFailure::Broken(error.to_string());
        let mut request = Unsent::new(self.request.clone());
        poll_fn(|cx| connection.poll_write(cx, &mut request)).await.map_err(broken)?;
        let mut reading = Reading::default();
        loop {
            let filled = reading.filled;
            if filled > PAGE_MAX + http1::MAX_HEAD {
                return Err(PageFailure::TooLong);
            }
            if self.bytes.len() < filled + READ {
                self.bytes.resize(filled + READ, 0);
            }
            let room = &mut self.bytes[filled..];
            let read = poll_fn(|cx| connection.poll_read(cx, room, &self.clock));
            let (length, _) = read.await.map_err(broken)?;
            if let Some(answer) = reading.take(&mut self.bytes, length)? {
                return Ok(answer);
            }
        }
    }
}

/// An answer whose body is at the start of the buffer.
struct Answer {
    status: u16,
    length: usize,
    protobuf: bool,
    reusable: bool,
}

/// How far an answer was read. The body is moved to the start of the buffer, without its framing, as it comes.
#[derive(Default)]
struct Reading {
    head: Option<(Head, bool)>,
    filled: usize,
}

impl Reading {
    /// Takes in `length` more bytes; none mean the end of the connection.
    fn take(&mut self, bytes: &mut [u8], length: usize) -> Result<Option<Answer>, PageFailure> {
        let broken = |error: http1::HttpError| PageFailure::Broken(error.to_string());
        let closed = length == 0;
        let mut end = self.filled + length;
        let mut fresh = self.filled;
        while self.head.is_none() {
            let mut protobuf = false;
            let parsed = http1::parse_head(&bytes[..end], |fields| {
                protobuf = fields.get("content-type").is_some_and(|kind| kind.contains("protobuf"));
            });
            let Some(head) = parsed.map_err(broken)? else { break };
            bytes.copy_within(head.len..end, 0);
            (end, fresh) = (end - head.len, 0);
            // An interim response is followed by the real one.
            self.head = (head.status >= 200).then_some((head, protobuf));
        }
        self.filled = end;
        let Some((head, protobuf)) = &mut self.head else {
            return if closed {
                Err(PageFailure::Broken("the server closed the connection".into()))
            } else {
                Ok(None)
            };
        };
        if let Framing::Length(left) = head.framing
            && usize::try_from(left).unwrap_or(usize::MAX) > PAGE_MAX
        {
            return Err(PageFailure::TooLong);
        }
        let unframed = head.framing.unframe(&mut bytes[fresh..end], None).map_err(broken)?;
        self.filled = fresh + unframed.len;
        let ended = unframed.ended || (closed && head.framing.may_end_by_close());
        if ended {
            let reusable = head.keep_alive && !closed && !unframed.surplus;
            return Ok(Some(Answer {
                status: head.status,
                length: self.filled,
                protobuf: *protobuf,
                reusable,
            }));
        }
        if closed { Err(PageFailure::Broken("the page was cut off".into())) } else { Ok(None) }
    }
}
