//! What an objective can be about, by the public names of METRICS.

use crate::record::Record;

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// `done - sent`.
    Latency,
    /// `done - scheduled`.
    ResponseTime,
    /// `first_token - sent`.
    Ttft,
    /// `first_token - scheduled`.
    TtftScheduled,
    /// `first_visible_token - sent`.
    Ttfvt,
    /// Time per output token after the first event.
    Tpot,
    /// `latency / output_tokens`.
    E2ePerToken,
    /// Gaps between content events, pooled over requests.
    ChunkGap,
    /// The same per token.
    Itl,
    /// Failed requests among those scheduled.
    ErrorRate,
    /// Requests that are `ok` and keep every limit for single requests, among those scheduled.
    Attainment,
    /// `ok` completions per second (`completed_rate`).
    Qps,
    /// The requests of the attainment per second.
    Goodput,
    /// Output tokens per second.
    OutputTokenRate,
    /// Input tokens per second.
    InputTokenRate,
    /// Both.
    TotalTokenRate,
}

/// What the figures of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A time of each request.
    Time,
    /// Several times of each request, pooled.
    PooledTime,
    /// A share of the requests.
    Share,
    /// An amount per second.
    Rate,
}

impl Metric {
    /// All of them, in the order in which help texts list them.
    pub const ALL: [Metric; 16] = [
        Metric::Ttft,
        Metric::Ttfvt,
        Metric::TtftScheduled,
        Metric::Tpot,
        Metric::Itl,
        Metric::ChunkGap,
        Metric::Latency,
        Metric::ResponseTime,
        Metric::E2ePerToken,
        Metric::ErrorRate,
        Metric::Attainment,
        Metric::Qps,
        Metric::Goodput,
        Metric::OutputTokenRate,
        Metric::InputTokenRate,
        Metric::TotalTokenRate,
    ];

    /// The name used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Metric::Latency => "latency",
            Metric::ResponseTime => "response_time",
            Metric::Ttft => "ttft",
            Metric::TtftScheduled => "ttft_scheduled",
            Metric::Ttfvt => "ttfvt",
            Metric::Tpot => "tpot",
            Metric::E2ePerToken => "e2e_per_token",
            Metric::ChunkGap => "chunk_gap",
            Metric::Itl => "itl",
            Metric::ErrorRate => "error_rate",
            Metric::Attainment => "attainment",
            Metric::Qps => "qps",
            Metric::Goodput => "goodput",
            Metric::OutputTokenRate => "output_token_rate",
            Metric::InputTokenRate => "input_token_rate",
            Metric::TotalTokenRate => "total_token_rate",
        }
    }

    /// The metric called `name`; `completed_rate` is `qps`.
    pub fn from_name(name: &str) -> Option<Metric> {
        let name = if name == "completed_rate" { "qps" } else { name };
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    pub(super) const fn sort(self) -> Sort {
        match self {
            Metric::Latency
            | Metric::ResponseTime
            | Metric::Ttft
            | Metric::TtftScheduled
            | Metric::Ttfvt
            | Metric::Tpot
            | Metric::E2ePerToken => Sort::Time,
            Metric::ChunkGap | Metric::Itl => Sort::PooledTime,
            Metric::ErrorRate | Metric::Attainment => Sort::Share,
            Metric::Qps
            | Metric::Goodput
            | Metric::OutputTokenRate
            | Metric::InputTokenRate
            | Metric::TotalTokenRate => Sort::Rate,
        }
    }

    /// Whether it exists only where answers are streamed.
    pub const fn needs_streaming(self) -> bool {
        matches!(
            self,
            Metric::Ttft
                | Metric::TtftScheduled
                | Metric::Ttfvt
                | Metric::Tpot
                | Metric::ChunkGap
                | Metric::Itl
        )
    }

    /// Whether it exists only where answers are made of tokens.
    pub const fn needs_tokens(self) -> bool {
        matches!(
            self,
            Metric::Tpot
                | Metric::Itl
                | Metric::E2ePerToken
                | Metric::OutputTokenRate
                | Metric::TotalTokenRate
        )
    }

    /// The value of a request in seconds, where it has one; nothing for what is no time of single requests.
    pub fn of(self, record: &Record) -> Option<f64> {
        match self {
            Metric::Latency => record.latency(),
            Metric::ResponseTime => record.response_time(),
            Metric::Ttft => record.ttft(),
            Metric::TtftScheduled => record.ttft_scheduled(),
            Metric::Ttfvt => record.ttfvt(),
            Metric::Tpot => record.tpot(),
            Metric::E2ePerToken => record.e2e_per_token(),
            _ => None,
        }
    }
}
