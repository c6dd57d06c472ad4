//! Options of `plimsoll report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::ColorName;

/// `plimsoll report`.
#[derive(Debug, Args)]
#[command(long_about = REPORT_ABOUT, after_long_help = REPORT_EXAMPLES, after_help = "`plimsoll report --help` explains the formats, with examples.")]
pub(crate) struct ReportArgs {
    /// Results folder of any command, of a run that was killed too; or a file from `plimsoll compare --json`
    #[arg(value_name = "RESULT")]
    pub(crate) result: PathBuf,
    /// What to make of it; without it what the name of --output ends with, else the text for a terminal
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write to FILE in place of stdout
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Another run to set this one against: HTML and Markdown then say by how much it differs
    #[arg(long, value_name = "FOLDER")]
    pub(crate) baseline: Option<PathBuf>,
    /// An Nsight Systems timeline to lay beside the run, exported by `nsys export --type sqlite`
    #[arg(long, value_name = "FILE.sqlite")]
    pub(crate) nsys: Option<PathBuf>,
    /// Only this chart of a page, by its name (svg, png); repeatable. Without it the main ones
    #[arg(long = "chart", value_name = "NAME")]
    pub(crate) charts: Vec<String>,
    /// When to colour the text for a terminal
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorName,
}

/// What a report is made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The text that the command printed
    Terminal,
    /// One file with charts, for a browser; it loads nothing
    Html,
    /// Markdown for a pull request: verdicts and the main table
    #[value(alias = "markdown")]
    Md,
    /// The main table, numbers in base units
    Csv,
    /// What was measured, as it is stored
    Json,
    /// The main charts as one picture, for light and dark backgrounds
    Svg,
    /// The same of 1440 pixels' width on white, for where no SVG is shown; needs --output
    Png,
}

impl Format {
    /// The format of a file of this name.
    pub(crate) fn of(file: &std::path::Path) -> Option<Self> {
        let extension = file.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "txt" => Some(Format::Terminal),
            "html" | "htm" => Some(Format::Html),
            "md" | "markdown" => Some(Format::Md),
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "svg" => Some(Format::Svg),
            "png" => Some(Format::Png),
            _ => None,
        }
    }
}

const REPORT_ABOUT: &str = "\
Makes another report of what a command has stored, without measuring again.

It takes the folder of a run, also of one that was killed (counted anew from its records), and those of capacity, soak, \
stress, coldstart and sweep. Every command writes report.html into its folder by itself.";

const REPORT_EXAMPLES: &str = "\
Examples:
  What the run printed
    plimsoll report runs/2026-11-22T06-14-33Z-run
  A page for a browser
    plimsoll report runs/2026-11-22T06-14-33Z-capacity --output capacity.html
  A comment for a pull request, with what changed since the baseline
    plimsoll report runs/pr --baseline runs/main --format md
  The percentiles as CSV, and the charts of a README
    plimsoll report runs/pr --format csv
    plimsoll report runs/pr --chart percentiles --output percentiles.svg
    plimsoll report runs/pr --output charts.png
  How busy the GPU was, and with which kernels, beside the run
    nsys export --type sqlite --output profile.sqlite report1.nsys-rep
    plimsoll report runs/pr --nsys profile.sqlite --output page.html
  A comparison as a page
    plimsoll compare runs/main runs/pr --json > change.json
    plimsoll report change.json --output change.html

Exit codes: 0 written; 1 it cannot be written; 2 nothing that can be reported.";
