//! Requests as the workload made them, and readers for what the user expects.

use std::sync::Arc;

use plimsoll_core::spec::{HttpSpec, PromptSource, RunSpec, StreamBy};
use plimsoll_core::workload::{Prompt, RequestSpec};

use super::super::payload::outgoing;
use super::super::{Decoder, Outgoing, Protocol, ProtocolError, Route};
use super::checks::Checks;
use super::reader::Reader;

/// Whatever the user sends.
pub(in crate::protocol) struct Http {
    route: Route,
    checks: Arc<Checks>,
    stream_by: Option<StreamBy>,
    keep_text: bool,
}

impl Http {
    /// # Errors
    /// The run has no requests of the user's own, or a pattern that is no regular expression.
    pub(in crate::protocol) fn new(spec: &RunSpec) -> Result<Self, ProtocolError> {
        let PromptSource::Http(http) = &spec.workload.prompts else {
            return Err(ProtocolError::NoRequests);
        };
        Ok(Http {
            route: route(http),
            checks: Arc::new(Checks::new(&http.expect)?),
            stream_by: http.stream_by,
            keep_text: spec.api.keep_text,
        })
    }
}

fn route(http: &HttpSpec) -> Route {
    Route {
        method: http.method.clone().into(),
        path: http.path.clone(),
        accept: match http.stream_by {
            Some(StreamBy::Sse) => "text/event-stream, */*".into(),
            _ => "*/*".into(),
        },
        content_type: None, // the payloads say it
        by_part: http.stream_by == Some(StreamBy::Chunk),
        own_fields: http.headers.iter().map(|(name, _)| name.clone()).collect(),
    }
}

impl Protocol for Http {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        outgoing(request)
    }

    fn decoder(&self, request: &RequestSpec) -> Box<dyn Decoder> {
        let payload = match &request.prompt {
            Prompt::Payload(payload) if !payload.secrets.is_empty() => Some(payload.clone()),
            _ => None,
        };
        Box::new(Reader::new(self.checks.clone(), self.stream_by, self.keep_text, payload))
    }
}
