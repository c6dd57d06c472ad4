//! Hugging Face text-generation-inference: `/generate`, `/generate_stream`, and what lies beside them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::prompt::Prompt;
use super::{
    About, Cause, Ending, Moment, Refusal, Reply, Request, Said, Stream, Tokens, Understood, Whole, Work,
    wanted_tokens,
};
use crate::sim::flavour::Flavour;
use crate::sim::frames::{self, token};
use crate::sim::reply::Document;

/// Most sequences of which the best is wanted (TGI's default is 2).
const BEST_OF_MAX: u32 = 16;
/// The log probability of every token.
const LOGPROB: f64 = -0.5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Generate,
    GenerateStream,
    /// `POST /`: the body says whether it wants a stream, and what is not streamed is a list.
    Compatible,
    Info,
    /// `GET /health`, answered as TGI does.
    Health,
}

/// Reads a request, if its path is one of this surface.
pub(super) fn read(request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
    let endpoint = match request.path {
        "/" if about.flavour() != Flavour::Kserve => Endpoint::Compatible,
        path if path.contains("/v2/models/") => return None,
        path if path.ends_with("/generate") => Endpoint::Generate,
        path if path.ends_with("/generate_stream") => Endpoint::GenerateStream,
        path if path.ends_with("/info") => Endpoint::Info,
        path if path.ends_with("/health") && about.flavour() == Flavour::Tgi => Endpoint::Health,
        _ => return None,
    };
    Some(match endpoint {
        Endpoint::Info => request.only(&["GET"]).map(|()| Understood::Say(info(about))),
        Endpoint::Health => request.only(&["GET"]).and_then(|()| health(about)),
        _ => request.only(&["POST"]).and_then(|()| generate(endpoint, request)).map(Understood::Work),
    })
}

fn health(about: &About<'_>) -> Result<Understood, Refusal> {
    if about.is_ready() { Ok(Understood::Say(Document::empty(200))) } else { Err(Refusal::not_ready(503)) }
}

fn info(about: &About<'_>) -> Document {
    let body = json!({
        "model_id": about.model(),
        "model_sha": null,
        "model_pipeline_tag": "text-generation",
        "max_concurrent_requests": about.script.options.engine.concurrency(),
        "max_best_of": BEST_OF_MAX,
        "max_stop_sequences": 4,
        "router": "plimsoll-sim",
        "version": env!("CARGO_PKG_VERSION"),
    });
    Document::json(200, body.to_string())
}

/// `{"error", "error_type"}`.
pub(super) fn refusal(refusal: &Refusal) -> Value {
    let kind = match refusal.cause {
        Cause::Invalid | Cause::NoSuchPath | Cause::NoSuchModel | Cause::Method => "validation",
        Cause::Overloaded => "overloaded",
        Cause::NotReady => "healthcheck",
        Cause::Failed => "generation",
    };
    json!({"error": refusal.message, "error_type": kind})
}

#[derive(Deserialize)]
struct Body {
    inputs: String,
    parameters: Option<Parameters>,
    stream: Option<bool>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    max_new_tokens: Option<u32>,
    details: Option<bool>,
    best_of: Option<u32>,
    return_full_text: Option<bool>,
    seed: Option<u64>,
}

/// What an answer needs to know of its request.
#[derive(Debug)]
struct Asked {
    details: bool,
    prompt_tokens: u32,
    /// What stands before the generated text.
    echo: String,
    seed: Option<u64>,
}

fn generate(endpoint: Endpoint, request: &Request<'_>) -> Result<Work, Refusal> {
    let body: Body = serde_json::from_slice(request.body).map_err(|error| {
        let status = if error.is_data() { 422 } else { 400 };
        Refusal::new(status, &format!("the body is not the JSON expected here: {error}"))
    })?;
    let parameters = body.parameters.unwrap_or_default();
    let stream = match endpoint {
        Endpoint::Compatible => body.stream.unwrap_or(false),
        endpoint => endpoint == Endpoint::GenerateStream,
    };
    let unprocessable = |refusal: Refusal| Refusal { status: 422, ..refusal };
    let tokens = wanted_tokens(parameters.max_new_tokens, "max_new_tokens").map_err(unprocessable)?;
    let best_of = best_of(parameters.best_of, stream).map_err(unprocessable)?;
    let prompt = Prompt::of_text(&body.inputs);
    let asked = Asked {
        details: parameters.details.unwrap_or(false),
        prompt_tokens: prompt.tokens(),
        echo: if parameters.return_full_text == Some(true) { body.inputs } else { String::new() },
        seed: parameters.seed,
    };
    let jobs = vec![prompt.ask(tokens); best_of];
    let reply = if stream {
        Reply::Stream(Box::new(GenerateStream(asked)))
    } else {
        Reply::Whole(Box::new(Generate { asked, in_list: endpoint == Endpoint::Compatible }))
    };
    Ok(Work { jobs, reply })
}

