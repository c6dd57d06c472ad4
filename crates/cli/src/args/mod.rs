//! What was typed: the one table of commands and options, with help texts and fixed defaults.
//!
//! What it means is decided in [`crate::resolve`], where the other layers come in too.

pub(crate) mod calibrate;
pub(crate) mod capacity;
pub(crate) mod coldstart;
pub(crate) mod compare;
pub(crate) mod family;
pub(crate) mod feeds;
pub(crate) mod http;
pub(crate) mod images;
pub(crate) mod load;
pub(crate) mod objectives;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod payload;
pub(crate) mod plan;
pub(crate) mod plan_lint;
pub(crate) mod postgres;
mod refused;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod selftest;
pub(crate) mod soak;
pub(crate) mod stack;
pub(crate) mod stress;
pub(crate) mod sweep;
pub(crate) mod values;
pub(crate) mod watch;
pub(crate) mod workload;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, about, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put one load on a server and report what it did
    #[command(long_about = RUN_ABOUT)]
    Run(Box<RunArgs>),
    /// Hold a rate for hours and say whether the server stays what it was
    #[command(mut_args(refused::without(&refused::BY_SOAK)))]
    Soak(Box<soak::SoakArgs>),
    /// Put more on a server than it bears, and say how it fails and comes back
    #[command(mut_args(refused::without(&refused::BY_STRESS)))]
    Stress(Box<stress::StressArgs>),
    /// Start a server again and again, and say how late and how slow it is at first
    #[command(mut_args(refused::without(&refused::BY_COLDSTART)))]
    Coldstart(Box<coldstart::ColdStartArgs>),
    /// Find the highest load that keeps all objectives, and certify it
    #[command(mut_args(refused::without(&refused::BY_CAPACITY)))]
    Capacity(Box<capacity::CapacityArgs>),
    /// Turn certificates into a fleet: replicas with named headroom, cost, manifests
    Plan(Box<plan::PlanArgs>),
    /// Serve the simulated model server on a port, until Ctrl+C
    Sim(SimArgs),
    /// Fit the simulated server to a real one, from the results of runs
    Calibrate(calibrate::CalibrateArgs),
    /// Say whether two runs differ, or where a history of runs changed
    Compare(compare::CompareArgs),
    /// Make another report of stored results: a page, Markdown, CSV, JSON, a picture
    Report(report::ReportArgs),
    /// Repeat a run for every combination of some settings
    #[command(mut_args(refused::without(&refused::BY_SWEEP)))]
    Sweep(Box<sweep::SweepArgs>),
    /// Start Grafana, Prometheus and TimescaleDB with dashboards for watching runs
    Stack(stack::StackArgs),
    /// Check this host and this build
    Selftest(selftest::SelftestArgs),
}

/// `plimsoll run`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true, // so that `--qps -1` is refused as a rate, not as an unknown flag
    about = "Put one load on a server and report what it did",
    after_help = "`plimsoll run --help` explains everything, with examples.",
    after_long_help = RUN_EXAMPLES
)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) target: request::TargetArgs,
    #[command(flatten)]
    pub(crate) load: load::LoadArgs,
    #[command(flatten)]
    pub(crate) phases: load::PhaseArgs,
    #[command(flatten)]
    pub(crate) objectives: objectives::ObjectiveArgs,
    #[command(flatten)]
    pub(crate) watch: watch::WatchArgs,
    #[command(flatten)]
    pub(crate) workload: workload::WorkloadArgs,
    #[command(flatten)]
    pub(crate) images: images::ImageArgs,
    #[command(flatten)]
    pub(crate) api: request::ApiArgs,
    #[command(flatten)]
    pub(crate) payload: payload::PayloadArgs,
    #[command(flatten)]
    pub(crate) family: family::FamilyArgs,
    #[command(flatten)]
    pub(crate) http: http::HttpArgs,
    #[command(flatten)]
    pub(crate) output: output::OutputArgs,
    #[command(flatten)]
    pub(crate) feeds: feeds::FeedArgs,
    #[command(flatten)]
    pub(crate) postgres: postgres::PostgresArgs,
    #[command(flatten)]
    pub(crate) page: page::PageArgs,
    #[command(flatten)]
    pub(crate) transport: request::TransportArgs,
    #[command(flatten)]
    pub(crate) process: output::ProcessArgs,
    #[command(flatten)]
    pub(crate) compat: output::CompatArgs,
}

const RUN_ABOUT: &str = "\
Puts one load on a server and reports what it did, and whether the figures can be believed.

Without --qps, --stages or --trace the loop is closed: -u users each wait for their answer before they ask again. \
With one of them the loop is open: requests start on a schedule, whatever the server does.";

