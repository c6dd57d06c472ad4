//! What a run is: everything that decides its requests, valid by construction, stored with every result.

mod expect;
mod family;
mod http;
mod json_rule;
mod provider;
pub mod tensors;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::load::LoadModel;
use crate::seed::Seed;
use crate::slo::{Observable, Rule, Slos, SlosError};
use crate::time::Offset;

pub use expect::{Expect, StatusError, Statuses};
pub use family::{Family, Rerank};
pub use http::{BodySource, HttpSpec, StreamBy, VarsSpec};
pub use json_rule::{Comparison, JsonRule, JsonRuleError, Literal, Step};
pub use provider::{Interface, Provider};

/// Version of the stored form of [`RunSpec`].
pub const SPEC_FORMAT: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSpec {
    /// Version of this form: [`SPEC_FORMAT`].
    pub format: u32,
    /// Name of the run, part of its folder's name.
    pub name: String,
    /// The seed of every random choice.
    pub seed: Seed,
    /// I/O threads.
    pub threads: u16,
    /// Where requests go.
    pub target: Target,
    /// How they are asked.
    pub api: Api,
    /// When they start.
    pub load: LoadModel,
    /// What is asked.
    pub workload: WorkloadSpec,
    /// When the run ends and what is measured of it.
    pub phases: Phases,
    /// Connections and time limits.
    pub transport: TransportSpec,
    /// Above this share of failed requests the run itself has failed (exit code 1).
    pub max_fail_ratio: f64,
    /// Whether an answer of another length than asked for is a failure (`wrong_length`).
    pub strict_length: bool,
    /// Whether the pacer spins until a request is due, for the last microseconds of precision.
    pub spin: bool,
    /// Whether the arrival gaps of every chunk are kept in the records.
    pub record_chunks: bool,
    /// What must hold, and what must not happen.
    pub objectives: Objectives,
}

/// What is wanted of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Objectives {
    /// What must hold over the measured window (`--slo`).
    pub slos: Slos,
    /// What ends the run early (`--abort-on`).
    pub abort_on: Vec<Rule>,
}

impl Objectives {
    /// Checks that a run has what they are about.
    ///
    /// # Errors
    /// One is about what the run cannot have.
    pub fn check(&self, observable: Observable) -> Result<(), SlosError> {
        self.slos.check(observable)?;
        self.abort_on.iter().try_for_each(|rule| observable.has(rule.breach.metric, rule))
    }
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Scheme, host, port and base path, without user, password or query.
    pub url: String,
    /// The server's flavour.
    pub provider: Provider,
    /// The model asked for.
    pub model: String,
    /// Extra headers. Values are secret: they may carry credentials.
    pub headers: Vec<(String, Secret)>,
    /// Sent as `Authorization: Bearer …`.
    pub api_key: Option<Secret>,
    /// Path in place of the provider's own.
    pub endpoint: Option<String>,
}

/// A value that is never printed, logged or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value itself, for the request that needs it and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// How requests are asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Api {
    /// What is asked.
    pub interface: Interface,
    /// Stream the answer.
    pub stream: bool,
    /// Log probabilities asked for.
    pub logprobs: Option<u32>,
    /// Sampling temperature.
    pub temperature: f64,
    /// Sample among the k likeliest tokens.
    pub top_k: Option<u32>,
    /// Sequences per request.
    pub n: u32,
    /// Reasoning effort asked for.
    pub reasoning_effort: Option<String>,
    /// Drop a last message by the assistant from a body of the data set.
    pub clear_assistant: bool,
    /// Report `ttfvt` where the seed's load test reports the time to the first token.
    pub first_visible_token: bool,
    /// Send `ignore_eos` (vLLM, SGLang) so that the length asked for is generated.
    pub ignore_eos: bool,
    /// Fireworks: `prompt_cache_max_len`; elsewhere the length of the shared prefix, in tokens.
    pub prompt_cache_max_len: u32,
    /// Fireworks: `min_tokens` equal to the tokens asked for.
    pub force_min_tokens: bool,
    /// Fireworks: acceptance probabilities of speculative decoding.
    pub acceptance_probs_override: Option<Vec<f64>>,
    /// Fireworks: texts to force as answers, used in turn.
    #[serde(skip)]
    pub forced_generation: std::sync::Arc<[String]>,
    /// Extra members of every request body (`--extra-body`), as a JSON object.
    pub extra_body: Option<serde_json::Map<String, serde_json::Value>>,
    /// Keep the text of answers (to count or to show them).
    pub keep_text: bool,
    /// What only some interfaces of the OpenAI family ask.
    pub family: Family,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadSpec {
    /// Where prompts come from.
    pub prompts: PromptSource,
    /// Add random numbers to every prompt so that no two are alike.
    pub randomize: bool,
    /// Leading tokens that all prompts share.
    pub shared_prefix_tokens: u32,
    /// Tokens to generate.
    pub output: OutputLength,
    /// Resolutions of synthetic images, width and height in pixels.
    pub images: Vec<(u32, u32)>,
    /// In place of these one synthetic image of so many bytes.
    pub image_bytes: Option<ImageBytes>,
    /// Where image placeholders stand in the prompt.
    pub image_position: ImagePosition,
    /// A tokenizer.json, a folder with one, or nothing for the bundled encoding.
    pub tokenizer: Option<String>,
    /// Share of requests cancelled after their first token, 0 to 1.
    pub cancel_rate: f64,
}

