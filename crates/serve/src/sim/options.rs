//! How the simulated endpoint behaves, read from what follows `sim://`: a preset, a question mark, options.

mod batch;
mod conditions;
mod engine;
mod error;
mod fixed;
mod llm;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_sim::conditions::ConditionOptions;
use url::form_urlencoded;

use self::engine::Base;
pub use self::engine::EngineOptions;
pub use self::error::SimOptionError;
use self::values::{
    Pair, bytes, group, name, number, share, slow_client, time, truth, usage_form, when_full,
};
use super::flavour::Flavour;
use super::frames::EVENT_TOKENS_MAX;
use super::surface::ModelTensors;

/// Most tokens that one event may carry, and most events that one write may carry.
const GROUP_MAX: u32 = EVENT_TOKENS_MAX;

/// What `flavour` can be, for the message.
const FLAVOURS: &str = "vllm, sglang, tgi, triton, kserve, torchserve or openai";

/// What `inputs` and `outputs` can be, for the message.
const TENSORS: &str = "tensors like `INPUT0:FP32[-1,16]`, several separated by `;`";

/// The behaviour of the simulated endpoint; keys of the query have the names of the fields.
///
/// The nine `*_rate` fields are shares of requests. A request suffers at most one of them, so together they are at most
/// 1.
#[derive(Clone, Debug, PartialEq)]
pub struct SimOptions {
    /// What decides when tokens come.
    pub engine: EngineOptions,
    /// How a request is refused when the queue is full (`full=429` or `full=503`).
    pub full: WhenFull,
    /// Share answered with HTTP 500.
    pub error_rate: f64,
    /// Share answered with HTTP 429.
    pub error_429_rate: f64,
    /// Share that gets an error under HTTP 200: when streamed, after a part of the tokens.
    pub stream_error_rate: f64,
    /// Share whose connection is closed in the middle of the answer.
    pub truncate_rate: f64,
    /// Share answered completely, but without content.
    pub empty_rate: f64,
    /// Share that ends before the length asked for (never a request for one token).
    pub wrong_length_rate: f64,
    /// Share whose token counts say another number than was sent.
    pub wrong_usage_rate: f64,
    /// Share with JSON that cannot be read: when streamed, in one event.
    pub bad_json_rate: f64,
    /// Share whose chunked framing cannot be read.
    pub bad_chunk_rate: f64,
    /// Events per write, 1 to 1024. A write goes out when its last event is due; the first event goes alone.
    pub events_per_write: u32,
    /// Where a stream carries its token counts.
    pub usage: UsageForm,
    /// Whether OpenAI streams end with `[DONE]`.
    pub done: bool,
    /// The first so many tokens of a chat answer are reasoning.
    pub reasoning: u32,
    /// When a refused client is told to try again: HTTP 429 and 503 carry it as `Retry-After`.
    pub retry_after: Duration,
    /// What becomes of a client that does not read its answer.
    pub slow_client: SlowClient,
    /// Bytes of an answer that may wait for a client before it is too slow.
    pub client_buffer: u64,
    /// Whether every stamp says when its event was due, too.
    pub truth: bool,
    /// A file with a line for each event: when it was due, and when it was sent.
    pub truth_file: Option<PathBuf>,
    /// The model's name.
    pub model: String,
    /// The server that it looks like.
    pub flavour: Flavour,
    /// A port for metrics besides the server's own, as Triton (8002) and TorchServe (8082) have one; 0 takes a free one.
    pub metrics_port: Option<u16>,
    /// Whether a request for another model is refused.
    pub strict_model: bool,
    /// The tensors that the model takes (`/v2`).
    pub inputs: ModelTensors,
    /// The tensors that the model gives (`/v2`).
    pub outputs: ModelTensors,
    /// The model's owner, by which clients guess the kind of server.
    pub owned_by: String,
    /// The seed of every random choice. Each request's draws depend on it and on the request's index only.
    pub seed: Seed,
    /// The CPU to which the server's thread is pinned.
    pub core: Option<usize>,
    /// Whether an address beyond loopback may be bound.
    pub non_loopback: bool,
}

