//! Options of `plimsoll soak`.

use std::time::Duration;

use clap::Args;

use super::RunArgs;
use super::values::{self, positive_duration};

/// `plimsoll soak`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    next_help_heading = "Soak",
    long_about = SOAK_ABOUT,
    after_help = "`plimsoll soak --help` explains the verdict; the options of `run` are the same here.",
    after_long_help = SOAK_EXAMPLES
)]
pub(crate) struct SoakArgs {
    /// Length of a window; without it a 240th of -t, but long enough for a 99th percentile in each
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) window: Option<Duration>,
    /// The change over the soak that matters, as a share of the level: 10% or 0.1
    #[arg(long, value_name = "SHARE", value_parser = values::part, default_value = "10%")]
    pub(crate) tolerance: f64,
    /// A limit that would be reached within this time after the soak matters, however slow the growth
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "7d")]
    pub(crate) horizon: Duration,
    /// Probability of DRIFTING that is accepted where nothing drifts, over all series together
    #[arg(long, value_name = "P", value_parser = values::part, default_value = "1%")]
    pub(crate) alpha: f64,
    /// Memory that the server may use: 16GiB, 500MiB; without it that of its control group or of this machine
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    pub(crate) memory_limit: Option<u64>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const SOAK_ABOUT: &str = "\
Holds a rate for hours and says whether the server stays what it was: STEADY, DRIFTING or UNDECIDED.

Time is cut into windows. Of each are kept the percentiles of latency, TTFT and TPOT, completed requests, failures, and with \
--watch-pid the server's memory and open files. A series is DRIFTING if it moves in the direction that harms, significantly, \
by --tolerance or more over the soak (or towards a limit within --horizon), and to the end: a cache that fills and then \
stands is no leak. It is STEADY only if such a movement is excluded; else the soak says how much more time would decide. \
Limits are the objectives (--slo 'latency.p99<2s'), --memory-limit, and the most files that the server's process may open.

Windows are written as they end, and the verdict so far every half minute, so that little is lost if this machine dies.";

const SOAK_EXAMPLES: &str = "\
Examples:
  Four hours at 20 requests per second
    plimsoll soak -H http://127.0.0.1:8000 --qps 20 -t 4h
  With the server's process, and an objective that must hold for the next month
    plimsoll soak -H http://127.0.0.1:8000 --qps 20 -t 4h --watch-pid $(pgrep -f vllm) --slo 'latency.p99<2s' --horizon 30d
  A day of a simulated server that leaks, in seconds
    plimsoll soak -H 'sim://?ttft=50ms&itl=5ms&drift=0.06&time=virtual' --qps 2 -o 16 -t 24h

Exit codes: 0 STEADY; 99 DRIFTING, or an objective was missed; 3 UNDECIDED, or an INVALID measurement; 1 the run failed; 2 bad usage; 130 interrupted \
twice.";
