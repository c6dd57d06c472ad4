//! Several questions before a run, on one connection while the server keeps it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::spec::{HttpChoice, Target, TransportSpec};
use plimsoll_core::workload::Body;
use rustls::ClientConfig;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::dial::Dialer;
use super::fetch::{FetchError, Fetched, exchange, runtime, unreachable};
use super::http2::call;
use super::target::Origin;
use crate::clock::Clock;
use crate::protocol::{Outgoing, Route};

/// Time for each answer. What a server says of itself takes no work.
const LIMIT: Duration = Duration::from_secs(5);

/// One who asks a server questions, one after the other.
pub struct Conversation<'a> {
    origin: &'a Origin,
    target: &'a Target,
    spec: &'a TransportSpec,
    tls: Option<Arc<ClientConfig>>,
    clock: Clock,
    runtime: Runtime,
    connection: Option<Connection>,
}

impl<'a> Conversation<'a> {
    /// Prepares to ask. There is no connection before the first question.
    ///
    /// # Errors
    /// The operating system refuses what it takes.
    pub fn new(
        origin: &'a Origin,
        target: &'a Target,
        spec: &'a TransportSpec,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Self, FetchError> {
        let runtime = runtime().map_err(|reason| FetchError::NoAnswer {
            asked: "a question before the run".to_owned(),
            reason,
        })?;
        Ok(Conversation { origin, target, spec, tls, clock: Clock::start(), runtime, connection: None })
    }

    /// Asks for `path` below the origin's base path: by `GET`, or with JSON by `POST`.
    ///
    /// # Errors
    /// The server cannot be reached, or gives no whole answer within five seconds.
    pub fn ask(&mut self, path: &str, json: Option<&'static str>) -> Result<Fetched, FetchError> {
        let route = match json {
            Some(_) => Route::json(path, false),
            None => Route { method: Cow::Borrowed("GET"), content_type: None, ..Route::json(path, false) },
        };
        let pieces = json.map(|text| Bytes::from_static(text.as_bytes())).into_iter().collect();
        let outgoing = Outgoing::from(Body { pieces });
        if self.spec.http == HttpChoice::Http2 {
            let called = call(self.origin, self.target, self.spec, self.tls.clone(), &route, outgoing)?;
            return Ok(Fetched { status: called.status, body: called.body });
        }
        let pieces = self.origin.head(self.target, &route).pieces(outgoing);
        // A server may have closed a connection that it said it would keep. These questions may be asked twice.
        if let Some(connection) = self.connection.take()
            && let Ok(Ok(fetched)) = self.exchange(connection, pieces.clone())
        {
            return Ok(fetched);
        }
        let dialer =
            Dialer::new(self.origin.clone(), self.tls.clone(), self.spec, self.clock).map_err(unreachable)?;
        let (connection, _) = self.runtime.block_on(dialer.dial()).map_err(unreachable)?;
        let reason = match self.exchange(connection, pieces) {
            Ok(Ok(fetched)) => return Ok(fetched),
            Ok(Err(reason)) => reason,
            Err(_) => format!("none within {LIMIT:?}"),
        };
        Err(FetchError::NoAnswer { asked: format!("{} {path}", route.method), reason })
    }

    fn exchange(
        &mut self,
        mut connection: Connection,
        pieces: Vec<Bytes>,
    ) -> Result<Result<Fetched, String>, tokio::time::error::Elapsed> {
        let clock = self.clock;
        let answer = self.runtime.block_on(async {
            timeout(LIMIT, exchange(&mut connection, Unsent::new(pieces), clock)).await
        })?;
        Ok(answer.map(|(fetched, reusable)| {
            self.connection = reusable.then_some(connection);
            fetched
        }))
    }
}