/// How a request is refused when the queue is full. Both answers carry `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// HTTP 429.
    TooManyRequests,
    /// HTTP 503.
    Unavailable,
}

/// What becomes of a client that does not read its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowClient {
    /// The server waits for it.
    Wait,
    /// The server closes the connection when more than `client_buffer` waits.
    Drop,
}

/// Where a stream carries its token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageForm {
    /// In an event of its own, if the request asks with `stream_options.include_usage` (OpenAI, vLLM).
    Own,
    /// In the event with the finish reason, asked or not (transformers, early SGLang).
    Finish,
    /// Nowhere, not even when the answer is not streamed.
    None,
}

impl Default for SimOptions {
    fn default() -> Self {
        SimOptions {
            engine: EngineOptions::Fixed { grid: fixed::default(), conditions: ConditionOptions::default() },
            full: WhenFull::Unavailable,
            error_rate: 0.0,
            error_429_rate: 0.0,
            stream_error_rate: 0.0,
            truncate_rate: 0.0,
            empty_rate: 0.0,
            wrong_length_rate: 0.0,
            wrong_usage_rate: 0.0,
            bad_json_rate: 0.0,
            bad_chunk_rate: 0.0,
            events_per_write: 1,
            usage: UsageForm::Own,
            done: true,
            reasoning: 0,
            retry_after: Duration::from_secs(1),
            slow_client: SlowClient::Wait,
            client_buffer: 1024 * 1024,
            truth: false,
            truth_file: None,
            model: "sim".to_owned(),
            flavour: Flavour::default(),
            metrics_port: None,
            strict_model: false,
            inputs: ModelTensors::one("INPUT0"),
            outputs: ModelTensors::one("OUTPUT0"),
            owned_by: "openai".to_owned(),
            seed: Seed(0),
            core: None,
            non_loopback: false,
        }
    }
}

/// Options of every endpoint, whatever its engine.
const COMMON: &[&str] = &[
    "full",
    "error_rate",
    "error_429_rate",
    "stream_error_rate",
    "truncate_rate",
    "empty_rate",
    "wrong_length_rate",
    "wrong_usage_rate",
    "bad_json_rate",
    "bad_chunk_rate",
    "events_per_write",
    "usage",
    "done",
    "reasoning",
    "retry_after",
    "slow_client",
    "client_buffer",
    "truth",
    "truth_file",
    "model",
    "flavour",
    "metrics_port",
    "strict_model",
    "inputs",
    "outputs",
    "owned_by",
    "seed",
    "core",
    "non_loopback",
];

