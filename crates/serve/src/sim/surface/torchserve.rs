//! TorchServe: `/ping`, `/predictions`, and the description of models, which it serves on a port of its own and this
//! server on the same one.

use serde_json::{Value, json};

use super::{
    About, Cause, Ending, Moment, Refusal, Reply, Request, Understood, Whole, Work, classic, decoded,
};
use crate::sim::flavour::Flavour;
use crate::sim::reply::Document;

/// Reads a request, if its path is one of this surface.
pub(super) fn read(request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
    let path = request.path;
    if path == "/ping" {
        return Some(request.only(&["GET"]).map(|()| Understood::Say(ping(about))));
    }
    if let Some(rest) = path.strip_prefix("/predictions/") {
        let read = predict(rest, request, about).map(Understood::Work);
        return Some(request.only(&["POST", "PUT"]).and(read));
    }
    let name = path.strip_prefix("/models").filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(request.only(&["GET"]).and_then(|()| models(name.trim_matches('/'), about)))
}

fn ping(about: &About<'_>) -> Document {
    // TorchServe's own status for an unhealthy model is 500; to all other probes a server that loads says 503.
    match (about.is_ready(), about.flavour()) {
        (true, _) => Document::json(200, json!({"status": "Healthy"}).to_string()),
        (false, Flavour::Torchserve) => Document::json(500, json!({"status": "Unhealthy"}).to_string()),
        (false, _) => Document::json(503, json!({"status": "Unhealthy"}).to_string()),
    }
}

fn models(name: &str, about: &About<'_>) -> Result<Understood, Refusal> {
    let model = about.model();
    let archive = format!("{model}.mar");
    if name.is_empty() {
        let list = json!({"models": [{"modelName": model, "modelUrl": archive}]});
        return Ok(Understood::Say(Document::json(200, list.to_string())));
    }
    let (name, _version) = name.split_once('/').unwrap_or((name, ""));
    if decoded(name) != model {
        return Err(Refusal::unknown_model(&decoded(name)));
    }
    let status = if about.is_ready() { "READY" } else { "LOADING" };
    let options = &about.script.options;
    let left = options.engine.queue().map_or(u32::MAX, |most| most.saturating_sub(about.state().waiting));
    let description = json!([{
        "modelName": model,
        "modelVersion": "1.0",
        "modelUrl": archive,
        "runtime": "python",
        "loadedAtStartup": true,
        "workers": [{"id": "9000", "startTime": about.script.created, "status": status}],
        "jobQueueStatus": {"remainingCapacity": left, "pendingRequests": about.state().waiting},
        // What a handler says of itself. The real server says it only with `?customized=true`.
        "customizedMetadata": {"inputs": [{"name": "data", "datatype": "FP32", "shape": [16]}]},
    }]);
    Ok(Understood::Say(Document::json(200, description.to_string())))
}

/// `{"code", "type", "message"}`.
pub(super) fn refusal(refusal: &Refusal) -> Value {
    let kind = match refusal.cause {
        Cause::Invalid => "BadRequestException",
        Cause::NoSuchPath => "ResourceNotFoundException",
        Cause::NoSuchModel => "ModelNotFoundException",
        Cause::Method => "MethodNotAllowedException",
        Cause::Overloaded | Cause::NotReady => "ServiceUnavailableException",
        Cause::Failed => "InternalServerException",
    };
    json!({"code": refusal.status, "type": kind, "message": refusal.message})
}

/// Any body will do: only a handler would look into it.
fn predict(rest: &str, request: &Request<'_>, about: &About<'_>) -> Result<Work, Refusal> {
    let (name, _version) = rest.split_once('/').unwrap_or((rest, ""));
    about.check_model(&decoded(name))?;
    if name.is_empty() {
        return Err(Refusal::unknown_model(name));
    }
    let data = match boundary(request.content_type) {
        Some(boundary) => parts(request.body, boundary)?,
        None => vec![("body".to_owned(), request.body.len())],
    };
    Ok(Work { jobs: vec![classic(1)], reply: Reply::Whole(Box::new(Prediction(data))) })
}

/// Answers with the names of the data and how many bytes of each there were.
#[derive(Debug)]
struct Prediction(Vec<(String, usize)>);

impl Whole for Prediction {
    fn document(&self, ends: &[Ending], _at: &Moment<'_>) -> Document {
        let is_empty = ends.iter().any(|end| end.short);
        let bytes: serde_json::Map<String, Value> = self
            .0
            .iter()
            .filter(|_| !is_empty)
            .map(|(name, length)| (name.clone(), (*length).into()))
            .collect();
        Document::json(200, json!({"bytes": bytes}).to_string())
    }
}

/// What separates the parts of a body of several, if it is one.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    });
    named.filter(|boundary| !boundary.is_empty())
}

/// Name and length of each part of a multipart body (RFC 7578).
fn parts(body: &[u8], boundary: &str) -> Result<Vec<(String, usize)>, Refusal> {
    let mark = format!("\r\n--{boundary}");
    let malformed = || Refusal::bad_request("the parts of the multipart body cannot be told apart");
    let mut rest = body.strip_prefix(&mark.as_bytes()[2..]).ok_or_else(malformed)?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n").ok_or_else(malformed)?;
        let head_end = find(rest, b"\r\n\r\n").ok_or_else(malformed)?;
        let (head, content) = (&rest[..head_end], &rest[head_end + 4..]);
        let end = find(content, mark.as_bytes()).ok_or_else(malformed)?;
        parts.push((part_name(head).unwrap_or_else(|| "data".to_owned()), end));
        rest = &content[end + mark.len()..];
    }
    Ok(parts)
}

fn part_name(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let (_, rest) = head.split_once(" name=\"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
