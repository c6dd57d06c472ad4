//! What happened: one record per request that was due, exactly one outcome each.
//!
//! Every quantity of a report is a function of these records (METRICS: per-request quantities), so a stored run can
//! be analysed again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Offset;

/// The place of a request in the run's one schedule, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// How a request ended. Exactly one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered completely.
    Ok,
    /// No connection: refused, unreachable, name not found, reset before a byte was sent.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// A time limit of this client ran out; the record's error says which phase.
    Timeout,
    /// HTTP status 4xx, except 429.
    #[serde(rename = "http_4xx")]
    Http4xx,
    /// HTTP status 429.
    #[serde(rename = "http_429")]
    Http429,
    /// HTTP status 5xx.
    #[serde(rename = "http_5xx")]
    Http5xx,
    /// An error event under HTTP 200.
    StreamError,
    /// The response ended before it was complete.
    Truncated,
    /// A complete response without content.
    Empty,
    /// A response that cannot be parsed.
    Invalid,
    /// Complete, but not of the length asked for (strict mode only).
    WrongLength,
    /// Cancelled by this client, on purpose (`--cancel-rate`).
    Cancelled,
    /// Still in flight when the run ended.
    Unfinished,
    /// Never sent, because the user's own cap on concurrency was reached (`--when-full shed`).
    Shed,
}

impl Outcome {
    /// Every outcome, in the order in which reports list them.
    pub const ALL: [Outcome; 15] = [
        Outcome::Ok,
        Outcome::Connect,
        Outcome::Tls,
        Outcome::Timeout,
        Outcome::Http4xx,
        Outcome::Http429,
        Outcome::Http5xx,
        Outcome::StreamError,
        Outcome::Truncated,
        Outcome::Empty,
        Outcome::Invalid,
        Outcome::WrongLength,
        Outcome::Cancelled,
        Outcome::Unfinished,
        Outcome::Shed,
    ];

    /// The name used in every file, table and label.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Connect => "connect",
            Outcome::Tls => "tls",
            Outcome::Timeout => "timeout",
            Outcome::Http4xx => "http_4xx",
            Outcome::Http429 => "http_429",
            Outcome::Http5xx => "http_5xx",
            Outcome::StreamError => "stream_error",
            Outcome::Truncated => "truncated",
            Outcome::Empty => "empty",
            Outcome::Invalid => "invalid",
            Outcome::WrongLength => "wrong_length",
            Outcome::Cancelled => "cancelled",
            Outcome::Unfinished => "unfinished",
            Outcome::Shed => "shed",
        }
    }

    /// Whether the server (or the way to it) failed this request. What this client ended itself is not a failure.
    pub const fn is_failure(self) -> bool {
        !matches!(self, Outcome::Ok | Outcome::Cancelled | Outcome::Unfinished | Outcome::Shed)
    }
}

/// The part of a trial to which a request belongs, by its scheduled instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Users are still being added.
    Ramp,
    /// The load is complete; its first part, excluded from the results.
    WarmUp,
    /// What the results describe.
    Measure,
}

/// What an event of a streamed response carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaKind {
    /// Visible text.
    Text,
    /// Reasoning that users do not see.
    Reasoning,
    /// Part of a tool call.
    ToolCall,
}

/// One event that carried generated content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// When the bytes that completed it were received.
    pub at: Offset,
    /// Its tokens, where the server says so (usage per chunk, logprobs); 0 when unknown.
    pub tokens: u32,
    /// What it carried.
    pub kind: DeltaKind,
}

/// Where token counts came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The server's usage object (or its equivalent).
    Server,
    /// Counted from the log probabilities.
    Logprobs,
    /// Counted here with the tokenizer.
    Tokenizer,
    /// One token assumed per event that carried content: an estimate.
    Chunks,
    /// Not known.
    #[default]
    Unknown,
    /// The answer is of another kind: an embedding, a ranking, an image.
    NoTokens,
}

/// Token counts of one request. Absent is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt as the server counted them.
    pub input_tokens: Option<u32>,
    /// Tokens generated, reasoning included.
    pub output_tokens: Option<u32>,
    /// Tokens of the prompt that came from the server's prefix cache.
    pub cached_tokens: Option<u32>,
    /// Tokens of reasoning among the generated.
    pub reasoning_tokens: Option<u32>,
    /// Where `output_tokens` comes from.
    pub source: TokenSource,
}

