//! OpenAI text completions: what they ask in a way of their own.

use plimsoll_core::spec::{Provider, RunSpec};

use super::openai::OpenAi;
use super::template::{Field, Part, When};

/// `POST /v1/completions`; Together's workers answer on `/`.
pub(super) fn completions(spec: &RunSpec) -> OpenAi {
    let images = Field::parts("images", vec![Part::text("["), Part::Images, Part::text("]")]);
    let asked = vec![Field::parts("prompt", vec![Part::Prompt]), images.when(When::Images)];
    let logprobs = spec.api.logprobs.map(|count| Field::fixed("logprobs", count));
    let path = if spec.target.provider == Provider::Together { "/" } else { "/v1/completions" };
    OpenAi::new(path, asked, logprobs.into_iter().collect(), spec)
}
