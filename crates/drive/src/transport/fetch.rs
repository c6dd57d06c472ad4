//! One step before a run: opens a connection, or asks whether the server takes a request.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use plimsoll_core::record::Outcome;
use plimsoll_core::spec::{HttpChoice, Target, TransportSpec};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::dial::{DialError, Dialer};
use super::http1::{self, Framing};
use super::stamped::ReceiveClock;
use super::target::Origin;
use super::tls::for_either;
use crate::clock::Clock;
use crate::protocol::{Fields, Outgoing, Route};

/// Longest answer that is read, in bytes.
const MAX_BODY: usize = 4 << 20;
/// Time for the whole answer to a request of the run's own kind, usually: a model may have to be loaded for it.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No connection: the server cannot be reached.
    #[error("{reason}")]
    Unreachable {
        /// `connect`, `tls` or `timeout`.
        outcome: Outcome,
        /// What happened, with the place.
        reason: String,
    },
    /// Connected, but no usable answer.
    #[error("no usable answer to {asked}: {reason}")]
    NoAnswer {
        /// Method and path.
        asked: String,
        /// What happened.
        reason: String,
    },
    /// Connected, but there was no whole answer in the time for it.
    #[error("no whole answer to {asked} within {limit:?}")]
    Late {
        /// Method and path.
        asked: String,
        /// The time.
        limit: Duration,
    },
}

impl FetchError {
    /// Whether there was no connection at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, FetchError::Unreachable { .. })
    }
}

/// Opens a connection and closes it again: is there a server at all?
///
/// # Errors
/// The server cannot be reached.
pub fn reach(
    origin: &Origin,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
) -> Result<(), FetchError> {
    open(origin, spec, tls).map(drop)
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The version of HTTP that a run speaks with a server: the one asked for, or with TLS the one that the server prefers.
///
/// # Errors
/// The server must be asked, and cannot be reached.
pub fn negotiate(
    origin: &Origin,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
) -> Result<HttpVersion, FetchError> {
    let preferred = || Ok(open(origin, spec, tls)?.settled_on_http2() == Some(true));
    let http2 = match spec.http {
        HttpChoice::Http1 => false,
        HttpChoice::Http2 => true,
        HttpChoice::Auto => origin.tls && preferred()?,
    };
    Ok(if http2 { HttpVersion::Http2 } else { HttpVersion::Http1 })
}

/// Opens a connection for whichever version of HTTP the server prefers.
fn open(
    origin: &Origin,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Connection, FetchError> {
    let tls = tls.map(|config| for_either(&config));
    let clock = Clock::start();
    let failed = |reason| FetchError::Unreachable { outcome: Outcome::Connect, reason };
    runtime().map_err(failed)?.block_on(async {
        let dialer = Dialer::new(origin.clone(), tls, spec, clock).map_err(unreachable)?;
        Ok(dialer.dial().await.map_err(unreachable)?.0)
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

pub(super) fn unreachable(error: DialError) -> FetchError {
    FetchError::Unreachable { outcome: error.outcome, reason: error.reason }
}

/// Sends one request as a run would, in a runtime of its own. The whole answer has `limit` from the connection on.
///
/// # Errors
/// The server cannot be reached, or does not answer in HTTP/1.1 in time.
pub fn post(
    origin: &Origin,
    target: &Target,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
    route: &Route,
    request: Outgoing,
    limit: Duration,
) -> Result<Fetched, FetchError> {
    let pieces = origin.head(target, route).pieces(request);
    let asked = || format!("{} {}", route.method, route.path);
    let no_answer = |reason: String| FetchError::NoAnswer { asked: asked(), reason };
    let clock = Clock::start();
    runtime().map_err(no_answer)?.block_on(async {
        let dialer = Dialer::new(origin.clone(), tls, spec, clock).map_err(unreachable)?;
        let (mut connection, _) = dialer.dial().await.map_err(unreachable)?;
        match timeout(limit, exchange(&mut connection, Unsent::new(pieces), clock, |_| {})).await {
            Ok(result) => result.map(|(fetched, _)| fetched).map_err(no_answer),
            Err(_) => Err(FetchError::Late { asked: asked(), limit }),
        }
    })
}

/// Sends a request and reads the answer, and whether the connection can be used again. Shows the fields of the answer.
pub(super) async fn exchange(
    connection: &mut Connection,
    mut request: Unsent,
    clock: Clock,
    mut on_fields: impl FnMut(&Fields<'_>),
) -> Result<(Fetched, bool), String> {
    let clock = ReceiveClock::new(clock);
    poll_fn(|cx| connection.poll_write(cx, &mut request)).await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let mut head = None;
    loop {
        let mut piece = [0; 16 * 1024];
        let read = poll_fn(|cx| {
            let (len, _) = ready!(connection.poll_read(cx, &mut piece, &clock))?;
            std::task::Poll::Ready(std::io::Result::Ok(len))
        });
        let len = read.await.map_err(|error| error.to_string())?;
        bytes.extend_from_slice(&piece[..len]);
        if head.is_none()
            && let Some(parsed) =
                http1::parse_head(&bytes, &mut on_fields).map_err(|error| error.to_string())?
        {
            bytes.drain(..parsed.len);
            // An interim response is followed by the real one.
            head = (parsed.status >= 200).then_some(parsed);
        }
        if let Some(body) = head.as_mut().and_then(|head| whole_body(&head.framing, &bytes, len == 0)) {
            let (status, keep_alive) = head.map_or((0, false), |head| (head.status, head.keep_alive));
            return Ok((Fetched { status, body }, keep_alive && len > 0));
        }
        if len == 0 {
            return Err("the server closed the connection".into());
        }
        if bytes.len() > MAX_BODY {
            return Err(format!("longer than {MAX_BODY} bytes"));
        }
    }
}

/// The body, once it is complete in `bytes`.
fn whole_body(framing: &Framing, bytes: &[u8], closed: bool) -> Option<Vec<u8>> {
    let mut framing = framing.clone();
    let mut bytes = bytes.to_vec();
    let unframed = framing.unframe(&mut bytes, None).ok()?;
    bytes.truncate(unframed.len);
    (unframed.ended || (closed && framing.may_end_by_close())).then_some(bytes)
}
