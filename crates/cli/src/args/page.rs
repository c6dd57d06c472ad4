//! Options about the report as a page.

use std::path::PathBuf;

use clap::Args;

/// Where the page goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct PageArgs {
    /// Write the report as an HTML page to FILE; the results folder has it as report.html in any case
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// No report.html in the results folder; `plimsoll report` can make one later
    #[arg(long)]
    pub(crate) no_report: bool,
}
