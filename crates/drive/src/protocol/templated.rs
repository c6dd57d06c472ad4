//! Requests that are JSON made from a template, and answers that are JSON or events: all of the OpenAI family but chat
//! and text completions.

use plimsoll_core::spec::RunSpec;
use plimsoll_core::workload::RequestSpec;

use super::body_reader::{BodyReader, Meaning};
use super::template::{Field, Template};
use super::{Decoder, Outgoing, Protocol, Route};

/// Requests from a template whose answers a meaning reads.
pub(super) struct Templated<M> {
    route: Route,
    template: Template,
    meaning: Box<dyn Fn() -> M + Send + Sync>,
}

impl<M> Templated<M> {
    /// Requests to `path`, unless the run names another, with the model and then `fields`.
    pub(super) fn new(
        path: &str,
        fields: Vec<Field>,
        spec: &RunSpec,
        meaning: impl Fn() -> M + Send + Sync + 'static,
    ) -> Self {
        let mut all = vec![Field::fixed("model", spec.target.model.as_str())];
        all.extend(fields);
        Templated {
            route: Route::json(spec.target.endpoint.as_deref().unwrap_or(path), spec.api.stream),
            template: Template::new(all, &spec.api),
            meaning: Box::new(meaning),
        }
    }
}

impl<M: Meaning + 'static> Protocol for Templated<M> {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        self.template.encode(request).into()
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(BodyReader::new((self.meaning)()))
    }
}
