//! Runs and requests for the tests of protocols.

use std::sync::Arc;

use bytes::Bytes;
use plimsoll_core::record::RequestId;
use plimsoll_core::spec::{HttpSpec, Interface, PromptSource, Provider, RunSpec, StreamBy};
use plimsoll_core::testing;
use plimsoll_core::workload::{Members, Prompt, RequestSpec};

use super::supports;

/// A run against `provider`, chat (else its interface for text) and streaming as asked, nothing else out of the
/// ordinary.
pub(crate) fn spec(provider: Provider, chat: bool, stream: bool) -> RunSpec {
    let mut spec = testing::run();
    spec.target.provider = provider;
    if let Some(model) = provider.default_model() {
        model.clone_into(&mut spec.target.model);
    }
    spec.api.stream = stream;
    spec.api.keep_text = true;
    spec.api.interface = match supports(provider).interfaces {
        _ if chat => Interface::Chat,
        all if all.contains(&Interface::Completions) => Interface::Completions,
        all => all[0],
    };
    if provider == Provider::Http {
        let stream_by = stream.then_some(StreamBy::Line);
        spec.workload.prompts = PromptSource::Http(HttpSpec { stream_by, ..testing::own_requests() });
    }
    spec
}

/// A request for `max_tokens` after a text.
pub(crate) fn request(text: &str, max_tokens: u32) -> RequestSpec {
    RequestSpec {
        id: RequestId(0),
        prompt: Prompt::Text(text.into()),
        images: Arc::from([]),
        max_tokens,
        prompt_tokens: None,
        cancel: false,
    }
}

/// A request for 6 tokens with the members of a data set's line, a JSON object.
pub(super) fn line(object: &str) -> RequestSpec {
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object).unwrap();
    let inner = object.trim().strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let members =
        Members { keys: json.keys().cloned().collect(), json: Bytes::copy_from_slice(inner.as_bytes()) };
    RequestSpec { prompt: Prompt::Members(members), ..request("", 6) }
}
