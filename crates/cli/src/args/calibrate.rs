//! Options of `plimsoll calibrate`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::values;

/// `plimsoll calibrate`.
#[derive(Debug, Args)]
#[command(long_about = CALIBRATE_ABOUT, after_long_help = CALIBRATE_EXAMPLES, after_help = "`plimsoll calibrate --help` explains which runs are needed.")]
pub(crate) struct CalibrateArgs {
    /// Results folders of runs against one server, such as runs/2026-11-22T06-14-33Z-run
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// Predict this run, and do not fit to it. Without it each of three or more runs is held out in turn
    #[arg(long, value_name = "RUN")]
    pub(crate) holdout: Option<PathBuf>,
    /// Write the calibrated server to FILE
    #[arg(short, long, value_name = "FILE", default_value = "calibration.toml")]
    pub(crate) output: PathBuf,
    /// Most requests that the server works on at once (vLLM: --max-num-seqs; llama.cpp: --parallel); else read from the runs
    #[arg(long, value_parser = values::counted::<NonZeroU32>, value_name = "N")]
    pub(crate) max_num_seqs: Option<NonZeroU32>,
    /// Most tokens in a step of the server (vLLM: the same name; llama.cpp: --batch-size)
    #[arg(long, value_parser = values::counted::<NonZeroU32>, value_name = "N", default_value = "2048")]
    pub(crate) max_num_batched_tokens: NonZeroU32,
    /// Tokens that the server's KV cache holds; without it memory never limits
    #[arg(long, value_parser = values::counted::<NonZeroU32>, value_name = "N")]
    pub(crate) kv_tokens: Option<NonZeroU32>,
    /// Print JSON in place of the tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the draws behind the intervals
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}

const CALIBRATE_ABOUT: &str = "\
Fits the simulated server to a real one: how long a step takes, from the records of runs. Then predicts a run that it has \
not seen, and says how far off it is.

A server of large language models works in steps. A step takes a fixed time, and more for each request in it, for each \
token of context that is read, and for each prompt token that is computed. These constants are found by non-negative least \
squares on the time to the first token and the time per token of every request, given what else the server had in hand.

What the runs do not show cannot be found, and is said to be so. Give
  - a run at low load: what a step takes with one or two requests in it,
  - a run at saturation (more users than the server works on at once): what many requests and their contexts add,
  - prompts of mixed lengths: what prompt tokens cost,
  - and one more run at another load with other prompts, to be held out.
Runs need streamed answers, and token counts from the server or by --tokenizer. Requests of warm-up count as load.";

const CALIBRATE_EXAMPLES: &str = "\
Examples:
  Measure a server at three loads
    plimsoll run -H http://127.0.0.1:8000 -d @mixed.jsonl --qps 1 --arrival poisson -t 2m --name low
    plimsoll run -H http://127.0.0.1:8000 -d @mixed.jsonl -u 64 -t 2m --name saturated
    plimsoll run -H http://127.0.0.1:8000 -d @other.jsonl --qps 5 --arrival poisson -t 2m --name unseen
  Calibrate on two of them and predict the third
    plimsoll calibrate runs/*-low runs/*-saturated --holdout runs/*-unseen -o server.toml

Exit codes: 0 calibrated, however large the errors are: the text says how good it is; 1 the file cannot be written; 2 runs \
that cannot be used.";
