//! Options that say when requests start and when the run ends.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use plimsoll_core::load::ThinkTime;
use plimsoll_core::time::{Rate, parse_duration};

use super::values::{
    self, ArrivalName, StageList, WhenFullName, positive, positive_duration, stage_rate, stages, think_time,
};

/// When requests start.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load: closed loop (users)")]
pub(crate) struct LoadArgs {
    /// Users, each with at most one request in flight. With a rate: the most requests in flight
    #[arg(short, long, value_parser = values::counted::<NonZeroU32>, value_name = "N", default_value = "1")]
    pub(crate) users: NonZeroU32,
    /// Users added per second [default: 1; with --max-requests all at once]
    #[arg(short = 'r', long, value_name = "RATE")]
    pub(crate) spawn_rate: Option<Rate>,
    /// Pause of a user after each answer: 1s, 1s..3s (uniform) or exp:1s
    #[arg(long, value_name = "TIME", value_parser = think_time)]
    pub(crate) think_time: Option<ThinkTime>,
    /// All users fire together every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = positive_duration)]
    pub(crate) burst: Option<Duration>,
    /// Grow from 1 user to all of them geometrically, in this time
    #[arg(long, value_name = "SECONDS", value_parser = positive_duration)]
    pub(crate) ramping_time: Option<Duration>,
    /// Time with 1 user before --ramping-time begins
    #[arg(long, value_name = "SECONDS", value_parser = parse_duration, default_value = "30s")]
    pub(crate) ramping_warmup_time: Duration,

    /// Requests per second, whatever the server does: 0.5, 50, 3000/m
    #[arg(long, visible_alias = "rate", value_name = "RATE", help_heading = "Load: open loop (schedule)")]
    pub(crate) qps: Option<Rate>,
    /// Distribution of the gaps between requests
    #[arg(
        long,
        visible_alias = "arrival",
        value_enum,
        value_name = "NAME",
        default_value = "constant",
        help_heading = "Load: open loop (schedule)"
    )]
    pub(crate) qps_distribution: ArrivalName,
    /// Coefficient of variation of gamma gaps: 1 is Poisson, above 1 is burstier
    #[arg(long, value_name = "CV", value_parser = positive, help_heading = "Load: open loop (schedule)")]
    pub(crate) cv: Option<f64>,
    /// A rate that moves linearly from stage to stage: '30s:10,5m:10,1m:0'. Repeatable
    #[arg(long, value_name = "LIST", value_parser = stages, help_heading = "Load: open loop (schedule)")]
    pub(crate) stages: Vec<StageList>,
    /// Rate at which --stages begin
    #[arg(
        long,
        value_name = "RATE",
        value_parser = stage_rate,
        default_value = "0",
        help_heading = "Load: open loop (schedule)"
    )]
    pub(crate) start_rate: f64,
    /// Replay the arrival times of a trace (CSV with a header, or JSONL)
    #[arg(long, value_name = "FILE", help_heading = "Load: open loop (schedule)")]
    pub(crate) trace: Option<PathBuf>,
    /// Replay this many times as fast
    #[arg(
        long,
        value_name = "FACTOR",
        value_parser = positive,
        default_value = "1",
        help_heading = "Load: open loop (schedule)"
    )]
    pub(crate) trace_speed: f64,
    /// Begin this far into the trace
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Load: open loop (schedule)")]
    pub(crate) trace_start: Option<Duration>,
    /// End this far into the trace
    #[arg(
        long,
        value_name = "TIME",
        value_parser = positive_duration,
        help_heading = "Load: open loop (schedule)"
    )]
    pub(crate) trace_stop: Option<Duration>,
    /// The column or member that holds the arrival time
    #[arg(long, value_name = "NAME", help_heading = "Load: open loop (schedule)")]
    pub(crate) trace_time_column: Option<String>,
    /// What a number in --trace-time-column counts: s, ms, us or ns; dates need none
    #[arg(long, value_name = "UNIT", value_parser = ["s", "ms", "us", "ns", "date"], help_heading = "Load: open loop (schedule)")]
    pub(crate) trace_time_unit: Option<String>,
    /// The column or member that holds the prompt's tokens, where the trace's layout is not known
    #[arg(long, value_name = "NAME", help_heading = "Load: open loop (schedule)")]
    pub(crate) trace_input_column: Option<String>,
    /// The column or member that holds the answer's tokens, where the trace's layout is not known
    #[arg(long, value_name = "NAME", help_heading = "Load: open loop (schedule)")]
    pub(crate) trace_output_column: Option<String>,
    /// The most requests in flight in an open loop; -u says the same
    #[arg(long, value_parser = values::counted::<NonZeroU32>, value_name = "N", help_heading = "Load: open loop (schedule)")]
    pub(crate) max_concurrency: Option<NonZeroU32>,
    /// What becomes of a request that is due while the most are in flight [default: lag]
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Load: open loop (schedule)")]
    pub(crate) when_full: Option<WhenFullName>,
}

/// When the run ends and what is measured of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Duration")]
pub(crate) struct PhaseArgs {
    /// Measured time, after ramp and warm-up; without it until Ctrl+C
    #[arg(short = 't', long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) run_time: Option<Duration>,
    /// Time after the ramp that is left out of the results
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
    pub(crate) warmup: Duration,
    /// Stop after this many successful requests, or after as many that fail
    #[arg(long, value_parser = values::counted::<std::num::NonZeroU64>, value_name = "N")]
    pub(crate) max_requests: Option<std::num::NonZeroU64>,
    /// Time for requests in flight to complete at the end
    #[arg(
        short = 's',
        long,
        visible_alias = "stop-timeout",
        value_name = "TIME",
        value_parser = parse_duration,
        default_value = "60s"
    )]
    pub(crate) drain_timeout: Duration,
    /// The run has failed (exit code 1) when a larger share of requests failed
    #[arg(long, value_name = "SHARE", value_parser = values::share, default_value = "0.01")]
    pub(crate) max_fail_ratio: f64,
}
