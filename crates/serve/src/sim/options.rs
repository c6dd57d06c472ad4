//! How the simulated endpoint behaves, read from the query of a `sim://` target.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::{DurationError, parse_duration};
use plimsoll_sim::Engine;
use plimsoll_sim::fixed::{Fixed, FixedOptions};
use thiserror::Error;
use url::form_urlencoded;

/// Most tokens that one event may carry, and most events that one write may carry.
const GROUP_MAX: u32 = 1024;

/// The longest time that any option may ask for: the longest answer still ends before nanoseconds overflow.
const TIME_MAX: Duration = Duration::from_secs(3600);

/// The behaviour of the simulated endpoint; keys of the query have the names of the fields.
///
/// The six `*_rate` fields from `error_rate` to `wrong_length_rate` are shares of requests. A request suffers at most
/// one of them, so together they are at most 1.
#[derive(Clone, Debug, PartialEq)]
pub struct SimOptions {
    /// From the grant of a slot to the first token.
    pub ttft: Duration,
    /// From token to token.
    pub itl: Duration,
    /// Requests answered at once; those beyond wait, first come first served.
    pub slots: NonZeroU32,
    /// Most requests that wait; `None` is no limit.
    pub queue: Option<u32>,
    /// How a request is refused when the queue is full (`full=429` or `full=503`).
    pub full: WhenFull,
    /// Relative spread of `ttft` and of each `itl`, 0 to 1: each is drawn evenly from `[1 - jitter, 1 + jitter]` of it.
    pub jitter: f64,
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
    /// Tokens per event, 1 to 1024. An event goes out when its first token is due, as from a speculative decoder.
    pub tokens_per_chunk: u32,
    /// Events per write, 1 to 1024. A write goes out when its last event is due; the first event goes alone.
    pub events_per_write: u32,
    /// Where a stream carries its token counts.
    pub usage: UsageForm,
    /// Whether OpenAI streams end with `[DONE]`.
    pub done: bool,
    /// The first so many tokens of a chat answer are reasoning.
    pub reasoning: u32,
    /// A pause halfway through the answer.
    pub stall: Duration,
    /// Share of requests that `stall` delays.
    pub stall_rate: f64,
    /// When a refused client is told to try again: HTTP 429 and 503 carry it as `Retry-After`.
    pub retry_after: Duration,
    /// The longest time that a request may take, from its arrival to its last token; `None` is no limit.
    pub request_timeout: Option<Duration>,
    /// What becomes of a client that does not read its answer.
    pub slow_client: SlowClient,
    /// Bytes of an answer that may wait for a client before it is too slow.
    pub client_buffer: usize,
    /// Whether every stamp says when its event was due, too.
    pub truth: bool,
    /// A file with a line for each event: when it was due, and when it was sent.
    pub truth_file: Option<PathBuf>,
    /// The model's name.
    pub model: String,
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
            ttft: Duration::from_millis(50),
            itl: Duration::from_millis(10),
            slots: NonZeroU32::MIN.saturating_add(63),
            queue: None,
            full: WhenFull::Unavailable,
            jitter: 0.0,
            error_rate: 0.0,
            error_429_rate: 0.0,
            stream_error_rate: 0.0,
            truncate_rate: 0.0,
            empty_rate: 0.0,
            wrong_length_rate: 0.0,
            tokens_per_chunk: 1,
            events_per_write: 1,
            usage: UsageForm::Own,
            done: true,
            reasoning: 0,
            stall: Duration::ZERO,
            stall_rate: 1.0,
            retry_after: Duration::from_secs(1),
            request_timeout: None,
            slow_client: SlowClient::Wait,
            client_buffer: 1024 * 1024,
            truth: false,
            truth_file: None,
            model: "sim".to_owned(),
            owned_by: "openai".to_owned(),
            seed: Seed(0),
            core: None,
            non_loopback: false,
        }
    }
}

impl SimOptions {
    /// The keys that [`SimOptions::parse`] knows.
    pub const KEYS: [&str; 30] = [
        "ttft",
        "itl",
        "slots",
        "queue",
        "full",
        "jitter",
        "error_rate",
        "error_429_rate",
        "stream_error_rate",
        "truncate_rate",
        "empty_rate",
        "wrong_length_rate",
        "tokens_per_chunk",
        "events_per_write",
        "usage",
        "done",
        "reasoning",
        "stall",
        "stall_rate",
        "retry_after",
        "request_timeout",
        "slow_client",
        "client_buffer",
        "truth",
        "truth_file",
        "model",
        "owned_by",
        "seed",
        "core",
        "non_loopback",
    ];

