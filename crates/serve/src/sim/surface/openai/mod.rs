//! The OpenAI API, as vLLM speaks it: models, chat and text completions, embeddings, rerank.

mod body;
mod completion;
mod document;
mod logprobs;
mod pooling;
mod stream;

use serde_json::{Value, json};

use super::{About, Cause, Refusal, Request, Understood, behind, decoded};
use crate::sim::flavour::Flavour;
use crate::sim::reply::Document;

/// The paths of work. Any base path may stand in front.
#[derive(Clone, Copy)]
enum Endpoint {
    Chat,
    Text,
    Embeddings,
    Rerank,
}

/// Reads a request, if its path is one of this surface.
pub(super) fn read(request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
    if let Some(name) = models_path(request.path) {
        // KServe has a list of its own here, and servers that have none must not seem to be OpenAI's.
        let has_list = !matches!(about.flavour(), Flavour::Kserve | Flavour::Triton | Flavour::Torchserve);
        return has_list.then(|| models(name, request, about));
    }
    let work = match find(request.path)? {
        Endpoint::Chat => completion::read(completion::Form::Chat, request, about),
        Endpoint::Text => completion::read(completion::Form::Text, request, about),
        Endpoint::Embeddings => pooling::embeddings(request, about),
        Endpoint::Rerank => pooling::rerank(request, about),
    };
    Some(request.only(&["POST"]).and(work).map(Understood::Work))
}

fn find(path: &str) -> Option<Endpoint> {
    let fixed = [
        ("/v1/chat/completions", Endpoint::Chat),
        ("/v1/completions", Endpoint::Text),
        ("/v1/embeddings", Endpoint::Embeddings),
        ("/rerank", Endpoint::Rerank), // also /v1/rerank and /v2/rerank
    ];
    fixed.into_iter().find(|(suffix, _)| path.ends_with(suffix)).map(|(_, endpoint)| endpoint)
}

/// The name behind `/v1/models/`, empty for the list. A name may have slashes; `:predict` and the like are KServe's.
fn models_path(path: &str) -> Option<&str> {
    if path.ends_with("/v1/models") {
        return Some("");
    }
    behind(path, "/v1/models/").filter(|name| !name.is_empty() && !name.contains(':'))
}

fn models(name: &str, request: &Request<'_>, about: &About<'_>) -> Result<Understood, Refusal> {
    request.only(&["GET"])?;
    let options = &about.script.options;
    let model = json!({
        "id": options.model, "object": "model", "created": about.script.created, "owned_by": options.owned_by,
    });
    let body = match decoded(name) {
        name if name.is_empty() => json!({"object": "list", "data": [model]}),
        name if name == options.model => model,
        name => return Err(Refusal::unknown_model(&name)),
    };
    Ok(Understood::Say(Document::json(200, body.to_string())))
}

/// `{"error": {"message", "type", "param", "code"}}`.
pub(super) fn refusal(refusal: &Refusal) -> Value {
    let kind = match refusal.cause {
        Cause::NoSuchPath | Cause::NoSuchModel => "not_found_error",
        Cause::Overloaded if refusal.status == 429 => "rate_limit_error",
        Cause::Overloaded | Cause::NotReady | Cause::Failed => "server_error",
        Cause::Invalid | Cause::Method => "invalid_request_error",
    };
    let Refusal { message, param, status, .. } = refusal;
    json!({"error": {"message": message, "type": kind, "param": param, "code": status}})
}
