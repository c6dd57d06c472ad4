//! KServe's V1 interface: `:predict` and the readiness of models.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    About, Ending, Moment, Refusal, Reply, Request, Understood, Whole, Work, behind, classic, decoded,
    json_body,
};
use crate::sim::flavour::Flavour;
use crate::sim::reply::Document;

/// Reads a request, if its path is one of this surface. `/v1/models` and `/v1/models/{m}` are OpenAI's too: they are
/// read here only where the server is to look like KServe.
pub(super) fn read(request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
    let is_kserve = about.flavour() == Flavour::Kserve;
    if is_kserve && request.path == "/" {
        let alive = || Understood::Say(Document::json(200, "{\"status\":\"alive\"}".to_owned()));
        return Some(request.only(&["GET"]).map(|()| alive()));
    }
    if is_kserve && request.path.ends_with("/v1/models") {
        let list = json!({"models": [about.model()]}).to_string();
        return Some(request.only(&["GET"]).map(|()| Understood::Say(Document::json(200, list))));
    }
    let rest = behind(request.path, "/v1/models/")?;
    match rest.rsplit_once(':') {
        Some((name, "predict")) => {
            Some(request.only(&["POST"]).and_then(|()| predict(&decoded(name), request, about)))
        }
        Some((_, "explain")) => {
            let message = "this model explains nothing: use `:predict`";
            Some(request.only(&["POST"]).and(Err(Refusal::new(501, message))))
        }
        None if is_kserve => Some(request.only(&["GET"]).and_then(|()| readiness(&decoded(rest), about))),
        _ => None,
    }
}

fn readiness(name: &str, about: &About<'_>) -> Result<Understood, Refusal> {
    if name != about.model() {
        return Err(Refusal::unknown_model(name));
    }
    if !about.is_ready() {
        return Err(Refusal::not_ready(503));
    }
    Ok(Understood::Say(Document::json(200, json!({"name": name, "ready": true}).to_string())))
}

#[derive(Deserialize)]
struct Body {
    instances: Option<Vec<Value>>,
    /// The column format: what TensorFlow Serving calls it.
    inputs: Option<Vec<Value>>,
}

fn predict(name: &str, request: &Request<'_>, about: &About<'_>) -> Result<Understood, Refusal> {
    about.check_model(name)?;
    let body: Body = json_body(request.body)?;
    let instances = body.instances.or(body.inputs);
    let instances = instances.ok_or_else(|| Refusal::bad_field("instances", "`instances` is missing"))?;
    if instances.is_empty() {
        return Err(Refusal::bad_field("instances", "`instances` is an empty list: give at least one"));
    }
    let jobs = vec![classic(instances.len())];
    Ok(Understood::Work(Work { jobs, reply: Reply::Whole(Box::new(Predictions(instances))) }))
}

/// Answers each instance with itself.
#[derive(Debug)]
struct Predictions(Vec<Value>);

impl Whole for Predictions {
    fn document(&self, ends: &[Ending], _at: &Moment<'_>) -> Document {
        let is_empty = ends.iter().any(|end| end.short);
        let predictions = if is_empty { &[][..] } else { &self.0 };
        Document::json(200, json!({"predictions": predictions}).to_string())
    }
}