impl WorkloadSpec {
    /// Synthetic images of each prompt that has none of its own.
    pub fn images_per_prompt(&self) -> usize {
        if self.image_bytes.is_some() { 1 } else { self.images.len() }
    }
}

/// Where prompts come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptSource {
    /// Pieces of a bundled corpus up to a number of tokens, then an instruction.
    Corpus {
        /// Which corpus.
        corpus: Corpus,
        /// Tokens of the whole prompt as the server counts them, chat template included.
        tokens: u32,
        /// The instruction at the end in place of the corpus's own.
        instruction: Option<String>,
    },
    /// Pieces of a bundled corpus up to a number of characters.
    Chars {
        /// Which corpus.
        corpus: Corpus,
        /// Characters of the whole prompt.
        chars: u32,
    },
    /// One text for all requests.
    Text(String),
    /// Lines of a JSONL file.
    Jsonl {
        /// The file.
        path: String,
        /// Old form: pick at random. New form: cycle.
        pick: Pick,
        /// Shuffle with this seed first.
        shuffle_seed: Option<u64>,
        /// Use this many lines, after shuffling.
        limit: Option<usize>,
    },
    /// No prompts: tensors or other payloads.
    Payloads(tensors::PayloadSpec),
    /// Whole requests of the user's own making.
    Http(HttpSpec),
}

/// How lines of a data set are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Independently at random for each request.
    Random,
    /// In order, again and again.
    Cycle,
}

/// The bundled corpora.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corpus {
    /// Short verses (`-d verse`; `limericks` is accepted as its name).
    Verse,
    /// Short functions in several languages (`-d code`).
    Code,
}

/// Where image placeholders stand in the prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePosition {
    /// Spread evenly by characters.
    #[default]
    SpaceEvenly,
    /// At the end.
    End,
}

/// Tokens to generate: a distribution truncated by rejection to `[1, cap]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputLength {
    /// Mean of the distribution before truncation.
    pub mean: u32,
    /// The shape.
    pub shape: LengthShape,
    /// Width relative to the mean (alpha).
    pub range: f64,
    /// Upper bound.
    pub cap: Option<u32>,
}

/// Bytes of a synthetic image: a distribution truncated by rejection to `[min, max]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageBytes {
    /// Mean of the distribution before truncation.
    pub mean: u32,
    /// The shape.
    pub shape: LengthShape,
    /// Width relative to the mean (alpha).
    pub range: f64,
    /// Lower bound, at least [`ImageBytes::LEAST`].
    pub min: u32,
    /// Upper bound, at most [`ImageBytes::MOST`].
    pub max: u32,
}

/// The shape of an [`OutputLength`] or of [`ImageBytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthShape {
    /// Always the mean.
    #[default]
    Constant,
    /// `[m - m a, m + m a]`.
    Uniform,
    /// `N(m, m a)`.
    Normal,
    /// Mean m.
    Exponential,
}

/// When the run ends and what is measured of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Phases {
    /// Excluded from the results, after the ramp.
    pub warmup: Duration,
    /// Measured time; without it the run goes on until `max_requests`, the end of the schedule, or Ctrl+C.
    pub measure: Option<Duration>,
    /// Stop after this many `ok` requests, or after as many that are not ([`crate::load::Quota`]).
    pub max_requests: Option<u64>,
    /// Time for requests in flight to complete after the measured window.
    pub drain_timeout: Duration,
}

impl Phases {
    /// When what is in flight at `end` of the load is given up.
    pub fn drain_deadline(&self, end: Offset) -> Offset {
        // The longest limit that a user can mean; it keeps the sum within range.
        end + self.drain_timeout.min(Duration::from_secs(86_400 * 365))
    }
}

/// Connections and time limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransportSpec {
    /// Whether connections are kept between requests.
    pub reuse: ConnectionReuse,
    /// Name resolution and TCP handshake.
    pub connect_timeout: Duration,
    /// TLS handshake.
    pub tls_timeout: Duration,
    /// From `sent` to the first byte of the body.
    pub first_byte_timeout: Duration,
    /// Between two reads of a body.
    pub idle_timeout: Duration,
    /// From `sent` to `done`.
    pub request_timeout: Option<Duration>,
    /// Certificates to trust in place of the system's (`--cacert`), a PEM file.
    pub cacert: Option<String>,
    /// Client certificate chain, a PEM file.
    pub cert: Option<String>,
    /// Client key, a PEM file.
    pub key: Option<String>,
    /// Accept any certificate.
    pub insecure: bool,
    /// The version of HTTP.
    pub http: HttpChoice,
    /// Most requests at a time on one connection of HTTP/2; without it what the server allows, at most
    /// [`TransportSpec::USUAL_STREAMS`].
    pub http2_streams: Option<NonZeroU32>,
}

impl TransportSpec {
    /// Requests at a time on one connection of HTTP/2 where the server allows more and nobody asks for more.
    pub const USUAL_STREAMS: u32 = 100;
}

/// The version of HTTP that a run speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpChoice {
    /// HTTP/1.1 without TLS, and with TLS what the server prefers.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2; without TLS by prior knowledge.
    #[serde(rename = "2")]
    Http2,
}

/// Whether connections are kept between requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionReuse {
    /// Kept and used again, the most recently used first.
    #[default]
    Keep,
    /// A new connection for every request.
    Fresh,
}
