//! Posts bodies to another system than the target, beside a run.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::spec::{Secret, TransportSpec};
use plimsoll_core::workload::Body;
use rustls::ClientConfig;

use super::dial::Dialer;
use super::kept::{Kept, NoAnswer};
use super::target::{Origin, RequestHead, beside};
use crate::clock::Clock;
use crate::protocol::{Mask, Outgoing, Route};

/// Time for each answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Where bodies are posted.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Scheme, host, port and base path.
    pub origin: Origin,
    /// Header fields of every request. The values are secret.
    pub headers: Vec<(String, Secret)>,
    /// The client's side of TLS, where the origin speaks it.
    pub tls: Option<Arc<ClientConfig>>,
    /// Time limits of connections.
    pub transport: TransportSpec,
}

/// What was answered to a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// How long the server asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

/// One who posts to one path of a destination.
pub(crate) struct Courier {
    kept: Kept,
    head: RequestHead,
    fields: Vec<(Cow<'static, str>, String)>,
    mask: Mask,
}

impl Courier {
    /// Prepares to post bodies of a media type to `path` below the destination's own, with `fields` beside its headers.
    ///
    /// # Errors
    /// The destination's name is none that TLS can check.
    pub(crate) fn new(
        to: &Destination,
        path: &'static str,
        content_type: &'static str,
        fields: &[(Cow<'static, str>, &str)],
    ) -> Result<Self, String> {
        let clock = Clock::start();
        let dialer = Dialer::new(to.origin.clone(), to.tls.clone(), &to.transport, clock)
            .map_err(|error| error.reason)?;
        let target = beside(&to.headers, None);
        let route = Route {
            accept: Cow::Borrowed("*/*"),
            content_type: Some(Cow::Borrowed(content_type)),
            ..Route::json(path, false)
        };
        Ok(Courier {
            kept: Kept::new(dialer, LIMIT, clock),
            head: to.origin.head(&target, &route),
            fields: fields.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect(),
            mask: Mask::of(&target),
        })
    }

    /// Posts a body.
    ///
    /// # Errors
    /// There is no answer; the text says why, without secrets.
    pub(crate) async fn post(&mut self, body: Bytes) -> Result<Posted, String> {
        let outgoing =
            Outgoing { path: None, fields: self.fields.clone(), body: Body { pieces: vec![body] } };
        let mut retry_after = None;
        let asked = self.kept.ask(self.head.pieces(outgoing), |fields| {
            // A date is the other form: who is asked to wait until then waits as without it.
            let seconds = fields.get("retry-after").and_then(|text| text.parse().ok());
            retry_after = seconds.map(Duration::from_secs);
        });
        match asked.await {
            Ok(fetched) => Ok(Posted { status: fetched.status, body: fetched.body, retry_after }),
            Err(NoAnswer::Unreachable(error)) => Err(error.reason),
            Err(NoAnswer::Unusable(reason)) => Err(format!("no usable answer: {}", self.mask.hide(reason))),
        }
    }

    /// A text of the server without the secrets that it may repeat.
    pub(crate) fn hide(&self, text: String) -> String {
        self.mask.hide(text)
    }
}
