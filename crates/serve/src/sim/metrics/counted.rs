//! What a server counts of each request: how it went, how long its parts took, how many tokens it had.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::histogram::Histogram;

/// The upper bounds of a server's histograms: times in seconds, the rest counts. No bounds where it has no such
/// histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    pub(super) ttft: Vec<f64>,
    pub(super) itl: Vec<f64>,
    pub(super) tpot: Vec<f64>,
    /// Of the whole request.
    pub(super) e2e: Vec<f64>,
    pub(super) queue: Vec<f64>,
    /// Of inference and of its two parts, prefill and decode.
    pub(super) inference: Vec<f64>,
    pub(super) prompt_tokens: Vec<f64>,
    pub(super) generated_tokens: Vec<f64>,
    pub(super) asked_tokens: Vec<f64>,
    pub(super) gap: Gap,
    pub(super) per_token: PerToken,
}

/// What is a gap where several tokens come together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Gap {
    /// The time from step to step (vLLM).
    #[default]
    Step,
    /// Its share for each token (SGLang).
    Token,
}

/// What is divided by what for the mean time per token of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PerToken {
    /// From the first token to the last, by the tokens after the first; 0 where there are none (vLLM).
    #[default]
    Decode,
    /// All of inference, by all tokens (TGI).
    Inference,
}

/// One request under way, as far as metrics go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    arrived: Offset,
    prompt_tokens: u32,
    asked_tokens: u32,
    started: Option<Offset>,
    first_token: Option<Offset>,
    last_token: Offset,
    generated: u32,
}

/// How a request that was taken ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The model had no more to say, or there was nothing to generate.
    Stop,
    /// It got as many tokens as it had asked for.
    Length,
    /// Its client left.
    Cancelled,
    /// The server gave up on it, or broke off.
    Failed,
}

/// Counters and distributions since the server's process started.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    gap: Gap,
    per_token: PerToken,
    /// Requests for an answer, whatever became of them.
    pub(super) requests: u64,
    /// Requests that were taken, by how they ended.
    pub(super) stopped: u64,
    pub(super) reached_length: u64,
    pub(super) cancelled: u64,
    pub(super) failed: u64,
    /// Requests not taken for want of room, by status.
    full_429: u64,
    full_503: u64,
    /// Requests not taken for a fault of theirs: the other statuses up to 499.
    pub(super) invalid: u64,
    /// Requests not taken for a fault of the server's: the other statuses from 500.
    pub(super) broken: u64,
    /// Prompt tokens and asked tokens of the requests that are being worked on.
    pub(super) promised_tokens: u64,
    /// Of the last request that ended well: time in the queue and in inference.
    pub(super) last_queue: Duration,
    pub(super) last_inference: Duration,
    /// From arrival to the first token, seconds.
    pub(super) ttft: Histogram,
    /// From tokens to the next tokens, seconds.
    pub(super) itl: Histogram,
    /// Mean time per token of a request, seconds.
    pub(super) tpot: Histogram,
    /// From arrival to the end, seconds.
    pub(super) e2e: Histogram,
    /// From arrival until it was begun, seconds.
    pub(super) queue: Histogram,
    /// From the beginning to the end, seconds.
    pub(super) inference: Histogram,
    /// From the beginning to the first token, seconds.
    pub(super) prefill: Histogram,
    /// From the first token to the last, seconds.
    pub(super) decode: Histogram,
    pub(super) prompt_tokens: Histogram,
    pub(super) generated_tokens: Histogram,
    pub(super) asked_tokens: Histogram,
}

impl Life {
    /// A request that was complete at `arrived`, with so many tokens in its prompt, and asking for so many at most.
    pub(crate) fn new(arrived: Offset, prompt_tokens: u32, asked_tokens: u32) -> Self {
        Life {
            arrived,
            prompt_tokens,
            asked_tokens,
            started: None,
            first_token: None,
            last_token: arrived,
            generated: 0,
        }
    }
}

