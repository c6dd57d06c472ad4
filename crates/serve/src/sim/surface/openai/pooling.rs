//! Embeddings and rerank: what is made of the model's inner state, without a generated token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::seed::{Rng, Seed};
use rand::RngExt;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sim::reply::Document;
use crate::sim::surface::prompt::{Input, Inputs, Prompt};
use crate::sim::surface::{About, Ending, JOBS_MAX, Moment, Refusal, Reply, Request, Whole, Work, json_body};

/// The length of an embedding when the request does not say.
const DIMENSIONS: u32 = 1024;
/// The longest embedding.
const DIMENSIONS_MAX: u32 = 65_536;

#[derive(Deserialize)]
struct EmbeddingsBody {
    model: Option<String>,
    input: Inputs,
    encoding_format: Option<Encoding>,
    dimensions: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

#[derive(Debug)]
struct Embeddings {
    model: String,
    index: u64,
    created: u64,
    inputs: Vec<Prompt>,
    encoding: Encoding,
    dimensions: u32,
}

/// Reads `POST /v1/embeddings`.
pub(super) fn embeddings(request: &Request<'_>, about: &About<'_>) -> Result<Work, Refusal> {
    let body: EmbeddingsBody = json_body(request.body)?;
    let model = model(body.model, about)?;
    let inputs: Vec<Prompt> = body.input.0.iter().map(Input::prompt).collect();
    check_count("input", inputs.len())?;
    let dimensions = body.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=DIMENSIONS_MAX).contains(&dimensions) {
        let message = format!("`dimensions` must be from 1 to {DIMENSIONS_MAX}");
        return Err(Refusal::bad_field("dimensions", &message));
    }
    let jobs = inputs.iter().map(|input| input.ask(0)).collect();
    let encoding = body.encoding_format.unwrap_or_default();
    let (index, created) = (about.index(), about.script.created);
    let answer = Embeddings { model, index, created, inputs, encoding, dimensions };
    Ok(Work { jobs, reply: Reply::Whole(Box::new(answer)) })
}

impl Whole for Embeddings {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let entry = |(index, (input, end)): (usize, (&Prompt, &Ending))| {
            let vector = if end.short { Vec::new() } else { vector(input, self.dimensions) };
            let embedding = match self.encoding {
                Encoding::Float => Value::from(vector),
                Encoding::Base64 => {
                    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                    Value::from(STANDARD.encode(bytes))
                }
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        };
        let data: Vec<Value> = self.inputs.iter().zip(ends).enumerate().map(entry).collect();
        let tokens = total(&self.inputs);
        let body = json!({
            "id": format!("embd-{:016x}", self.index),
            "object": "list",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": format!("plimsoll:{}", at.stamp),
            "data": data,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0},
        });
        Document::json(200, body.to_string())
    }
}

/// A vector of length 1 that equal inputs share: made of even draws seeded by the input.
fn vector(input: &Prompt, dimensions: u32) -> Vec<f32> {
    let mut rng = stream(&[input.bytes()]);
    let draws: Vec<f32> = (0..dimensions).map(|_| rng.random::<f32>() - 0.5).collect();
    let norm = draws.iter().map(|draw| f64::from(*draw).powi(2)).sum::<f64>().sqrt();
    draws.iter().map(|draw| (f64::from(*draw) / norm) as f32).collect()
}

#[derive(Deserialize)]
struct RerankBody {
    model: Option<String>,
    query: String,
    documents: Vec<RerankText>,
    top_n: Option<usize>,
    return_documents: Option<bool>,
}

/// A document is a text, or an object with one.
#[derive(Debug)]
struct RerankText(String);

impl<'de> Deserialize<'de> for RerankText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => Some(text),
            Value::Object(mut fields) => match fields.remove("text") {
                Some(Value::String(text)) => Some(text),
                _ => None,
            },
            _ => None,
        };
        let message = "expected a document: a text, or an object with a `text`";
        text.map(RerankText).ok_or_else(|| serde::de::Error::custom(message))
    }
}

#[derive(Debug)]
struct Rerank {
    model: String,
    index: u64,
    query: String,
    documents: Vec<RerankText>,
    tokens: u64,
    top_n: usize,
    return_documents: bool,
}

/// Reads `POST /rerank`, `/v1/rerank` and `/v2/rerank` in the form of Jina, Cohere and vLLM.
pub(super) fn rerank(request: &Request<'_>, about: &About<'_>) -> Result<Work, Refusal> {
    let body: RerankBody = json_body(request.body)?;
    let model = model(body.model, about)?;
    check_count("documents", body.documents.len())?;
    let pairs: Vec<Prompt> = body
        .documents
        .iter()
        .map(|RerankText(text)| Prompt::of_text(&format!("{}{text}", body.query)))
        .collect();
    let answer = Rerank {
        model,
        index: about.index(),
        query: body.query,
        tokens: total(&pairs),
        // vLLM's default is 0, which is all of them.
        top_n: body.top_n.filter(|top_n| *top_n > 0).unwrap_or(body.documents.len()),
        documents: body.documents,
        return_documents: body.return_documents.unwrap_or(true),
    };
    let jobs = pairs.iter().map(|pair| pair.ask(0)).collect();
    Ok(Work { jobs, reply: Reply::Whole(Box::new(answer)) })
}

impl Whole for Rerank {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let score = |(index, RerankText(text)): (usize, &RerankText)| {
            (index, stream(&[self.query.as_bytes(), text.as_bytes()]).random::<f64>())
        };
        let mut scores: Vec<(usize, f64)> = self.documents.iter().enumerate().map(score).collect();
        scores.sort_by(|one, other| other.1.total_cmp(&one.1));
        let is_empty = ends.iter().any(|end| end.short);
        scores.truncate(if is_empty { 0 } else { self.top_n });
        let result = |(index, score): (usize, f64)| {
            let mut result = json!({"index": index});
            if self.return_documents {
                result["document"] = json!({"text": self.documents[index].0});
            }
            result["relevance_score"] = score.into();
            result
        };
        let body = json!({
            "id": format!("rerank-{:016x}", self.index),
            "model": self.model,
            "system_fingerprint": format!("plimsoll:{}", at.stamp),
            "usage": {"prompt_tokens": self.tokens, "total_tokens": self.tokens},
            "results": scores.into_iter().map(result).collect::<Vec<Value>>(),
        });
        Document::json(200, body.to_string())
    }
}

fn model(name: Option<String>, about: &About<'_>) -> Result<String, Refusal> {
    if let Some(name) = &name {
        about.check_model(name)?;
    }
    Ok(name.unwrap_or_else(|| about.model().to_owned()))
}

fn check_count(param: &str, count: usize) -> Result<(), Refusal> {
    if (1..=JOBS_MAX).contains(&count) {
        return Ok(());
    }
    Err(Refusal::bad_field(param, &format!("`{param}` must have from 1 to {JOBS_MAX} entries")))
}

fn total(prompts: &[Prompt]) -> u64 {
    prompts.iter().map(|prompt| u64::from(prompt.tokens())).sum()
}

/// Numbers that depend on these bytes only.
fn stream(pieces: &[&[u8]]) -> Rng {
    // FNV-1a, 64 bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in pieces.iter().flat_map(|piece| piece.iter().chain(&[0xff])) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    Seed(hash).keyed("sim-pooling", 0)
}
