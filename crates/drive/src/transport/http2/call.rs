//! One request by HTTP/2 outside of a run: asks the server who it is, what a model takes, or whether it answers.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use plimsoll_core::spec::{Target, TransportSpec};
use rustls::ClientConfig;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::super::dial::Dialer;
use super::super::fetch::{FetchError, unreachable};
use super::super::target::Origin;
use super::super::tls::for_http2;
use super::super::wire::{Answers, Wire};
use super::link::Link;
use super::request::{Http2Head, Message};
use crate::clock::Clock;
use crate::endpoint::Station;
use crate::protocol::{Outgoing, Route};
use crate::runner::pulse::Pulse;

/// Longest answer that is read, in bytes.
const MAX_BODY: usize = 4 << 20;
/// The answer to one request.
#[derive(Debug)]
pub struct Called {
    /// HTTP status.
    pub status: u16,
    /// The header fields, and after them the trailer fields.
    pub fields: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Called {
    /// Whether the answer says to be one of gRPC.
    pub(crate) fn is_grpc(&self) -> bool {
        let kind = self.fields.get(http::header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
    }
}

/// Sends one request to a target by HTTP/2 and reads the answer. The whole of it has `limit` from the connection on.
///
/// # Errors
/// The server cannot be reached, or there is no whole answer in HTTP/2 in time.
pub fn call(
    origin: &Origin,
    target: &Target,
    spec: &TransportSpec,
    tls: Option<Arc<ClientConfig>>,
    route: &Route,
    outgoing: Outgoing,
    limit: Duration,
) -> Result<Called, FetchError> {
    let path = outgoing.path.as_deref().unwrap_or(&route.path);
    let asked = format!("{} {path}", route.method);
    let no_answer = |reason: String| FetchError::NoAnswer { asked: asked.clone(), reason };
    let head = Http2Head::new(origin, target, route).map_err(|error| no_answer(error.to_string()))?;
    let message = head.message(outgoing);
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.map_err(|error| no_answer(error.to_string()))?.block_on(async {
        let clock = Clock::start();
        let tls = tls.map(|config| for_http2(&config));
        let dialer = Dialer::new(origin.clone(), tls, spec, clock).map_err(unreachable)?;
        let station = Station::new(clock, Pulse::start(0, clock.now()));
        let answers = Answers { streamed: false, keep_text: false };
        let wire = Rc::new(Wire::new(station, dialer, spec.clone(), answers));
        let (link, _) = Link::open(&wire, 1).await.map_err(unreachable)?;
        spawn_local(link.clone().drive());
        match timeout(limit, exchange(&link, &message)).await {
            Ok(Ok(called)) => Ok(called),
            Ok(Err(reason)) => Err(no_answer(reason)),
            Err(_) => Err(FetchError::Late { asked: asked.clone(), limit }),
        }
    })
}

async fn exchange(link: &Rc<Link>, message: &Message) -> Result<Called, String> {
    let text = |error: h2::Error| error.to_string();
    let seat = link.seat().ok_or("the server ended the connection")?;
    let (head, mut stream) = seat.send(message).map_err(text)?.await.map_err(text)?.into_parts();
    let mut called = Called { status: head.status.as_u16(), fields: head.headers, body: Vec::new() };
    while let Some(data) = stream.data().await {
        let data = data.map_err(text)?;
        stream.flow_control().release_capacity(data.len()).map_err(text)?;
        called.body.extend_from_slice(&data);
        if called.body.len() > MAX_BODY {
            return Err(format!("longer than {MAX_BODY} bytes"));
        }
    }
    called.fields.extend(poll_fn(|cx| stream.poll_trailers(cx)).await.map_err(text)?.unwrap_or_default());
    Ok(called)
}
