//! One request outside of any trial: is the server able to answer at all, and how long does it take?

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use plimsoll_core::record::RequestId;
use plimsoll_core::spec::{Target, TransportSpec};
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::protocol::{self, Mask, Outgoing, Protocol};
use plimsoll_drive::transport::{
    ANSWER_LIMIT, FetchError, Fetched, HttpVersion, Origin, TlsConfig, call, post,
};

use super::blueprint::Blueprint;
use super::opening::Session;
use super::server::Way;

/// Refusals that may pass by themselves.
const PASSING: [u16; 6] = [404, 408, 409, 425, 429, 499];

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Once {
    /// It was answered, after so many seconds, a new connection included.
    Answered(f64),
    /// There was no whole answer in the time for it.
    Late,
    /// The server says that it is busy or not ready.
    Refused,
    /// There was no connection, or no usable answer.
    Failed,
    /// Only a trial can ask this server.
    NotHere,
}

/// A request on its way, on a thread of its own.
pub(crate) struct Asking {
    answer: Receiver<anyhow::Result<Once>>,
}

impl Asking {
    /// What became of it, once that is known.
    ///
    /// # Errors
    /// As for [`Session::once`].
    pub(crate) fn found(&self) -> anyhow::Result<Option<Once>> {
        match self.answer.try_recv() {
            Ok(found) => found.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Ok(Some(Once::Failed)),
        }
    }
}

impl Session {
    /// Asks the next request of the run, and reads the whole answer.
    ///
    /// # Errors
    /// The server refuses the request itself, and would refuse it again.
    pub(crate) fn once(&mut self, blueprint: &Blueprint) -> anyhow::Result<Once> {
        self.question(blueprint, ANSWER_LIMIT).map_or(Ok(Once::NotHere), Question::ask)
    }

    /// The same, and returns at once; nothing where only a trial can ask this server. The answer may take `limit`.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn ask(&mut self, blueprint: &Blueprint, limit: Duration) -> anyhow::Result<Option<Asking>> {
        let Some(question) = self.question(blueprint, limit) else { return Ok(None) };
        let (give, answer) = sync_channel(1);
        let body = move || {
            // Who no longer waits for it has hung up.
            let _ = give.send(question.ask());
        };
        thread::Builder::new()
            .name("plimsoll-once".to_owned())
            .spawn(body)
            .context("cannot start a thread")?;
        Ok(Some(Asking { answer }))
    }

    fn question(&mut self, blueprint: &Blueprint, limit: Duration) -> Option<Question> {
        let Way::Http(way) = &self.reached.way else { return None };
        let spec = &blueprint.spec;
        let protocol = blueprint.protocol.clone();
        let outgoing = protocol.encode(&blueprint.workload_after(self.asked).request(RequestId(0)));
        self.asked += 1;
        Some(Question {
            origin: way.origin.clone(),
            tls: way.tls.clone(),
            http: way.http,
            target: spec.target.clone(),
            transport: spec.transport.clone(),
            protocol,
            outgoing,
            limit,
        })
    }
}

/// A request with all that sending it takes.
struct Question {
    origin: Origin,
    tls: Option<Arc<TlsConfig>>,
    http: HttpVersion,
    target: Target,
    transport: TransportSpec,
    protocol: Arc<dyn Protocol>,
    outgoing: Outgoing,
    limit: Duration,
}

impl Question {
    fn ask(self) -> anyhow::Result<Once> {
        let (route, mask) = (self.protocol.route().clone(), Mask::of(&self.target));
        let clock = Clock::start();
        let answer = match self.send() {
            Ok(answer) => answer,
            Err(FetchError::Late { .. }) => return Ok(Once::Late),
            Err(_) => return Ok(Once::Failed),
        };
        match answer.status {
            200..=299 => Ok(Once::Answered(clock.now().since(Offset::ZERO).as_secs_f64())),
            status @ 400..=499 if !PASSING.contains(&status) => {
                let said = mask.hide(protocol::error_excerpt(&answer.body));
                Err(anyhow!("{} {} answered {status}: {said}", route.method, route.path))
            }
            _ => Ok(Once::Refused),
        }
    }

    /// The answer, whichever version of HTTP carries it.
    fn send(self) -> Result<Fetched, FetchError> {
        let Question { origin, tls, http, target, transport, protocol, outgoing, limit } = self;
        let route = protocol.route();
        match http {
            HttpVersion::Http1 => post(&origin, &target, &transport, tls, route, outgoing, limit),
            HttpVersion::Http2 => {
                call(&origin, &target, &transport, tls, route, outgoing, limit).map(protocol::concluded)
            }
        }
    }
}
