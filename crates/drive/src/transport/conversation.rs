//! Several questions before a run, on one connection while the server keeps it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::spec::{HttpChoice, Target, TransportSpec};
use plimsoll_core::workload::Body;
use rustls::ClientConfig;
use tokio::runtime::Runtime;

use super::dial::Dialer;
use super::fetch::{FetchError, Fetched, runtime, unreachable};
use super::http2::call;
use super::kept::{Kept, NoAnswer};
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
    runtime: Runtime,
    kept: Kept,
}

impl<'a> Conversation<'a> {
    /// Prepares to ask. There is no connection before the first question.
    ///
    /// # Errors
    /// The operating system refuses what it takes, or the server has a name that TLS cannot check.
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
        let clock = Clock::start();
        let dialer = Dialer::new(origin.clone(), tls.clone(), spec, clock).map_err(unreachable)?;
        Ok(Conversation { origin, target, spec, tls, runtime, kept: Kept::new(dialer, LIMIT, clock) })
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
            let called =
                call(self.origin, self.target, self.spec, self.tls.clone(), &route, outgoing, LIMIT)?;
            return Ok(Fetched { status: called.status, body: called.body });
        }
        let pieces = self.origin.head(self.target, &route).pieces(outgoing);
        let asked = self.runtime.block_on(self.kept.ask(pieces, |_| {}));
        asked.map_err(|error| match error {
            NoAnswer::Unreachable(error) => unreachable(error),
            NoAnswer::Unusable(reason) => {
                FetchError::NoAnswer { asked: format!("{} {path}", route.method), reason }
            }
        })
    }
}
