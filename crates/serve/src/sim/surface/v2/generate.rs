//! `generate` and `generate_stream`: a text in, texts out.

use serde::Deserialize;
use serde_json::Value;

use crate::sim::frames;
use crate::sim::reply::Document;
use crate::sim::surface::prompt::Prompt;
use crate::sim::surface::{
    About, Ending, Moment, Refusal, Reply, Request, Said, Stream, Tokens, Understood, Whole, Work, json_body,
    wanted_tokens,
};

#[derive(Deserialize)]
struct Body {
    text_input: String,
    max_tokens: Option<u32>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    max_tokens: Option<u32>,
}

/// Reads `generate`.
pub(super) fn whole(model: String, request: &Request<'_>, _: &About<'_>) -> Result<Understood, Refusal> {
    let (text, jobs) = body(request)?;
    let reply = Reply::Whole(Box::new(Generate { opening: opening(&model), echo: text }));
    Ok(Understood::Work(Work { jobs, reply }))
}

/// Reads `generate_stream`.
pub(super) fn streamed(model: String, request: &Request<'_>, _: &About<'_>) -> Result<Understood, Refusal> {
    let (_, jobs) = body(request)?;
    let lead = format!("data: {}", opening(&model)).into_bytes();
    Ok(Understood::Work(Work { jobs, reply: Reply::Stream(Box::new(GenerateStream(lead))) }))
}

fn body(request: &Request<'_>) -> Result<(String, Vec<plimsoll_sim::Ask>), Refusal> {
    let body: Body = json_body(request.body)?;
    let tokens = body.max_tokens.or(body.parameters.and_then(|parameters| parameters.max_tokens));
    let ask = Prompt::of_text(&body.text_input).ask(wanted_tokens(tokens, "max_tokens")?);
    Ok((body.text_input, vec![ask]))
}

/// What an event or a document begins with, up to the digits of the stamp.
fn opening(model: &str) -> String {
    let model = Value::from(model);
    format!("{{\"model_name\":{model},\"model_version\":\"1\",\"system_fingerprint\":\"plimsoll:")
}

/// Writes the prompt and what was generated after it.
#[derive(Debug)]
struct Generate {
    opening: String,
    echo: String,
}

impl Whole for Generate {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let tokens = ends.first().map_or(0, |end| end.tokens);
        let text = Value::from(format!("{}{}", self.echo, frames::text(tokens)));
        Document::json(200, format!("{}{}\",\"text_output\":{text}}}", self.opening, at.stamp))
    }
}

/// Writes an event for each token; the end is the end of the body.
#[derive(Debug)]
struct GenerateStream(Vec<u8>);

impl Stream for GenerateStream {
    fn say(&mut self, said: &Said<'_>, at: &Moment<'_>, out: &mut Vec<u8>) {
        match *said {
            Said::Tokens(Tokens { from, count, .. }) => {
                let text = at.script.words.slice(from, count);
                frames::push_parts(out, &self.0, at.stamp, &[b"\",\"text_output\":\"", text, b"\"}"]);
            }
            Said::Failure(failure) => {
                let event = serde_json::json!({"error": failure.message}).to_string();
                frames::push_chunk(out, &[b"data: ", event.as_bytes(), b"\n\n"]);
            }
            Said::Opening | Said::Finished { .. } | Said::Closing => {}
        }
    }
}
