//! The results of a run: the versioned schema of `summary.json`. Computed by [`crate::metrics`], shown by reports.
//!
//! Times are in seconds, rates per second. `null` means: not defined, or too few samples.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::load::Intervention;
use crate::record::{Outcome, TokenSource};
use crate::slo::SloVerdict;
use crate::watch::ServerSummary;

/// Version of this schema. Readers refuse a newer major version.
pub const SUMMARY_SCHEMA: &str = "plimsoll.summary/1";

/// The results of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SUMMARY_SCHEMA`].
    pub schema: String,
    /// What was run.
    pub run: RunHeader,
    /// The lengths of its phases.
    pub window: WindowTimes,
    /// Requests of the measured window, counted.
    pub counts: Counts,
    /// Rates over the measured window.
    pub rates: Rates,
    /// Distributions by metric name (METRICS: `latency`, `ttft`, …), over the `ok` requests of the measured window.
    pub metrics: BTreeMap<String, Distribution>,
    /// Token totals and their sources.
    pub tokens: Tokens,
    /// What speculative decoding accepted, by position; empty where no server says it.
    #[serde(default)]
    pub speculation: Vec<Acceptance>,
    /// Failures by class, each with one example.
    pub errors: Vec<ErrorClass>,
    /// The client's own health.
    pub health: HealthSummary,
    /// Whether the numbers can be believed.
    pub validity: Validity,
    /// The objectives with their verdicts and the evidence; empty where none were given.
    #[serde(default)]
    pub slos: Vec<SloVerdict>,
    /// Requests that keep every limit for single requests; absent where no objectives were given.
    #[serde(default)]
    pub goodput: Option<Goodput>,
    /// What was seen of the server meanwhile; absent where it was not watched.
    #[serde(default)]
    pub server: Option<ServerSummary>,
    /// Times in which the user changed the load by hand; empty where nobody did.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// What the reader should know beside the verdict.
    pub warnings: Vec<String>,
    /// What became of all that other systems were to be fed with; absent where there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedSummary>,
    /// The client's error against the embedded server's stamps; absent for other servers.
    pub truth: Option<Truth>,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Name of the run.
    pub name: String,
    /// Version of Plimsoll.
    pub tool: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// Target URL without credentials.
    pub target: String,
    /// Provider's name.
    pub provider: String,
    /// Model asked for.
    pub model: String,
    /// API in words (`chat, streaming`).
    pub api: String,
    /// Load model in words (`closed loop, 8 users`).
    pub load: String,
    /// Workload in words.
    pub workload: String,
    /// Seed.
    pub seed: u64,
    /// I/O threads.
    pub threads: u16,
    /// Whether time was simulated: all but `started` happened in no real time, and the client takes no part in the
    /// figures.
    #[serde(default)]
    pub simulated: bool,
    /// How the run ended (`completed`, `interrupted`, `stopped` by a rule of `--abort-on`, `aborted`).
    pub ended: String,
    /// The rule of `--abort-on` that ended the run, with its figure.
    #[serde(default)]
    pub stopped_by: Option<String>,
    /// Items that a request asks about, on average (`--batch-size`); `null` where requests have none or nobody can tell.
    #[serde(default)]
    pub items_per_request: Option<f64>,
    /// Whether requests carry payloads and answers are not made of tokens, so that token figures mean nothing.
    #[serde(default)]
    pub without_tokens: bool,
}

impl RunHeader {
    /// Who was asked: `vllm, model x`, or the provider alone where there is no model.
    pub fn server(&self) -> String {
        match self.model.as_str() {
            "" => self.provider.clone(),
            model => format!("{}, model {model}", self.provider),
        }
    }
}

/// The lengths of the phases, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WindowTimes {
    /// Ramp.
    pub ramp: f64,
    /// Warm-up.
    pub warmup: f64,
    /// Measured window.
    pub measured: f64,
    /// Drain.
    pub drain: f64,
    /// How far into the measured window throughput and latency were steady, by MSER-5; `null` where they never were, or
    /// too few requests were answered to say.
    #[serde(default)]
    pub steady_after: Option<f64>,
}

/// Requests scheduled in the measured window, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Due.
    pub scheduled: u64,
    /// Sent.
    pub sent: u64,
    /// Ended `ok`.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Bytes written for the sent, heads included.
    #[serde(default)]
    pub bytes_sent: u64,
    /// Bytes received for them, heads included.
    #[serde(default)]
    pub bytes_received: u64,
    /// By outcome; only those that occurred.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Requests of the whole run, ramp and warm-up included.
    pub total: u64,
    /// Failed requests of the whole run.
    pub total_failed: u64,
}

/// Rates over the measured window, per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Scheduled starts.
    pub offered_rate: f64,
    /// Requests sent.
    pub sent_rate: f64,
    /// `ok` completions within the window (`qps`).
    pub completed_rate: f64,
    /// Items answered: `completed_rate` times `items_per_request`.
    #[serde(default)]
    pub item_rate: Option<f64>,
    /// Output tokens of events that arrived within the window.
    pub output_token_rate: f64,
    /// Input tokens of requests whose first token arrived within the window.
    pub input_token_rate: f64,
    /// Both together.
    pub total_token_rate: f64,
    /// Time-weighted mean of requests in flight.
    pub concurrency_mean: f64,
    /// Most requests in flight.
    pub concurrency_max: u32,
}

