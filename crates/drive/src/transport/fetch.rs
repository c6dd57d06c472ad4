//! One question before a run: asks the server who it is and what it has.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use plimsoll_core::record::Outcome;
use plimsoll_core::spec::{Target, TransportSpec};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::dial::{DialError, Dialer};
use super::http1::{self, Framing};
use super::stamped::ReceiveClock;
use super::target::Origin;
use crate::clock::Clock;

/// Longest answer that is read, in bytes.
const MAX_BODY: usize = 4 << 20;
/// Time for the whole answer.
const LIMIT: Duration = Duration::from_secs(10);

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
    let clock = Clock::start();
    runtime().map_err(|reason| FetchError::Unreachable { outcome: Outcome::Connect, reason })?.block_on(
        async {
            let dialer = Dialer::new(origin.clone(), tls, spec, clock).map_err(unreachable)?;
            dialer.dial().await.map_err(unreachable)?;
            Ok(())
        },
    )
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

fn unreachable(error: DialError) -> FetchError {
    FetchError::Unreachable { outcome: error.outcome, reason: error.reason }
}

/// Asks for `path` below the origin's base path, in a runtime of its own.
///
/// # Errors
/// The server cannot be reached, or does not answer in HTTP/1.1 within ten seconds.
pub fn fetch(
    origin: &Origin,
    target: &Target,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
    path: &str,
) -> Result<Fetched, FetchError> {
    ask(origin, target, spec, tls, "GET", path)
}

/// The same with any method, `POST` say; the request has no body.
///
/// # Errors
/// The server cannot be reached, or does not answer in HTTP/1.1 within ten seconds.
pub fn ask(
    origin: &Origin,
    target: &Target,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
    method: &str,
    path: &str,
) -> Result<Fetched, FetchError> {
    let no_answer = |reason: String| FetchError::NoAnswer { asked: format!("{method} {path}"), reason };
    let clock = Clock::start();
    runtime().map_err(no_answer)?.block_on(async {
        let dialer = Dialer::new(origin.clone(), tls, spec, clock).map_err(unreachable)?;
        let (mut connection, _) = dialer.dial().await.map_err(unreachable)?;
        let request = Unsent::new(vec![origin.bare(target, method, path)]);
        match timeout(LIMIT, exchange(&mut connection, request, clock)).await {
            Ok(result) => result.map_err(no_answer),
            Err(_) => Err(no_answer(format!("none within {LIMIT:?}"))),
        }
    })
}

async fn exchange(connection: &mut Connection, mut request: Unsent, clock: Clock) -> Result<Fetched, String> {
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
            && let Some(parsed) = http1::parse_head(&bytes, |_| {}).map_err(|error| error.to_string())?
        {
            bytes.drain(..parsed.len);
            // An interim response is followed by the real one.
            head = (parsed.status >= 200).then_some(parsed);
        }
        if let Some(body) = head.as_mut().and_then(|head| whole_body(&head.framing, &bytes, len == 0)) {
            return Ok(Fetched { status: head.map_or(0, |head| head.status), body });
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