    /// Reads a query such as `ttft=50ms&itl=10ms&slots=64`. What is not named keeps its default.
    ///
    /// # Errors
    /// An unknown key, a key given twice, a value out of range, or fault rates that exceed 1 together.
    pub fn parse(query: &str) -> Result<Self, SimOptionError> {
        let mut options = SimOptions::default();
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            if seen.iter().any(|earlier| *earlier == key) {
                return Err(SimOptionError::Twice(key.into_owned()));
            }
            options.set(&key, &value)?;
            seen.push(key.into_owned());
        }
        let sum: f64 = options.fault_rates().iter().sum();
        if sum > 1.0 + 1e-9 {
            return Err(SimOptionError::RatesExceedOne(sum));
        }
        Ok(options)
    }

    /// The engine that behaves so.
    pub(crate) fn engine(&self) -> Engine {
        Engine::Fixed(Fixed::new(FixedOptions {
            ttft: self.ttft,
            itl: self.itl,
            slots: self.slots,
            queue: self.queue,
            jitter: self.jitter,
            tokens_per_step: NonZeroU32::new(self.tokens_per_chunk).unwrap_or(NonZeroU32::MIN),
            stall: self.stall,
            stall_rate: self.stall_rate,
            seed: self.seed,
        }))
    }

    /// The shares of requests that suffer a fault, in the order of the fields.
    pub(crate) fn fault_rates(&self) -> [f64; 6] {
        [
            self.error_rate,
            self.error_429_rate,
            self.stream_error_rate,
            self.truncate_rate,
            self.empty_rate,
            self.wrong_length_rate,
        ]
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), SimOptionError> {
        match key {
            "ttft" => self.ttft = time(key, value)?,
            "itl" => self.itl = time(key, value)?,
            "slots" => self.slots = number(key, value, "a whole number from 1")?,
            "queue" => self.queue = Some(number(key, value, "a whole number")?),
            "full" => self.full = when_full(key, value)?,
            "jitter" => self.jitter = share(key, value)?,
            "error_rate" => self.error_rate = share(key, value)?,
            "error_429_rate" => self.error_429_rate = share(key, value)?,
            "stream_error_rate" => self.stream_error_rate = share(key, value)?,
            "truncate_rate" => self.truncate_rate = share(key, value)?,
            "empty_rate" => self.empty_rate = share(key, value)?,
            "wrong_length_rate" => self.wrong_length_rate = share(key, value)?,
            "tokens_per_chunk" => self.tokens_per_chunk = group(key, value)?,
            "events_per_write" => self.events_per_write = group(key, value)?,
            "usage" => self.usage = usage_form(key, value)?,
            "done" => self.done = number(key, value, "true or false")?,
            "reasoning" => self.reasoning = number(key, value, "a number of tokens")?,
            "stall" => self.stall = time(key, value)?,
            "stall_rate" => self.stall_rate = share(key, value)?,
            "retry_after" => self.retry_after = time(key, value)?,
            "request_timeout" => self.request_timeout = Some(time(key, value)?),
            "slow_client" => self.slow_client = slow_client(key, value)?,
            "client_buffer" => self.client_buffer = number(key, value, "a number of bytes")?,
            "truth" => self.truth = number(key, value, "true or false")?,
            "truth_file" => self.truth_file = Some(name(key, value)?.into()),
            "model" => self.model = name(key, value)?,
            "owned_by" => self.owned_by = name(key, value)?,
            "seed" => self.seed = Seed(number(key, value, "a whole number")?),
            "core" => self.core = Some(number(key, value, "the number of a CPU, counted from 0")?),
            "non_loopback" => self.non_loopback = number(key, value, "true or false")?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    }
}

/// Why a text does not describe a simulated endpoint.
#[derive(Debug, Error, PartialEq)]
pub enum SimOptionError {
    /// No option of that name.
    #[error("unknown option `{key}` in the sim:// target: did you mean `{nearest}`?")]
    Unknown {
        /// What was typed.
        key: String,
        /// The valid name that is most like it.
        nearest: &'static str,
    },
    /// The same key twice.
    #[error("option `{0}` is given twice in the sim:// target: give it once")]
    Twice(String),
    /// A value that the option cannot have.
    #[error("option `{key}` of the sim:// target cannot be `{value}`: give {expected}")]
    Value {
        /// The option.
        key: String,
        /// What was typed.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A text that is not a duration.
    #[error("option `{key}` of the sim:// target: {source}")]
    Time {
        /// The option.
        key: String,
        /// What is wrong with it.
        source: DurationError,
    },
    /// More faults than requests.
    #[error(
        "the fault rates of the sim:// target add up to {0}: a request suffers at most one fault, so give at most 1 in all"
    )]
    RatesExceedOne(f64),
}

fn bad(key: &str, value: &str, expected: &'static str) -> SimOptionError {
    SimOptionError::Value { key: key.to_owned(), value: value.to_owned(), expected }
}

fn unknown(key: &str) -> SimOptionError {
    let likeness = |name: &str| strsim::jaro_winkler(name, key);
    let nearest = SimOptions::KEYS.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    SimOptionError::Unknown { key: key.to_owned(), nearest: nearest.unwrap_or("ttft") }
}

fn time(key: &str, value: &str) -> Result<Duration, SimOptionError> {
    let time =
        parse_duration(value).map_err(|source| SimOptionError::Time { key: key.to_owned(), source })?;
    if time > TIME_MAX { Err(bad(key, value, "at most 1h")) } else { Ok(time) }
}