/// A distribution of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Samples.
    pub n: u64,
    /// Mean.
    pub mean: Option<f64>,
    /// Standard deviation.
    pub stdev: Option<f64>,
    /// Least.
    pub min: Option<f64>,
    /// Greatest.
    pub max: Option<f64>,
    /// The percentiles of reports: 50, 75, 90, 95, 99, 99.9.
    pub percentiles: Vec<Percentile>,
}

impl Distribution {
    /// The percentile `p` (50, 99, 99.9 …) if it is among the reported and has a value.
    pub fn percentile(&self, p: f64) -> Option<f64> {
        self.percentiles.iter().find(|entry| entry.p == p)?.value
    }
}

/// One percentile with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    /// Which: 50, 99, 99.9 …
    pub p: f64,
    /// Its value; `null` where there are too few samples to have one.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval by order statistics; `null` where there is none.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Token totals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Input tokens of `ok` requests.
    pub input: u64,
    /// Output tokens of `ok` requests.
    pub output: u64,
    /// Input tokens found in the server's cache; `null` when no server reported any.
    pub cached: Option<u64>,
    /// Requests by the source of their output count.
    pub sources: BTreeMap<TokenSource, u64>,
    /// `ok` requests whose output is not of the length asked for.
    pub wrong_length: u64,
    /// `ok` requests for which the server's prompt count and ours are both known.
    pub prompt_compared: u64,
    /// Those in which they differ.
    pub prompt_deviating: u64,
    /// Mean of server count minus our count over the compared.
    pub prompt_deviation_mean: Option<f64>,
    /// Largest absolute deviation.
    pub prompt_deviation_max: u32,
    /// All events received.
    pub events: u64,
    /// Those that shared their arrival with an earlier one.
    pub coalesced_events: u64,
    /// `ok` requests whose `itl` is an estimate, because the tokens of their events are not known one by one.
    pub itl_estimated: u64,
}

/// What speculative decoding accepted at one position of its drafts, over the `ok` requests that tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The position in the draft, from 1.
    pub position: u32,
    /// Requests that tell a share for it.
    pub n: u64,
    /// Mean share of drafted tokens that were accepted, 0 to 1.
    pub mean: f64,
}

/// One class of failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorClass {
    /// The outcome.
    pub outcome: Outcome,
    /// HTTP status, if any.
    pub status: Option<u16>,
    /// How often, in the whole run.
    pub count: u64,
    /// One example, without secrets.
    pub example: String,
    /// First and last occurrence, seconds from the start of the run.
    pub first: f64,
    /// See `first`.
    pub last: f64,
}

/// The client's own health in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthSummary {
    /// The busiest I/O thread's share of its core, 0 to 1.
    pub busy_max: f64,
    /// The largest share of time in which an I/O thread waited for a core, 0 to 1.
    pub waiting_max: f64,
    /// Share of the cores' time that other processes used, 0 to 1; the largest of any I/O thread's cores.
    pub others_max: f64,
    /// Share of the cores' time that the host of a virtual machine took away, 0 to 1; likewise.
    pub stolen_max: f64,
    /// 99th percentile of timer lag, worst thread, seconds.
    pub timer_lag_p99: Option<f64>,
    /// 99th percentile from the kernel's receive timestamp to the read, worst thread, seconds.
    pub read_lag_p99: Option<f64>,
    /// 99th percentile of `send_lag`, seconds; `null` in a closed loop.
    pub send_lag_p99: Option<f64>,
    /// The same without the time that new connections took to open, which is not this client's doing; this is what
    /// the verdict judges.
    pub own_lag_p99: Option<f64>,
    /// Whether arrivals are kernel receive timestamps.
    pub kernel_timestamps: bool,
    /// Records that could not be kept.
    pub records_lost: u64,
    /// Requests due before their prompt had been built.
    pub prompts_late: u64,
}

/// Requests that are `ok` and keep every limit for single requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Goodput {
    /// The limits; empty where an `ok` answer is good enough.
    pub limits: Vec<String>,
    /// Such requests among those scheduled in the measured window.
    pub good: u64,
    /// Such completions within the window, per second.
    pub goodput: f64,
    /// Their share of the requests scheduled in the window, 0 to 1; failed, unfinished and shed requests are no such, and
    /// requests that this client cancelled on purpose are left out.
    pub attainment: Option<f64>,
    /// What the share is at least, with the confidence of the verdicts.
    pub low: Option<f64>,
    /// What it is at most.
    pub high: Option<f64>,
    /// That confidence, 0.5 to 1.
    pub confidence: f64,
}

/// Whether the numbers can be believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// False: the run is INVALID.
    pub valid: bool,
    /// Why it is INVALID, each with its figure; empty when valid.
    pub reasons: Vec<String>,
    /// Whether the backlog grew over the measured window.
    pub overloaded: bool,
}

/// What became of all that one other system was to be fed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedSummary {
    /// What it is, and where.
    pub name: String,
    /// What is counted: `samples`, `rows`, `spans`.
    pub unit: String,
    /// Taken by the other system.
    pub sent: u64,
    /// Not taken by it, whatever the reason: no room, no answer, refused, or the end of the run.
    pub lost: u64,
    /// Sendings that were tried again.
    pub retried: u64,
    /// The last thing that went wrong, without secrets.
    pub error: Option<String>,
}

/// The client's error against the embedded server's stamps, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// `first_token` as measured minus as stamped.
    pub first_token_error: Distribution,
    /// `last_token` as measured minus as stamped.
    pub last_token_error: Distribution,
}