impl SimOptions {
    /// Reads `PRESET?key=value&...`, such as `llama-3-8b-h100?max_num_seqs=64`; without a preset it is a fixed grid:
    /// `?ttft=50ms`, or just `ttft=50ms&itl=10ms`. What is not named keeps the default, or what the preset says.
    ///
    /// # Errors
    /// An unknown preset, an unknown key or one of another engine, a key given twice, a value out of range, fault rates
    /// that exceed 1 together, or options that make no server.
    pub fn parse(text: &str) -> Result<Self, SimOptionError> {
        let (preset, query) = match text.split_once('?') {
            Some(parts) => parts,
            None if text.contains('=') => ("", text),
            None => (text, ""),
        };
        let base = Base::find(preset)?;
        let mut options = SimOptions::of(&base);
        let mut pairs: Vec<Pair> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if pairs.iter().any(|(earlier, _)| *earlier == key) {
                return Err(SimOptionError::Twice(key));
            }
            if !options.set(&key, &value)? && !base.keys().any(|known| known == key) {
                return Err(base.unknown(&key, COMMON));
            }
            pairs.push((key, value));
        }
        options.follow_flavour(&pairs);
        options.engine = base.build(&pairs, options.seed)?;
        let sum: f64 = options.fault_rates().iter().sum();
        if sum > 1.0 + 1e-9 {
            return Err(SimOptionError::RatesExceedOne(sum));
        }
        Ok(options)
    }

    /// The names under which a server of this kind is known.
    fn of(base: &Base) -> Self {
        let (flavour, owned_by) = match base {
            Base::Fixed => (Flavour::default(), "openai"),
            Base::Llm(_) => (Flavour::Vllm, "vllm"),
            Base::Batch(_) => (Flavour::Triton, "triton"),
        };
        SimOptions { model: base.model(), flavour, owned_by: owned_by.to_owned(), ..SimOptions::default() }
    }

    /// Does as the server does that it looks like, where nothing else was said.
    fn follow_flavour(&mut self, pairs: &[Pair]) {
        let is_given = |key| values::given(pairs, key).is_some();
        if self.flavour == Flavour::Tgi && !is_given("full") {
            self.full = WhenFull::TooManyRequests;
        }
        let owner_is_telling =
            matches!(self.flavour, Flavour::Vllm | Flavour::Sglang | Flavour::Tgi | Flavour::Openai);
        if is_given("flavour") && owner_is_telling && !is_given("owned_by") {
            self.owned_by = self.flavour.name().to_owned();
        }
    }

    /// The shares of requests that suffer a fault, in the order of the fields.
    pub(crate) fn fault_rates(&self) -> [f64; 9] {
        [
            self.error_rate,
            self.error_429_rate,
            self.stream_error_rate,
            self.truncate_rate,
            self.empty_rate,
            self.wrong_length_rate,
            self.wrong_usage_rate,
            self.bad_json_rate,
            self.bad_chunk_rate,
        ]
    }

    /// Sets an option of every endpoint; whether `key` is one.
    fn set(&mut self, key: &str, value: &str) -> Result<bool, SimOptionError> {
        match key {
            "full" => self.full = when_full(key, value)?,
            "error_rate" => self.error_rate = share(key, value)?,
            "error_429_rate" => self.error_429_rate = share(key, value)?,
            "stream_error_rate" => self.stream_error_rate = share(key, value)?,
            "truncate_rate" => self.truncate_rate = share(key, value)?,
            "empty_rate" => self.empty_rate = share(key, value)?,
            "wrong_length_rate" => self.wrong_length_rate = share(key, value)?,
            "wrong_usage_rate" => self.wrong_usage_rate = share(key, value)?,
            "bad_json_rate" => self.bad_json_rate = share(key, value)?,
            "bad_chunk_rate" => self.bad_chunk_rate = share(key, value)?,
            "events_per_write" => self.events_per_write = group(key, value)?.get(),
            "usage" => self.usage = usage_form(key, value)?,
            "done" => self.done = truth(key, value)?,
            "reasoning" => self.reasoning = number(key, value, "a number of tokens")?,
            "retry_after" => self.retry_after = time(key, value)?,
            "slow_client" => self.slow_client = slow_client(key, value)?,
            "client_buffer" => self.client_buffer = bytes(key, value)?,
            "truth" => self.truth = truth(key, value)?,
            "truth_file" => self.truth_file = Some(name(key, value)?.into()),
            "model" => self.model = name(key, value)?,
            "flavour" => self.flavour = number(key, value, FLAVOURS)?,
            "metrics_port" => self.metrics_port = Some(number(key, value, "a port from 0 to 65535")?),
            "strict_model" => self.strict_model = number(key, value, "true or false")?,
            "inputs" => self.inputs = number(key, value, TENSORS)?,
            "outputs" => self.outputs = number(key, value, TENSORS)?,
            "owned_by" => self.owned_by = name(key, value)?,
            "seed" => self.seed = Seed(number(key, value, "a whole number")?),
            "core" => self.core = Some(number(key, value, "the number of a CPU, counted from 0")?),
            "non_loopback" => self.non_loopback = truth(key, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