fn number<T: FromStr>(key: &str, value: &str, expected: &'static str) -> Result<T, SimOptionError> {
    value.parse().map_err(|_| bad(key, value, expected))
}

fn share(key: &str, value: &str) -> Result<f64, SimOptionError> {
    let expected = "a share from 0 to 1";
    let share: f64 = number(key, value, expected)?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(bad(key, value, expected)) }
}

fn group(key: &str, value: &str) -> Result<u32, SimOptionError> {
    let expected = "a whole number from 1 to 1024";
    let size: u32 = number(key, value, expected)?;
    if (1..=GROUP_MAX).contains(&size) { Ok(size) } else { Err(bad(key, value, expected)) }
}

fn name(key: &str, value: &str) -> Result<String, SimOptionError> {
    if value.is_empty() { Err(bad(key, value, "a name")) } else { Ok(value.to_owned()) }
}

fn when_full(key: &str, value: &str) -> Result<WhenFull, SimOptionError> {
    match value {
        "429" => Ok(WhenFull::TooManyRequests),
        "503" => Ok(WhenFull::Unavailable),
        _ => Err(bad(key, value, "429 or 503")),
    }
}

fn slow_client(key: &str, value: &str) -> Result<SlowClient, SimOptionError> {
    match value {
        "wait" => Ok(SlowClient::Wait),
        "drop" => Ok(SlowClient::Drop),
        _ => Err(bad(key, value, "wait or drop")),
    }
}

fn usage_form(key: &str, value: &str) -> Result<UsageForm, SimOptionError> {
    match value {
        "own" => Ok(UsageForm::Own),
        "finish" => Ok(UsageForm::Finish),
        "none" => Ok(UsageForm::None),
        _ => Err(bad(key, value, "own, finish or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_query_is_the_default() {
        assert_eq!(SimOptions::parse(""), Ok(SimOptions::default()));
    }

    #[test]
    fn every_key_sets_its_field() {
        let query = "ttft=1ms&itl=2ms&slots=3&queue=4&full=429&jitter=0.5&error_rate=0.01&error_429_rate=0.02\
            &stream_error_rate=0.03&truncate_rate=0.04&empty_rate=0.05&wrong_length_rate=0.06&tokens_per_chunk=7\
            &events_per_write=8&usage=finish&done=false&reasoning=9&stall=10s&stall_rate=0.11\
            &retry_after=7s&request_timeout=9s&slow_client=drop&client_buffer=99&truth=true&truth_file=t.csv&model=a%2Fb\
            &owned_by=me&seed=12&core=13&non_loopback=true";
        let expected = SimOptions {
            ttft: Duration::from_millis(1),
            itl: Duration::from_millis(2),
            slots: NonZeroU32::new(3).unwrap(),
            queue: Some(4),
            full: WhenFull::TooManyRequests,
            jitter: 0.5,
            error_rate: 0.01,
            error_429_rate: 0.02,
            stream_error_rate: 0.03,
            truncate_rate: 0.04,
            empty_rate: 0.05,
            wrong_length_rate: 0.06,
            tokens_per_chunk: 7,
            events_per_write: 8,
            usage: UsageForm::Finish,
            done: false,
            reasoning: 9,
            stall: Duration::from_secs(10),
            stall_rate: 0.11,
            retry_after: Duration::from_secs(7),
            request_timeout: Some(Duration::from_secs(9)),
            slow_client: SlowClient::Drop,
            client_buffer: 99,
            truth: true,
            truth_file: Some("t.csv".into()),
            model: "a/b".to_owned(),
            owned_by: "me".to_owned(),
            seed: Seed(12),
            core: Some(13),
            non_loopback: true,
        };
        assert_eq!(SimOptions::parse(query), Ok(expected));
        let keys: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap().trim()).collect();
        assert_eq!(keys, SimOptions::KEYS);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        for (query, excerpt) in [
            ("tfft=5ms", "did you mean `ttft`"),
            ("eror_rate=0.1", "did you mean `error_rate`"),
            ("ttft=5ms&ttft=6ms", "twice"),
            ("ttft=soon", "not a duration"),
            ("itl=-1ms", "not a duration"),
            ("itl=2h", "at most 1h"),
            ("slots=0", "from 1"),
            ("slots", "from 1"),
            ("queue=-1", "whole number"),
            ("full=500", "429 or 503"),
            ("jitter=1.5", "0 to 1"),
            ("jitter=NaN", "0 to 1"),
            ("tokens_per_chunk=0", "1 to 1024"),
            ("events_per_write=2000", "1 to 1024"),
            ("usage=sometimes", "own, finish or none"),
            ("done=yes", "true or false"),
            ("model=", "a name"),
            ("error_rate=0.7&truncate_rate=0.7", "add up to 1.4"),
        ] {
            let error = SimOptions::parse(query).expect_err(query).to_string();
            assert!(error.contains(excerpt), "{query}: {error}");
        }
    }
}