const RUN_EXAMPLES: &str = "\
Examples:
  Try it without a server: 8 users for 10 seconds against the simulated one
    plimsoll run 'sim://?ttft=50ms&itl=10ms' -u 8 -r 8 -t 10s
  The same with a simulated Llama 3 8B on an H100, and arrivals at random
    plimsoll run -H sim://llama-3-8b-h100 --qps 20 --qps-distribution exponential -t 60s
  Hold 8 requests in flight at a local server until Ctrl+C
    plimsoll run -u 8 -r 2 -p 512 -o 128
  One request every 2 seconds for a minute, one row added to results.csv
    plimsoll run -t 1min -p 512 -o 128 --qps 0.5 --summary-file results.csv
  A hosted model, key from the environment (API_KEY)
    plimsoll run -u 1 -H https://host/inference -m org/model -p 128 -o 200
  Poisson arrivals that climb to 20/s, stay and fall, at most 200 in flight
    plimsoll run -H http://host:8000 --stages 1m:20,5m:20,1m:0 --arrival poisson -u 200
  The arrivals of a recorded trace, twice as fast
    plimsoll run -H http://host:8000 --trace trace.csv --trace-speed 2
  Triton, random tensors of 8 items each, in the shapes that its model names
    plimsoll run -H http://host:8000 --provider triton -m resnet --batch-size 8 -u 16 -r 16 -t 30s
  An image to TorchServe, as a file
    plimsoll run -H http://host:8080 --provider torchserve -m densenet --input-data cat.jpg -u 4 -t 30s
  Synthetic images of about 200 kB, as a field of a form
    plimsoll run -H http://host --path /classify --image-bytes 200kB --image-bytes-distribution normal \
      --multipart-field image -u 8 -t 1m
  Any REST API, with variables from a file, and what an answer must have
    plimsoll run -H http://host --path '/items/{{id}}' --vars items.csv --expect-json '$.ok == true' -t 30s
  Fail a pipeline (exit code 99) where 1 % of the answers begin later than half a second
    plimsoll run -H http://host:8000 --qps 20 -t 5min --slo 'ttft.p99<500ms' --abort-on 'error_rate>5% over 10s'
  Watch it in Prometheus, which scrapes 127.0.0.1:9464
    plimsoll run -H http://host:8000 --qps 20 -t 5min --metrics-addr 9464 --metrics-linger 15s
  See what would be used, and where each value comes from
    plimsoll run --config locust.conf -u 4 --print-config

Values: durations are 30, 30s, 500ms, 5m, 5min or 1h30m (a bare number is seconds); rates are 50, 0.5, 50/s or 3000/m.

Layers, later ones win: defaults, ./plimsoll.toml, --config FILE, the environment, flags. File keys are long option \
names. Every option can be set in the environment as PLIMSOLL_<LONG_NAME>; Locust's own also as LOCUST_<LONG_NAME>; \
and MODEL, API_KEY, PROMPT_TOKENS, MAX_TOKENS, MAX_TOKENS_CAP, MAX_TOKENS_DISTRIBUTION, MAX_TOKENS_RANGE, TOP_K, \
TEMPERATURE, TOKENIZER, DATASET and PROMPT_CACHE_MAX_LEN as the load test reads them; PGHOST, PGPORT, PGUSER, \
PGPASSWORD, PGDATABASE, PGSSLMODE and PGSSLROOTCERT as PostgreSQL's own clients do.

Exit codes: 0 passed; 1 the run failed; 2 bad usage or configuration; 3 INVALID measurement; 99 an objective was \
missed; 130 interrupted twice.";

/// `plimsoll sim`.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// Which server, as in a sim:// target: 'llama-3-8b-h100?max_num_seqs=64', 'resnet50-t4', 'ttft=50ms&itl=10ms'
    #[arg(value_name = "PRESET?OPTIONS", default_value = "")]
    pub(crate) options: String,
    /// Print the presets, and what each is made of
    #[arg(long)]
    pub(crate) list: bool,
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub(crate) port: u16,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: std::net::IpAddr,
}

/// Rewrites what other tools' users type and clap cannot express: `-pcml`, a long option with a single dash.
pub(crate) fn normalise_argv(argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    const SHORT: &str = "-pcml";
    const LONG: &str = "--prompt-cache-max-len";
    argv.into_iter()
        .map(|arg| match arg.to_str().and_then(|text| text.strip_prefix(SHORT)) {
            Some("") => LONG.into(),
            Some(rest) if rest.starts_with('=') => format!("{LONG}{rest}").into(),
            _ => arg,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn pcml_is_a_long_option() {
        let typed = ["-pcml", "100", "-pcml=7", "-p", "5"].map(OsString::from);
        assert_eq!(
            normalise_argv(typed),
            ["--prompt-cache-max-len", "100", "--prompt-cache-max-len=7", "-p", "5"].map(OsString::from)
        );
    }

    #[test]
    fn help_of_run() {
        let mut command = Cli::command().term_width(100); // whatever terminal the test runs in
        command.build();
        let run = command.find_subcommand_mut("run").unwrap();
        insta::assert_snapshot!(run.render_long_help().to_string());
    }
}
