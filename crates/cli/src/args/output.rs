//! Options that say what is shown and kept, how this process works, and what is accepted for Locust's sake.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Args;
use tracing::level_filters::LevelFilter;

use super::values::{self, ColorName, ViewName};

/// What is shown and kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Name of the run, part of its folder's name
    #[arg(long, value_name = "NAME", default_value = "run")]
    pub(crate) name: String,
    /// Folder in which each run gets its own
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Print summary.json to stdout in place of the tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Append one row to a CSV file; a new file gets the header first
    #[arg(long, value_name = "FILE")]
    pub(crate) summary_file: Option<PathBuf>,
    /// Write Locust's four CSV files, their names beginning with PREFIX
    #[arg(long, value_name = "PREFIX")]
    pub(crate) csv: Option<String>,
    /// Print each request
    #[arg(long)]
    pub(crate) show_request: bool,
    /// Print each answer
    #[arg(long)]
    pub(crate) show_response: bool,
    /// Keep the arrival gaps of every chunk in the records
    #[arg(long)]
    pub(crate) record_chunks: bool,
    /// What is shown on stderr while running
    #[arg(long, value_enum, value_name = "VIEW", default_value = "auto")]
    pub(crate) view: ViewName,
    /// Show nothing while running: the same as --view off
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// When to colour the output
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorName,
    /// Least severe messages to log: error, warn, info, debug, trace
    #[arg(short = 'L', long, value_name = "LEVEL", value_parser = level, default_value = "warn")]
    pub(crate) loglevel: LevelFilter,
    /// Log to a file in place of stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) logfile: Option<PathBuf>,
    /// Print every effective value and where it comes from, and send nothing
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// How this process works.
#[derive(Debug, Args)]
#[command(next_help_heading = "Process")]
pub(crate) struct ProcessArgs {
    /// Read settings from FILE: TOML, or `key = value` lines as in locust.conf
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seed of every random choice; without it a new one for each run, which is stored
    #[arg(long, value_parser = values::whole::<u64>, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
    /// I/O threads; without it one per core, and no more than users
    #[arg(long, value_parser = values::counted::<NonZeroU16>, value_name = "N")]
    pub(crate) threads: Option<NonZeroU16>,
    /// Spin for the last microseconds before a request is due: more precise, one core per thread
    #[arg(long)]
    pub(crate) spin: bool,
    /// Exit code in place of 1 when requests failed; 0 for none
    #[arg(long, value_parser = values::whole::<u8>, value_name = "CODE", default_value_t = 1)]
    pub(crate) exit_code_on_error: u8,
}

/// Options of Locust, its plug-ins and the load test that this version accepts without effect, or answers.
#[derive(Debug, Args)]
pub(crate) struct CompatArgs {
    #[arg(long, hide = true)]
    pub(crate) headless: bool,
    #[arg(long, hide = true)]
    pub(crate) reset_stats: bool,
    #[arg(long, hide = true)]
    pub(crate) only_summary: bool,
    #[arg(long, hide = true)]
    pub(crate) print_stats: bool,
    #[arg(long, hide = true)]
    pub(crate) csv_full_history: bool,
    #[arg(long, hide = true)]
    pub(crate) skip_log_setup: bool,
    #[arg(short = 'f', long, hide = true)]
    pub(crate) locustfile: Option<String>,

    #[arg(long, hide = true)]
    pub(crate) embeddings_prompt_template: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) normalize: bool,
    #[arg(long, hide = true, num_args = 0..)]
    pub(crate) return_logits: Option<Vec<String>>,
    #[arg(long, hide = true)]
    pub(crate) master: bool,
    #[arg(long, hide = true)]
    pub(crate) worker: bool,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub(crate) processes: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) master_host: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) master_port: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) master_bind_host: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) master_bind_port: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) expect_workers: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) expect_workers_max_wait: Option<String>,
}

/// Reads a log level, ours or Locust's.
fn level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" | "critical" => Ok(LevelFilter::ERROR),
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err("write one of off, error, warn, info, debug, trace".to_owned()),
    }
}
