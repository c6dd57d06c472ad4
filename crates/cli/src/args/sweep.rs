//! Options of `plimsoll sweep`: those of `run`, and what is varied.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use plimsoll_core::compare::Figure;
use plimsoll_core::time::parse_duration;

use super::compare::figure;
use super::{RunArgs, values};

/// `plimsoll sweep`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    about = "Repeat a run for every combination of some settings",
    long_about = SWEEP_ABOUT,
    after_help = "`plimsoll sweep --help` explains everything, with examples. All options of `run` can be given too.",
    after_long_help = SWEEP_EXAMPLES
)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) sweep: MatrixArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What is varied, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sweep")]
pub(crate) struct MatrixArgs {
    /// Vary an option of `run`: users=1,2,4,8. Repeatable: every combination is run. Values that have commas are set apart
    /// by semicolons: 'stages=10s:5,20s:5;10s:9,20s:9'. Another name is a variable of --each-cmd
    #[arg(long, value_name = "OPTION=VALUES")]
    pub(crate) over: Vec<String>,
    /// Run the settings that this CSV file lists, a row each; its header names the options
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    /// Run this shell command before each cell, such as one that restarts the server. {users} stands for the cell's value of
    /// users, and the environment has it as SWEEP_USERS
    #[arg(long, value_name = "COMMAND")]
    pub(crate) each_cmd: Option<String>,
    /// How long a server may take to answer after --each-cmd
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "5m", requires = "each_cmd")]
    pub(crate) ready_timeout: Duration,
    /// Run everything so many times, each time with other prompts and arrivals
    #[arg(long, value_name = "N", value_parser = values::counted::<NonZeroU32>, default_value = "1")]
    pub(crate) repeat: NonZeroU32,
    /// In which order cells are run
    #[arg(long, value_enum, value_name = "ORDER", default_value = "given")]
    pub(crate) order: OrderName,
    /// Pause between cells, so that none begins with the work of another
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "2s")]
    pub(crate) settle: Duration,
    /// Go on with a sweep that was interrupted: its folder. Cells that are done are not run again
    #[arg(long, value_name = "FOLDER")]
    pub(crate) resume: Option<PathBuf>,
    /// Draw this metric of all cells: qps, ttft.p99 and so on; repeatable. Without it what the server delivers and its tail
    #[arg(long = "draw", value_name = "METRIC", value_parser = figure)]
    pub(crate) draw: Vec<Figure>,
}

/// In which order cells are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderName {
    /// As given, the last --over changing first
    Given,
    /// At random, so that what changes with time is not taken for an effect of a setting
    Random,
}

const SWEEP_ABOUT: &str = "\
Repeats a run for every combination of some settings: one cell each, with a results folder and a row in sweep.csv and \
sweep.parquet.

Everything is checked before the first request is sent. A cell that fails is a row with its error, and the sweep goes on. \
Ctrl+C ends the cell that is running and the sweep; --resume FOLDER goes on with it. Each cell asks other prompts.";

const SWEEP_EXAMPLES: &str = "\
Examples:
  Users against prompt lengths, 30 seconds a cell
    plimsoll sweep -H http://host:8000 -t 30s --warmup 5s --over users=1,2,4,8,16 --over prompt-tokens=128,1024
  Rates, three times each and in random order
    plimsoll sweep -H http://host:8000 -t 1m --over qps=1,2,4,8 --repeat 3 --order random
  Settings of the server: a command that restarts it
    plimsoll sweep -H http://host:8000 -u 32 -t 1m --over batch=8,16,32 --each-cmd './restart.sh --max-num-seqs {batch}'
  A list of settings that is no product
    plimsoll sweep -H http://host:8000 -t 1m --list settings.csv
  Which rates keep an objective: a verdict for each cell
    plimsoll sweep -H http://host:8000 -t 2m --over qps=5,10,20,40 --slo 'ttft.p99<500ms'
  What was interrupted
    plimsoll sweep (the same options) --resume runs/2026-11-22T06-14-33Z-sweep

All options of `plimsoll run` can be given, and any of them be varied.

Exit codes: 0 all cells are done; 1 a cell failed, or the sweep was interrupted; 2 bad usage, nothing was sent; 3 a cell is \
INVALID; 99 a cell missed an objective (--slo) or was ended by --abort-on; 130 interrupted twice.";