/// The phases of a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectTimes {
    /// Name resolution.
    pub dns: Duration,
    /// TCP handshake; in HTTP/2 up to the server's settings.
    pub tcp: Duration,
    /// TLS handshake; zero without TLS.
    pub tls: Duration,
}

/// What the server says of its own times: llama.cpp's `timings`, vLLM's `metrics`, the headers of TGI and Fireworks,
/// Fireworks' `perf_metrics`. Absent is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerTimes {
    /// Waiting for a place in the batch.
    pub queue: Option<Duration>,
    /// Checking the input and turning it into tokens.
    pub tokenize: Option<Duration>,
    /// Time to process the prompt.
    pub prompt: Option<Duration>,
    /// From the arrival of the request to the first token.
    pub first_token: Option<Duration>,
    /// Time to generate the answer.
    pub generation: Option<Duration>,
    /// Mean time per generated token.
    pub per_token: Option<Duration>,
    /// Prompt and generation together.
    pub inference: Option<Duration>,
    /// From the arrival of the request to the end of the answer.
    pub total: Option<Duration>,
}

/// Arrival times stamped by the embedded server on the shared clock: the truth to compare the client with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// When the server wrote the first event with content.
    pub first_token: Option<Offset>,
    /// When the server wrote the last event with content.
    pub last_token: Option<Offset>,
}

/// One request that was due, whatever became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its place in the schedule.
    pub id: RequestId,
    /// The part of the trial to which it belongs.
    pub phase: Phase,
    /// The I/O thread that sent it.
    pub thread: u16,
    /// When the load model said that it should start. In a closed loop it equals `sent`.
    pub scheduled: Offset,
    /// When its first byte was handed to the kernel.
    pub sent: Option<Offset>,
    /// The phases of its connection, if it opened a new one.
    pub connect: Option<ConnectTimes>,
    /// Status line and headers complete.
    pub headers: Option<Offset>,
    /// First byte of the body.
    pub first_byte: Option<Offset>,
    /// The events that carried content, in order; empty when the response was not streamed.
    pub deltas: Vec<Delta>,
    /// The end of the response, or the moment at which it failed.
    pub done: Option<Offset>,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status, if one was received.
    pub status: Option<u16>,
    /// What went wrong, without secrets, at most a few hundred characters.
    pub error: Option<String>,
    /// Token counts.
    pub usage: Usage,
    /// Tokens of the prompt as counted when it was built.
    pub prompt_tokens: Option<u32>,
    /// Tokens asked for; nothing where answers are not made of tokens.
    pub max_tokens: Option<u32>,
    /// All events of the stream, with or without content.
    pub events: u32,
    /// Events whose arrival is shared with an earlier event of the same read.
    pub coalesced_events: u32,
    /// Bytes of head and body sent.
    pub bytes_sent: u64,
    /// Bytes of head and body received.
    pub bytes_received: u64,
    /// Characters of generated text.
    pub chars: u32,
    /// What the server says of its own times.
    pub server: ServerTimes,
    /// Share of drafted tokens that speculative decoding accepted, by position in the draft, 0 to 1; empty if the server
    /// says nothing of it.
    pub acceptance: Vec<f64>,
    /// The embedded server's stamps.
    pub stamps: Option<Stamps>,
}

/// The seven quantities with one value per request; each in seconds. `None` where it is not defined.
impl Record {
    /// A record of a request that was due at `scheduled` and of which nothing is known yet.
    pub fn due(id: RequestId, phase: Phase, thread: u16, scheduled: Offset) -> Self {
        Record {
            id,
            phase,
            thread,
            scheduled,
            sent: None,
            connect: None,
            headers: None,
            first_byte: None,
            deltas: Vec::new(),
            done: None,
            outcome: Outcome::Unfinished,
            status: None,
            error: None,
            usage: Usage::default(),
            prompt_tokens: None,
            max_tokens: None,
            events: 0,
            coalesced_events: 0,
            bytes_sent: 0,
            bytes_received: 0,
            chars: 0,
            server: ServerTimes::default(),
            acceptance: Vec::new(),
            stamps: None,
        }
    }

    /// Whether the answer is made of tokens: some were asked for, or the server counted some.
    pub fn counts_tokens(&self) -> bool {
        self.max_tokens.is_some() || self.usage.output_tokens.is_some()
    }

