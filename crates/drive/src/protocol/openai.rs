//! OpenAI's API, as OpenAI and the servers that copy it speak it: what chat and text completions share.

use plimsoll_core::spec::{Api, Provider, RunSpec};
use plimsoll_core::workload::RequestSpec;
use serde_json::json;

use super::body_reader::BodyReader;
use super::openai_decode::Completion;
use super::template::{Field, Part, Template, When};
use super::{Decoder, Outgoing, Protocol, Route};

/// Chat or text completions.
pub(super) struct OpenAi {
    route: Route,
    template: Template,
    keep_text: bool,
}

impl OpenAi {
    /// Requests to `path` whose first members after the model are `asked`.
    pub(super) fn new(path: &str, asked: Vec<Field>, logprobs: Vec<Field>, spec: &RunSpec) -> Self {
        let mut fields = vec![Field::fixed("model", spec.target.model.as_str())];
        fields.extend(asked);
        fields.extend(shared_fields(&spec.api, spec.target.provider));
        fields.extend(logprobs);
        fields.extend(provider_fields(&spec.api, spec.target.provider));
        OpenAi {
            route: Route::json(spec.target.endpoint.as_deref().unwrap_or(path), spec.api.stream),
            template: Template::new(fields, &spec.api),
            keep_text: spec.api.keep_text,
        }
    }
}

impl Protocol for OpenAi {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        self.template.encode(request).into()
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(BodyReader::new(Completion::new(self.keep_text)))
    }
}

fn shared_fields(api: &Api, provider: Provider) -> Vec<Field> {
    let mut fields = vec![Field::parts("max_tokens", vec![Part::MaxTokens])];
    if provider == Provider::Together {
        fields.push(Field::fixed("stream_tokens", api.stream));
    } else {
        fields.push(Field::fixed("stream", api.stream));
        fields.push(Field::fixed("stream_options", json!({"include_usage": true})).when(When::Streaming));
    }
    fields.push(Field::fixed("temperature", api.temperature));
    if api.n != 1 {
        fields.push(Field::fixed("n", api.n)); // some servers refuse it whatever its value
    }
    fields.extend(api.top_k.map(|k| Field::fixed("top_k", k)));
    fields
}

fn provider_fields(api: &Api, provider: Provider) -> Vec<Field> {
    let mut fields = Vec::new();
    fields.extend(api.reasoning_effort.as_deref().map(|effort| Field::fixed("reasoning_effort", effort)));
    match provider {
        Provider::Vllm | Provider::Sglang | Provider::Together | Provider::LlamaCpp if api.ignore_eos => {
            fields.push(Field::fixed("ignore_eos", true).when(When::Unconstrained));
        }
        Provider::Fireworks => fields.extend(fireworks_fields(api)),
        _ => {}
    }
    fields
}

fn fireworks_fields(api: &Api) -> Vec<Field> {
    let mut fields = Vec::new();
    if api.force_min_tokens {
        fields.push(Field::parts("min_tokens", vec![Part::MaxTokens]));
    }
    fields.push(Field::fixed("perf_metrics_in_response", true));
    if api.prompt_cache_max_len > 0 {
        fields.push(Field::fixed("prompt_cache_max_len", api.prompt_cache_max_len));
    }
    if let Some(probabilities) = &api.acceptance_probs_override {
        fields.push(Field::fixed("acceptance_probs_override", probabilities.as_slice()));
    }
    if !api.forced_generation.is_empty() {
        fields.push(Field::parts("forced_generation", vec![Part::Forced]));
    }
    fields
}
