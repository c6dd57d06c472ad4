//! `:predict` of KServe's V1, which TensorFlow Serving speaks too: instances in, predictions out.

use plimsoll_core::spec::RunSpec;
use plimsoll_core::workload::RequestSpec;

use super::body_reader::{BodyReader, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::payload::{model_version, outgoing};
use super::{Decoder, Malformed, Outgoing, Protocol, Reply, Route};

/// `POST /v1/models/MODEL[/versions/VERSION]:predict`.
pub(super) struct Predict {
    route: Route,
    keep_text: bool,
}

impl Predict {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let version = model_version(spec).map(|version| format!("/versions/{version}")).unwrap_or_default();
        let path = || format!("/v1/models/{}{version}:predict", spec.target.model);
        // The payloads say the content type.
        let route = Route::json(spec.target.endpoint.clone().unwrap_or_else(path), false);
        Predict { route: Route { content_type: None, ..route }, keep_text: spec.api.keep_text }
    }
}

impl Protocol for Predict {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        outgoing(request)
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(BodyReader::new(Predictions { keep_text: self.keep_text }))
    }
}

/// Looks for `predictions`.
struct Predictions {
    keep_text: bool,
}

impl Meaning for Predictions {
    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        reply.error = json.get("error").and_then(said_by);
        match json.get("predictions") {
            // An object has a list for each output.
            Some(predictions) => reply.has_content = predictions.text() != "[]" && predictions.text() != "{}",
            None if reply.error.is_some() => {}
            None => return Err(malformed("a response without `predictions`", json.text().as_bytes())),
        }
        if self.keep_text {
            reply.take_str(json.text(), true);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::Outcome;
    use plimsoll_core::time::Offset;

    use super::super::{Ended, judge};
    use super::*;

    #[test]
    fn an_answer_has_predictions() {
        for (body, expected) in [
            (r#"{"predictions":[[13.84,26.45]]}"#, Outcome::Ok),
            (r#"{"predictions":{"a":[1],"b":[2]}}"#, Outcome::Ok),
            (r#"{"predictions":[]}"#, Outcome::Empty),
            (r#"{"error":"Model with name nope does not exist."}"#, Outcome::StreamError),
            (r#"{"outputs":[1]}"#, Outcome::Invalid),
            (r#"{"predictions":[[1"#, Outcome::Truncated),
            ("data: {}\n\n", Outcome::Invalid),
            ("", Outcome::Empty),
        ] {
            let mut decoder = BodyReader::new(Predictions { keep_text: true });
            let mut reply = Reply::default();
            let read = decoder.feed(body.as_bytes(), Offset::ZERO, &mut reply);
            let read = read.and_then(|()| decoder.finish(Offset::ZERO, &mut reply));
            let (outcome, error) = judge(&reply, read.map_or_else(Ended::Malformed, |()| Ended::Whole));
            assert_eq!(outcome, expected, "{body}: {error:?}");
        }
    }
}