    /// Makes a complete answer of another length than asked for a failure: the rule of the strict mode.
    pub fn check_length(&mut self) {
        let (Outcome::Ok, Some(asked), Some(got)) = (self.outcome, self.max_tokens, self.usage.output_tokens)
        else {
            return;
        };
        if asked != got {
            self.outcome = Outcome::WrongLength;
            self.error = Some(format!("{got} tokens instead of {asked}"));
        }
    }

    /// `first_token`: arrival of the first event that carried content.
    pub fn first_token(&self) -> Option<Offset> {
        self.deltas.first().map(|delta| delta.at)
    }

    /// `first_visible_token`: the same, reasoning excluded.
    pub fn first_visible_token(&self) -> Option<Offset> {
        self.deltas.iter().find(|delta| delta.kind != DeltaKind::Reasoning).map(|delta| delta.at)
    }

    /// `last_token`: arrival of the last event that carried content.
    pub fn last_token(&self) -> Option<Offset> {
        self.deltas.last().map(|delta| delta.at)
    }

    /// `done - sent`.
    pub fn latency(&self) -> Option<f64> {
        seconds(self.sent?, self.done?)
    }

    /// `done - scheduled`: what a user who arrived on schedule waited.
    pub fn response_time(&self) -> Option<f64> {
        seconds(self.scheduled, self.done?)
    }

    /// `sent - scheduled`: the delay that this client or its connection limit added.
    pub fn send_lag(&self) -> Option<f64> {
        seconds(self.scheduled, self.sent?)
    }

    /// `first_token - sent`.
    pub fn ttft(&self) -> Option<f64> {
        seconds(self.sent?, self.first_token()?)
    }

    /// `first_token - scheduled`.
    pub fn ttft_scheduled(&self) -> Option<f64> {
        seconds(self.scheduled, self.first_token()?)
    }

    /// `first_visible_token - sent`.
    pub fn ttfvt(&self) -> Option<f64> {
        seconds(self.sent?, self.first_visible_token()?)
    }

    /// `(last_token - first_token) / (output_tokens - tokens in the first event)`; undefined for one token.
    pub fn tpot(&self) -> Option<f64> {
        let in_first = self.deltas.first()?.tokens.max(1);
        let rest = self.usage.output_tokens?.checked_sub(in_first).filter(|&rest| rest > 0)?;
        Some(seconds(self.first_token()?, self.last_token()?)? / f64::from(rest))
    }

    /// `latency / output_tokens`.
    pub fn e2e_per_token(&self) -> Option<f64> {
        let tokens = self.usage.output_tokens.filter(|&tokens| tokens > 0)?;
        Some(self.latency()? / f64::from(tokens))
    }

    /// Each gap between successive events with content, with the tokens of the later one (0 when unknown).
    pub fn chunk_gaps(&self) -> impl Iterator<Item = (Duration, u32)> + '_ {
        self.deltas.windows(2).map(|pair| (pair[1].at.since(pair[0].at), pair[1].tokens))
    }
}

fn seconds(from: Offset, to: Offset) -> Option<f64> {
    Some(to.since(from).as_nanos() as f64 / 1e9)
}

/// Requests in flight over a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// When it began.
    pub from: Offset,
    /// When it ended.
    pub to: Offset,
    /// Integral of the requests in flight, in request-nanoseconds.
    pub nanos: u64,
}

/// What one I/O thread did in one window of about a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadWindow {
    /// The I/O thread.
    pub thread: u16,
    /// When the window began.
    pub start: Offset,
    /// How long it was.
    pub length: Duration,
    /// Requests whose scheduled instant lies in it.
    pub scheduled: u64,
    /// Requests sent in it.
    pub sent: u64,
    /// `ok` completions in it.
    pub completed: u64,
    /// Failures in it.
    pub failed: u64,
    /// Events with content received in it.
    pub content_events: u64,
    /// Integral of the requests in flight over the window, in request-nanoseconds.
    pub in_flight_nanos: u64,
    /// The same by tenths of a second, counted from the start of the measured window on: the load may change within a
    /// second. Empty where that is not known.
    pub in_flight_tenths: Vec<InFlight>,
    /// Most requests in flight at once.
    pub in_flight_max: u32,
    /// Requests in flight at its end.
    pub in_flight: u32,
    /// Open connections at its end.
    pub connections: u32,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
    /// CPU time of the thread in it.
    pub cpu: Duration,
    /// Time that the thread was ready to run but did not get a core, in it.
    pub waiting: Duration,
    /// The longest delay of a timer in it.
    pub timer_lag_max: Duration,
}
