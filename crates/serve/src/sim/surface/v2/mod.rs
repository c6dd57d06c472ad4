//! Triton's interface, which KServe's V2 is: health, metadata, infer with JSON and binary tensors, generate.

mod binary;
mod generate;
mod infer;
mod json;
mod metadata;
mod tensor;

use super::{About, Refusal, Request, Understood, behind, decoded};
use crate::sim::flavour::Flavour;
use crate::sim::reply::Document;

pub use tensor::{BadTensors, ModelTensors};

/// Reads a request, if its path is one of this surface.
pub(super) fn read(request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
    if let Some(rest) = behind(request.path, "/v2/models/") {
        return of_model(rest, request, about);
    }
    // Who asks a server what it is must not take TorchServe for Triton.
    let is_torchserve = about.flavour() == Flavour::Torchserve;
    let (method, answer): (&str, fn(&About<'_>) -> Document) = match request.path.trim_end_matches('/') {
        path if path.ends_with("/v2") && !is_torchserve => ("GET", metadata::server),
        path if path.ends_with("/v2/health/live") => ("GET", |about| health(about, "live", true)),
        path if path.ends_with("/v2/health/ready") => {
            ("GET", |about| health(about, "ready", about.is_ready()))
        }
        path if path.ends_with("/v2/repository/index") => ("POST", metadata::index),
        path if path.ends_with("/v2/models/stats") => ("GET", metadata::statistics),
        _ => return None,
    };
    Some(request.only(&[method]).map(|()| Understood::Say(answer(about))))
}

/// Reads `{m}`, `{m}/versions/{v}`, and either with a verb.
fn of_model(rest: &str, request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
    let pieces: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let (name, verb) = match *pieces.as_slice() {
        ["stats"] => {
            return Some(request.only(&["GET"]).map(|()| Understood::Say(metadata::statistics(about))));
        }
        [name] | [name, "versions", _] => (decoded(name), ""),
        [name, verb] | [name, "versions", _, verb] => (decoded(name), verb),
        _ => return None,
    };
    if name.is_empty() {
        return None;
    }
    let work = |read: fn(String, &Request<'_>, &About<'_>) -> Result<Understood, Refusal>| {
        request
            .only(&["POST"])
            .and_then(|()| about.check_model(&name))
            .and_then(|()| read(name.clone(), request, about))
    };
    let say = |answer: fn(&str, &About<'_>) -> Document| {
        request.only(&["GET"]).and_then(|()| about.check_model(&name))?;
        Ok(Understood::Say(answer(&name, about)))
    };
    Some(match verb {
        "infer" => work(infer::read),
        "generate" => work(generate::whole),
        "generate_stream" => work(generate::streamed),
        "" => say(metadata::model),
        "config" => say(metadata::config),
        "stats" => say(|_, about| metadata::statistics(about)),
        "ready" => say(|name, about| match about.flavour() {
            Flavour::Kserve => {
                let body = serde_json::json!({"name": name, "ready": about.is_ready()});
                Document::json(if about.is_ready() { 200 } else { 503 }, body.to_string())
            }
            _ => health(about, "ready", about.is_ready()),
        }),
        _ => return None,
    })
}

/// KServe says in JSON how it is. Triton says nothing, and 400 when it is not ready.
fn health(about: &About<'_>, what: &str, is_so: bool) -> Document {
    match (about.flavour(), is_so) {
        (Flavour::Kserve, _) => {
            let body = serde_json::json!({what: is_so});
            Document::json(if is_so { 200 } else { 503 }, body.to_string())
        }
        (_, true) => Document::empty(200),
        (Flavour::Triton, false) => Document::empty(400),
        (_, false) => Document::empty(503),
    }
}