impl Counted {
    pub(super) fn new(bounds: Bounds) -> Self {
        Counted {
            gap: bounds.gap,
            per_token: bounds.per_token,
            requests: 0,
            stopped: 0,
            reached_length: 0,
            cancelled: 0,
            failed: 0,
            full_429: 0,
            full_503: 0,
            invalid: 0,
            broken: 0,
            promised_tokens: 0,
            last_queue: Duration::ZERO,
            last_inference: Duration::ZERO,
            ttft: Histogram::new(bounds.ttft),
            itl: Histogram::new(bounds.itl),
            tpot: Histogram::new(bounds.tpot),
            e2e: Histogram::new(bounds.e2e),
            queue: Histogram::new(bounds.queue),
            inference: Histogram::new(bounds.inference.clone()),
            prefill: Histogram::new(bounds.inference.clone()),
            decode: Histogram::new(bounds.inference),
            prompt_tokens: Histogram::new(bounds.prompt_tokens),
            generated_tokens: Histogram::new(bounds.generated_tokens),
            asked_tokens: Histogram::new(bounds.asked_tokens),
        }
    }

    /// A request was taken.
    pub(crate) fn taken(&mut self) {
        self.requests += 1;
    }

    /// A request was refused with this HTTP status.
    pub(crate) fn refused(&mut self, status: u16) {
        self.requests += 1;
        match status {
            429 => self.full_429 += 1,
            503 => self.full_503 += 1,
            500.. => self.broken += 1,
            _ => self.invalid += 1,
        }
    }

    /// A request left the queue.
    pub(crate) fn started(&mut self, life: &mut Life, at: Offset) {
        life.started = Some(at);
        self.promised_tokens += life.promised();
    }

    /// A request got so many more tokens.
    pub(crate) fn tokens(&mut self, life: &mut Life, at: Offset, count: u32) {
        if life.first_token.is_none() {
            life.first_token = Some(at);
            self.ttft.observe(seconds(life.arrived, at));
        } else if self.gap == Gap::Token {
            let gap = seconds(life.last_token, at) / f64::from(count.max(1));
            self.itl.observe_many(gap, count.into());
        } else {
            self.itl.observe(seconds(life.last_token, at));
        }
        life.last_token = at;
        life.generated += count;
    }

    /// A request that was taken is over. Only one that ended well counts in the distributions.
    pub(crate) fn ended(&mut self, life: &Life, at: Offset, how: End) {
        if life.started.is_some() {
            self.promised_tokens -= life.promised();
        }
        match how {
            End::Stop => self.stopped += 1,
            End::Length => self.reached_length += 1,
            End::Cancelled => self.cancelled += 1,
            End::Failed => self.failed += 1,
        }
        if matches!(how, End::Stop | End::Length) {
            self.distribute(life, at);
        }
    }

    /// Requests that ended well.
    pub(super) fn successes(&self) -> u64 {
        self.stopped + self.reached_length
    }

    /// Requests refused for want of room.
    pub(super) fn overloaded(&self) -> u64 {
        self.full_429 + self.full_503
    }

    /// Requests refused with a status of 400 to 499.
    pub(super) fn refused_4xx(&self) -> u64 {
        self.invalid + self.full_429
    }

    /// Requests refused with a status from 500.
    pub(super) fn refused_5xx(&self) -> u64 {
        self.broken + self.full_503
    }

    fn distribute(&mut self, life: &Life, at: Offset) {
        let started = life.started.unwrap_or(at);
        let first = life.first_token.unwrap_or(at);
        let decode = seconds(first, life.last_token.max(first));
        self.last_queue = started.since(life.arrived);
        self.last_inference = at.since(started);
        self.queue.observe(seconds(life.arrived, started));
        self.inference.observe(seconds(started, at));
        self.prefill.observe(seconds(started, first));
        self.decode.observe(decode);
        self.e2e.observe(seconds(life.arrived, at));
        let (time, tokens) = match self.per_token {
            PerToken::Decode => (decode, life.generated.saturating_sub(1)),
            PerToken::Inference => (seconds(started, at), life.generated),
        };
        self.tpot.observe(if tokens == 0 { 0.0 } else { time / f64::from(tokens) });
        self.prompt_tokens.observe(life.prompt_tokens.into());
        self.generated_tokens.observe(life.generated.into());
        self.asked_tokens.observe(life.asked_tokens.into());
    }
}

impl Life {
    fn promised(&self) -> u64 {
        u64::from(self.prompt_tokens) + u64::from(self.asked_tokens)
    }
}

fn seconds(from: Offset, to: Offset) -> f64 {
    to.since(from).as_secs_f64()
}