fn best_of(given: Option<u32>, stream: bool) -> Result<usize, Refusal> {
    match given.unwrap_or(1) {
        0 => Err(Refusal::bad_field("best_of", "`best_of` must be at least 1")),
        2.. if stream => {
            Err(Refusal::bad_field("best_of", "`best_of` must be 1 when the answer is streamed"))
        }
        best_of @ 1..=BEST_OF_MAX => Ok(best_of as usize),
        _ => Err(Refusal::bad_field("best_of", &format!("`best_of` must be at most {BEST_OF_MAX}"))),
    }
}

/// The members that details have everywhere.
fn details(asked: &Asked, end: Ending) -> Value {
    let reason = if end.short { "eos_token" } else { "length" };
    json!({"finish_reason": reason, "generated_tokens": end.told, "seed": asked.seed})
}

/// Writes one document.
#[derive(Debug)]
struct Generate {
    asked: Asked,
    in_list: bool,
}

impl Whole for Generate {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let text = |end: &Ending| format!("{}{}", self.asked.echo, frames::text(end.tokens));
        let [first, others @ ..] = ends else {
            return Document::json(200, "null".to_owned()); // a request has at least one job
        };
        let mut body = json!({
            "system_fingerprint": format!("plimsoll:{}", at.stamp),
            "generated_text": text(first),
        });
        if self.asked.details {
            let mut details = self.details(first);
            details["input_length"] = self.asked.prompt_tokens.into();
            if !others.is_empty() {
                let sequence = |end: &Ending| {
                    let mut sequence = self.details(end);
                    sequence["generated_text"] = text(end).into();
                    sequence
                };
                details["best_of_sequences"] = others.iter().map(sequence).collect();
            }
            body["details"] = details;
        }
        let body = if self.in_list { json!([body]) } else { body };
        Document::json(200, body.to_string())
    }
}

impl Generate {
    fn details(&self, end: &Ending) -> Value {
        let mut details = details(&self.asked, *end);
        details["prefill"] = json!([]);
        let entry = |place| json!({"id": 1, "text": token(place), "logprob": LOGPROB, "special": false});
        details["tokens"] = (0..end.tokens).map(entry).collect();
        details
    }
}

/// Writes an event for each token; the last one carries the whole text and the counts.
#[derive(Debug)]
struct GenerateStream(Asked);

/// What every event begins with, up to the digits of the stamp.
const LEAD: &[u8] = b"data:{\"system_fingerprint\":\"plimsoll:";

impl Stream for GenerateStream {
    fn say(&mut self, said: &Said<'_>, at: &Moment<'_>, out: &mut Vec<u8>) {
        match *said {
            Said::Tokens(Tokens { from, count, last: None, .. }) => {
                let open: &[u8] = b"\",\"token\":{\"id\":1,\"text\":\"";
                let text = at.script.words.slice(from, count);
                let close =
                    b"\",\"logprob\":-0.5,\"special\":false},\"generated_text\":null,\"details\":null}";
                frames::push_parts(out, LEAD, at.stamp, &[open, text, close]);
            }
            Said::Tokens(Tokens { from, count, last: Some(end), .. }) => {
                let text = String::from_utf8_lossy(at.script.words.slice(from, count)).into_owned();
                let whole = format!("{}{}", self.0.echo, frames::text(end.tokens));
                let mut details = details(&self.0, end);
                details["input_length"] = self.0.prompt_tokens.into();
                let rest = format!(
                    "\",\"token\":{{\"id\":1,\"text\":{},\"logprob\":{LOGPROB},\"special\":false}},\
                     \"generated_text\":{},\"details\":{details}}}",
                    Value::from(text),
                    Value::from(whole),
                );
                frames::push_event(out, LEAD, at.stamp, &rest);
            }
            Said::Failure(failure) => {
                let event = refusal(failure).to_string();
                frames::push_chunk(out, &[b"data:", event.as_bytes(), b"\n\n"]);
            }
            Said::Opening | Said::Finished { .. } | Said::Closing => {}
        }
    }
}
