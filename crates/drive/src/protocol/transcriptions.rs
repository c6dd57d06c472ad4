//! OpenAI's transcription of audio: a form with a synthetic recording, the same for all requests.

use bytes::Bytes;
use plimsoll_core::record::{DeltaKind, TokenSource};
use plimsoll_core::spec::{Api, RunSpec};
use plimsoll_core::time::Offset;
use plimsoll_core::workload::{Body, RequestSpec};

use super::body_reader::{BodyReader, End, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::Value;
use super::openai_decode::Completion;
use super::responses::take_usage;
use super::wav::recording;
use super::{Decoder, Malformed, Outgoing, Protocol, Reply, Route};

/// Stands between the parts of the form, and in no part: the recording is no text, and its length is even.
const BOUNDARY: &str = "----plimsoll-8f2c1e7d5b3a4960";

/// `POST /v1/audio/transcriptions`.
pub(super) struct Transcriptions {
    route: Route,
    /// The whole form, in shared pieces.
    form: Body,
    keep_text: bool,
}

impl Transcriptions {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let path = spec.target.endpoint.as_deref().unwrap_or("/v1/audio/transcriptions");
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let route = Route { content_type: Some(content_type.into()), ..Route::json(path, spec.api.stream) };
        Transcriptions { route, form: form(spec), keep_text: spec.api.keep_text }
    }
}

impl Protocol for Transcriptions {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, _request: &RequestSpec) -> Outgoing {
        self.form.clone().into()
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        let (keep_text, chunks) = (self.keep_text, Completion::new(self.keep_text));
        Box::new(BodyReader::new(Transcript { keep_text, chunks }))
    }
}

fn form(spec: &RunSpec) -> Body {
    let Api { stream, temperature, family, extra_body, .. } = &spec.api;
    let mut values = vec![("model".to_owned(), spec.target.model.clone())];
    values.push(("response_format".to_owned(), "json".to_owned()));
    values.push(("temperature".to_owned(), temperature.to_string()));
    if *stream {
        values.push(("stream".to_owned(), "true".to_owned()));
        values.push(("stream_include_usage".to_owned(), "true".to_owned())); // vLLM's
    }
    for (name, value) in extra_body.iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.retain(|(own, _)| own != name);
        values.push((name.clone(), text));
    }
    values.retain(|(name, _)| !family.without.contains(name));
    let mut before = String::new();
    for (name, value) in values {
        before +=
            &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    before += &format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"audio.wav\"\r\n\
         Content-Type: audio/wav\r\n\r\n"
    );
    let after = format!("\r\n--{BOUNDARY}--\r\n");
    let recording = recording(family.audio_seconds, spec.seed);
    Body { pieces: vec![Bytes::from(before), recording, Bytes::from(after)] }
}

/// Reads OpenAI's typed events, vLLM's chunks, or the whole text. An empty text is an answer: the recording has no
/// words.
struct Transcript {
    keep_text: bool,
    /// Reads streams in the form of chat completions.
    chunks: Completion,
}

impl Meaning for Transcript {
    fn event(&mut self, json: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        let Some(kind) = json.get("type").and_then(Value::string) else {
            return self.chunks.event(json, at, reply);
        };
        match &*kind.unescape() {
            "transcript.text.delta" => {
                let text = json.get("delta").and_then(Value::string);
                let text = text.ok_or_else(|| malformed("a delta without a text", json.text().as_bytes()))?;
                reply.take_delta(text, DeltaKind::Text, at, self.keep_text);
            }
            "transcript.text.done" => {
                usage(json, reply);
                (reply.complete, reply.has_content) = (true, true);
            }
            "error" => reply.error = json.get("error").and_then(said_by).or_else(|| said_by(json)),
            _ => {}
        }
        Ok(())
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        reply.error = json.get("error").and_then(said_by);
        match json.get("text").and_then(Value::string) {
            Some(text) => {
                reply.take_text(text, self.keep_text);
                reply.has_content = true;
            }
            None if reply.error.is_some() => {}
            None => return Err(malformed("a transcription without `text`", json.text().as_bytes())),
        }
        reply.usage.source = TokenSource::NoTokens;
        usage(json, reply);
        Ok(())
    }

    fn ended(&mut self, of: End, reply: &mut Reply) {
        // Only chunks end with `[DONE]`: whoever sends typed events sends `transcript.text.done`.
        if of == End::OfBody || self.chunks.has_begun() {
            self.chunks.ended(of, reply);
        }
        reply.has_content |= of == End::OfBody && reply.complete;
    }
}

/// Tokens, where they are what the server bills; some bill seconds of audio.
fn usage(json: Value<'_>, reply: &mut Reply) {
    if let Some(usage) = json.get("usage") {
        take_usage(usage, reply);
    }
}
