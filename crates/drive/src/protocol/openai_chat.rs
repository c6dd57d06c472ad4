//! OpenAI chat completions: what they ask in a way of their own.

use plimsoll_core::spec::{Provider, RunSpec};

use super::openai::OpenAi;
use super::template::{Field, Part};

/// `POST /v1/chat/completions`.
pub(super) fn chat(spec: &RunSpec) -> OpenAi {
    let messages = vec![Part::text("[{\"role\":\"user\",\"content\":"), Part::Content, Part::text("}]")];
    let logprobs = match (spec.api.logprobs, spec.target.provider) {
        (None, _) => Vec::new(),
        (Some(count), Provider::Fireworks) => vec![Field::fixed("logprobs", count)],
        (Some(count), _) => vec![Field::fixed("logprobs", true), Field::fixed("top_logprobs", count)],
    };
    OpenAi::new("/v1/chat/completions", vec![Field::parts("messages", messages)], logprobs, spec)
}
