//! What a run is: everything that decides its requests, valid by construction, stored with every result.

pub mod tensors;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::load::LoadModel;
use crate::seed::Seed;
use crate::time::Offset;

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

/// A flavour of server, as the seed's load test names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Fireworks.
    Fireworks,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// OpenAI, and whatever speaks its API.
    Openai,
    /// Anyscale.
    Anyscale,
    /// Together.
    Together,
    /// Hugging Face text-generation-inference, its native API.
    Tgi,
    /// Triton `infer` with tensors of text.
    TritonInfer,
    /// Triton `generate` and `generate_stream`.
    TritonGenerate,
    /// Triton, its tensors by the Open Inference Protocol (V2).
    Triton,
    /// KServe, the same.
    Kserve,
    /// MLServer, the same.
    Mlserver,
    /// KServe and TensorFlow Serving, the older protocol with instances (V1).
    KserveV1,
    /// TorchServe.
    Torchserve,
}

impl Provider {
    /// All of them, in the order of the seed's load test.
    pub const ALL: [Provider; 14] = [
        Provider::Fireworks,
        Provider::Vllm,
        Provider::Sglang,
        Provider::Openai,
        Provider::Anyscale,
        Provider::Together,
        Provider::Tgi,
        Provider::TritonInfer,
        Provider::TritonGenerate,
        Provider::Triton,
        Provider::Kserve,
        Provider::Mlserver,
        Provider::KserveV1,
        Provider::Torchserve,
    ];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::Fireworks => "fireworks",
            Provider::Vllm => "vllm",
            Provider::Sglang => "sglang",
            Provider::Openai => "openai",
            Provider::Anyscale => "anyscale",
            Provider::Together => "together",
            Provider::Tgi => "tgi",
            Provider::TritonInfer => "triton-infer",
            Provider::TritonGenerate => "triton-generate",
            Provider::Triton => "triton",
            Provider::Kserve => "kserve",
            Provider::Mlserver => "mlserver",
            Provider::KserveV1 => "kserve-v1",
            Provider::Torchserve => "torchserve",
        }
    }

    /// The provider called `name`.
    pub fn from_name(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The model to ask for when the user names none and the server need not be asked.
    pub const fn default_model(self) -> Option<&'static str> {
        match self {
            Provider::TritonInfer | Provider::TritonGenerate => Some("ensemble"),
            Provider::Tgi => Some("<unused>"),
            _ => None,
        }
    }
}

/// What is asked of a server: one of its interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's text completions.
    Completions,
    /// Text through a server's own API: that of text-generation-inference, Triton's `infer` and `generate`.
    Generate,
    /// Tensors in, tensors out: `infer` of the Open Inference Protocol (V2).
    Infer,
    /// A prediction for a payload: `:predict` of KServe's V1, TorchServe's `predictions`.
    Predict,
}

impl Interface {
    /// All of them.
    pub const ALL: [Interface; 5] =
        [Interface::Chat, Interface::Completions, Interface::Generate, Interface::Infer, Interface::Predict];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Interface::Chat => "chat",
            Interface::Completions => "completions",
            Interface::Generate => "generate",
            Interface::Infer => "infer",
            Interface::Predict => "predict",
        }
    }

    /// The interface called `name`.
    pub fn from_name(name: &str) -> Option<Interface> {
        Interface::ALL.into_iter().find(|interface| interface.name() == name)
    }

    /// Whether prompts are messages, around which the server puts its chat template.
    pub const fn is_chat(self) -> bool {
        matches!(self, Interface::Chat)
    }

    /// Whether requests carry tensors or other payloads in place of prompts, so that nothing is counted in tokens.
    pub const fn takes_payloads(self) -> bool {
        matches!(self, Interface::Infer | Interface::Predict)
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
    /// Where image placeholders stand in the prompt.
    pub image_position: ImagePosition,
    /// A tokenizer.json, a folder with one, or nothing for the bundled encoding.
    pub tokenizer: Option<String>,
    /// Share of requests cancelled after their first token, 0 to 1.
    pub cancel_rate: f64,
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

/// The shape of an [`OutputLength`].
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
    /// Stop after this many `ok` requests.
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
