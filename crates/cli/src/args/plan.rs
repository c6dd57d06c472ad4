//! Options of `plimsoll plan`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use plimsoll_core::time::{Rate, RateError, parse_duration};
use plimsoll_plan::headroom::{Portion, Split};
use plimsoll_plan::manifest::{Engine, Service};
use plimsoll_plan::money::FitQuestion;

use super::page::PageArgs;
use super::plan_lint::LintArgs;
use super::values::{self, ColorName, not_negative, positive, positive_duration};

/// `plimsoll plan`.
#[derive(Debug, Args)]
#[command(
    about = "Turn certificates into a fleet: replicas with named headroom, cost, manifests",
    long_about = PLAN_ABOUT,
    after_help = "`plimsoll plan --help` explains everything, with examples.",
    after_long_help = PLAN_EXAMPLES,
    allow_negative_numbers = true,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct PlanArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PlanCommand>,
    /// Read options from FILE (plan.toml): keys are the long option names below. Flags win over it
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) demand: DemandArgs,
    #[command(flatten)]
    pub(crate) capacity: CapacityInputs,
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(flatten)]
    pub(crate) headroom: HeadroomArgs,
    #[command(flatten)]
    pub(crate) money: MoneyArgs,
    #[command(flatten)]
    pub(crate) manifests: ManifestArgs,
    #[command(flatten)]
    pub(crate) output: PlanOutputArgs,
    /// After `--`: options of `run` that say what is asked of the target of -H
    #[arg(last = true, value_name = "OPTIONS OF RUN")]
    pub(crate) asked: Vec<String>,
}

/// What `plan` does besides planning.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Look for traps in manifests of autoscalers
    #[command(long_about = super::plan_lint::LINT_ABOUT)]
    Lint(LintArgs),
}

/// What the fleet is for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Demand")]
pub(crate) struct DemandArgs {
    /// The peak that the fleet must carry: 500, 500/s, 30000/m
    #[arg(long, value_name = "RATE", value_parser = demand_rate, conflicts_with = "trace")]
    pub(crate) demand: Option<f64>,
    /// A recorded trace (Azure, Mooncake, BurstGPT, Vidur): its busiest minutes are the peak, and its seconds count too
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// So many times the traffic, in each second of a trace
    #[arg(long, value_name = "TIMES", value_parser = positive, default_value = "1")]
    pub(crate) scale: f64,
    /// The column of a trace of unknown layout that holds the time
    #[arg(long, value_name = "NAME")]
    pub(crate) trace_time_column: Option<String>,
    /// What a number in it counts: s, ms, us or ns; dates need none
    #[arg(long, value_name = "UNIT", value_parser = ["s", "ms", "us", "ns", "date"])]
    pub(crate) trace_time_unit: Option<String>,
    /// Growth of the traffic each month: 5%
    #[arg(long, value_name = "SHARE", value_parser = growth, requires = "months")]
    pub(crate) growth: Option<f64>,
    /// For how many months the plan is to hold
    #[arg(long, value_name = "N", value_parser = positive, requires = "growth")]
    pub(crate) months: Option<f64>,
    /// How fast traffic can rise, each minute by this share of the peak: 10%
    #[arg(long, value_name = "SHARE", value_parser = growth)]
    pub(crate) ramp: Option<f64>,
    /// Coefficient of variation of the gaps between arrivals, 1 is Poisson [default: as of the certificate's arrivals; bursts of
    /// a trace are counted in the trace]
    #[arg(long, value_name = "CV", value_parser = not_negative)]
    pub(crate) demand_cv: Option<f64>,
    /// How far off the forecast of the peak may be, as one standard deviation: 10%
    #[arg(long, value_name = "SHARE", value_parser = values::part)]
    pub(crate) forecast_error: Option<f64>,
    /// Tokens of a prompt on average [default: the trace's own]
    #[arg(long, value_name = "N", value_parser = positive, requires = "output_tokens")]
    pub(crate) input_tokens: Option<f64>,
    /// Tokens of an answer on average [default: the trace's own]
    #[arg(long, value_name = "N", value_parser = not_negative, requires = "input_tokens")]
    pub(crate) output_tokens: Option<f64>,
}

/// What one replica carries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Capacity of a replica")]
pub(crate) struct CapacityInputs {
    /// A certificate of `plimsoll capacity`; with several the cheapest type is taken. INSTANCE=FILE says on which instance
    /// type of the price book it was measured
    #[arg(long, value_name = "[INSTANCE=]FILE", conflicts_with_all = ["capacity", "host"])]
    pub(crate) certificate: Vec<Labelled>,
    /// A bare number in place of a certificate: nothing is then known of its error
    #[arg(long, value_name = "RATE", conflicts_with = "host")]
    pub(crate) capacity: Option<Rate>,
    /// The instance type of the price book that --capacity, -H or a certificate without a name is about
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// The model that is planned for: certificates of another are refused
    #[arg(short, long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The tier of a certificate with several sets of objectives
    #[arg(long, value_name = "NAME", conflicts_with = "capacity")]
    pub(crate) tier: Option<String>,
    /// A coldstart.json: how late a new replica comes
    #[arg(long, value_name = "[INSTANCE=]FILE", conflicts_with = "cold_start")]
    pub(crate) coldstart: Vec<Labelled>,
    /// The same as a bare time: 90s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) cold_start: Option<Duration>,
    /// A soak.json: what a replica loses over time
    #[arg(long, value_name = "[INSTANCE=]FILE")]
    pub(crate) soak: Vec<Labelled>,
}

/// How the capacity is measured first, where there is none yet.
#[derive(Debug, Args)]
#[command(next_help_heading = "Measuring first")]
pub(crate) struct MeasureArgs {
    /// Find the capacity of this server first, as `plimsoll capacity` does; sim:// is started here, also to measure its cold
    /// start
    #[arg(short = 'H', long, value_name = "TARGET")]
    pub(crate) host: Option<String>,
    /// What must hold: as for `plimsoll capacity`. Repeatable
    #[arg(long, value_name = "SLO")]
    pub(crate) slo: Vec<String>,
    /// Longest time of the search, in simulated time where time is simulated [default: as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) budget: Option<Duration>,
    /// A command that starts the server, to measure its cold start: as for `plimsoll coldstart`
    #[arg(long, value_name = "COMMAND")]
    pub(crate) start_cmd: Option<String>,
    /// One that stops it
    #[arg(long, value_name = "COMMAND", requires = "start_cmd")]
    pub(crate) stop_cmd: Option<String>,
    /// Starts to measure
    #[arg(long, value_name = "N", value_parser = values::counted::<NonZeroU32>, default_value = "2")]
    pub(crate) starts: NonZeroU32,
}

/// What the fleet must bear.
#[derive(Debug, Args)]
#[command(next_help_heading = "Headroom")]
pub(crate) struct HeadroomArgs {
    /// Replicas that may fail at the same time
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>, default_value = "1")]
    pub(crate) failures: u32,
    /// Zones over which replicas are spread, one of which may be lost
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>)]
    pub(crate) zones: Option<u32>,
    /// How requests are spread over replicas
    #[arg(long, value_enum, value_name = "HOW", default_value = "random")]
    pub(crate) router: RouterName,
    /// Replicas that a rollout takes away at a time: 1, 25%
    #[arg(long, value_name = "N", value_parser = portion, default_value = "0")]
    pub(crate) max_unavailable: Portion,
    /// Replicas that a rollout puts on top
    #[arg(long, value_name = "N", value_parser = portion, default_value = "1")]
    pub(crate) max_surge: Portion,
    /// From the order for a replica to the start of its process: node, pod, image
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
    pub(crate) provisioning: Duration,
    /// From one start of a replica to the next, over which its drift counts [default: a day]
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) restart_every: Option<Duration>,
    /// The share of a trace's minutes whose rate must be carried
    #[arg(long, value_name = "SHARE", value_parser = values::part, default_value = "99%")]
    pub(crate) peak_quantile: f64,
    /// The probability with which the fleet is to suffice
    #[arg(long, value_name = "SHARE", value_parser = values::confidence, default_value = "95%")]
    pub(crate) confidence: plimsoll_core::slo::Confidence,
    /// Seed of the draws and of the simulated fleet
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What it costs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Money")]
pub(crate) struct MoneyArgs {
    /// A price book of yours: docs/PLAN.md has a sample. No price comes from anywhere else
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Whether a model fits the memory of each instance type: llama-3.1-70b@64x4096 is 64 requests of 4096 tokens in flight
    #[arg(long, value_name = "MODEL@NxTOKENS", value_parser = fit_question, requires = "prices")]
    pub(crate) fit: Option<FitQuestion>,
}

/// How the fleet is scaled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Manifests")]
pub(crate) struct ManifestArgs {
    /// The server in each replica, which decides what there is to scale on [default: as the certificate says]
    #[arg(long, value_name = "ENGINE", value_parser = engine())]
    pub(crate) engine: Option<Engine>,
    /// Name of the Deployment, of the autoscaler and of the InferenceService [default: the model's]
    #[arg(long, value_name = "NAME", value_parser = service_name)]
    pub(crate) service: Option<String>,
    /// Namespace
    #[arg(long, value_name = "NAME", value_parser = label, default_value = Service::NAMESPACE)]
    pub(crate) namespace: String,
    /// Where KEDA and KServe find Prometheus
    #[arg(long, value_name = "URL", default_value = Service::PROMETHEUS)]
    pub(crate) prometheus: String,
    /// `modelFormat` of KServe [default: that of the engine's own runtime]
    #[arg(long, value_name = "NAME")]
    pub(crate) model_format: Option<String>,
    /// `storageUri` of KServe [default: hf:// and the model for engines that take it from there, else a placeholder]
    #[arg(long, value_name = "URI")]
    pub(crate) storage_uri: Option<String>,
    /// Cores that a replica uses at its capacity, where CPU is what binds it: writes hpa/hpa-resource.yaml. A watched search
    /// tells it (`process_cpu`, or --watch-pid)
    #[arg(long, value_name = "CORES", value_parser = positive, requires = "cpu_request")]
    pub(crate) cpu_at_capacity: Option<f64>,
    /// Cores that its containers request (`requests.cpu`)
    #[arg(long, value_name = "CORES", value_parser = positive, requires = "cpu_at_capacity")]
    pub(crate) cpu_request: Option<f64>,
    /// Search for better targets and windows than those that follow from the measurement
    #[arg(long)]
    pub(crate) improve: bool,
    /// Prove it with Prometheus out for so long, to the end of the busiest minute: what fallbacks are worth
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) metrics_outage: Option<Duration>,
    /// Write no manifests, and prove none
    #[arg(long)]
    pub(crate) no_manifests: bool,
}

/// What is shown and kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct PlanOutputArgs {
    /// Name of the plan, part of its folder's name
    #[arg(long, value_name = "NAME", default_value = "plan")]
    pub(crate) name: String,
    /// Folder in which each plan gets its own
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Print plan.json to stdout in place of the text
    #[arg(long)]
    pub(crate) json: bool,
    /// When to colour the output
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorName,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// A file that may be about one instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Labelled {
    pub(crate) instance: Option<String>,
    pub(crate) path: PathBuf,
}

impl FromStr for Labelled {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() && !name.contains('/') => {
                Ok(Labelled { instance: Some(name.to_owned()), path: path.into() })
            }
            _ if text.is_empty() => Err("write a file, or INSTANCE=FILE".to_owned()),
            _ => Ok(Labelled { instance: None, path: text.into() }),
        }
    }
}

/// Which replica a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RouterName {
    /// Any, with equal chances: a Kubernetes Service by iptables
    Random,
    /// Each in turn
    RoundRobin,
    /// The one with the fewest in flight
    LeastInFlight,
}

impl From<RouterName> for Split {
    fn from(name: RouterName) -> Split {
        match name {
            RouterName::Random => Split::Random,
            RouterName::RoundRobin => Split::RoundRobin,
            RouterName::LeastInFlight => Split::LeastInFlight,
        }
    }
}

/// Reads the name of an engine; clap suggests the nearest for an unknown one.
fn engine() -> impl TypedValueParser<Value = Engine> {
    PossibleValuesParser::new(Engine::ALL.map(Engine::name))
        .try_map(|name| Engine::ALL.into_iter().find(|engine| engine.name() == name).ok_or("unknown engine"))
}

/// The greatest demand that is planned for, requests per second.
const DEMAND_MAX: f64 = 1e9;

/// Reads a demand: as any rate, but a whole fleet's may be more than one client can send.
fn demand_rate(text: &str) -> Result<f64, String> {
    match text.parse::<Rate>() {
        Ok(rate) => Ok(rate.per_second()),
        Err(RateError::OutOfRange(rate)) if (Rate::MAX..=DEMAND_MAX).contains(&rate) => Ok(rate),
        Err(RateError::OutOfRange(rate)) => Err(format!(
            "a demand of {rate}/s is out of range: give one from {}/s to {DEMAND_MAX}/s",
            Rate::MIN
        )),
        Err(other) => Err(other.to_string()),
    }
}

/// Reads a name as Kubernetes takes it for a namespace.
fn label(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match text.len() {
        1..=63 if text.chars().all(known) && !text.starts_with('-') && !text.ends_with('-') => {
            Ok(text.to_owned())
        }
        _ => {
            Err("Kubernetes takes lower-case letters, digits and `-` in between, 63 at most: my-model"
                .to_owned())
        }
    }
}

/// Reads a name as Kubernetes takes it for a Service: it begins with a letter.
fn service_name(text: &str) -> Result<String, String> {
    let name = label(text)?;
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => Err("names of services begin with a letter".to_owned()),
        false => Ok(name),
    }
}

/// Reads a growth: `5%`, `0.05`, `150%`.
fn growth(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    match number.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..=10.0).contains(&(value / scale)) => Ok(value / scale),
        _ => Err("write a share such as 5% or 0.05".to_owned()),
    }
}

/// Reads a number of replicas or a share of them.
fn portion(text: &str) -> Result<Portion, String> {
    match text.strip_suffix('%') {
        Some(number) => match number.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Portion::Share(percent / 100.0)),
            _ => Err("write a number of replicas, or a share such as 25%".to_owned()),
        },
        None => values::whole(text)
            .map(Portion::Count)
            .map_err(|_| "write a number of replicas, or a share such as 25%".to_owned()),
    }
}

/// Reads `llama-3.1-70b@64x4096`.
fn fit_question(text: &str) -> Result<FitQuestion, String> {
    let parts = text.split_once('@').and_then(|(model, load)| Some((model, load.split_once('x')?)));
    let numbers = parts.and_then(|(model, (in_flight, tokens))| {
        Some((model, in_flight.parse().ok().filter(|n| *n > 0)?, tokens.parse().ok().filter(|n| *n > 0)?))
    });
    let (model, in_flight, tokens) = numbers
        .ok_or("write a model, @, the requests in flight, x and their tokens: llama-3.1-70b@64x4096")?;
    Ok(FitQuestion { model: model.to_owned(), in_flight, tokens })
}

const PLAN_ABOUT: &str = "\
Says how many replicas a demand takes and why, how sure that is, and what it costs.

A capacity comes from a certificate of `plimsoll capacity`, from a search that is made first (-H), or is a bare number. What \
always holds makes each replica carry less: growth, the interval of the measurement, drift, bursts. What may happen takes \
replicas away, one thing at a time: a wrong forecast, a ramp while a replica starts, failures, the loss of a zone, a rollout; \
the worst of them decides. Each is a line with its formula and its numbers, and says so where it rests on nothing. \
Queueing theory and a simulated fleet answer beside it.

The plan is kept as plan.json and report.html, with manifests of autoscalers whose laws were played over the traffic first. docs/PLAN.md has every formula with its source.";

const PLAN_EXAMPLES: &str = "\
Examples:
  500 requests per second at 65 per replica: 8, and why it should be more
    plimsoll plan --demand 500 --capacity 65
  From a certificate, three zones, and what it costs
    plimsoll plan --demand 500 --certificate runs/…-capacity/certificate.json --zones 3 --prices prices.toml --instance g6.xlarge
  Two instance types: the cheaper one is taken, and where the other would be
    plimsoll plan --demand 500 --certificate g6.xlarge=a/certificate.json --certificate p5.4xlarge=b/certificate.json --prices prices.toml
  A trace, ten times over, with a measured cold start: replicas over time
    plimsoll plan --trace azure.csv --scale 10 --certificate certificate.json --coldstart coldstart.json
  All in one: capacity and cold start of a simulated server, and the plan
    plimsoll plan -H 'sim://llama-3-8b-h100?time=virtual' --slo 'ttft.p99<500ms' --demand 200 -- -p 512 -o 128
  From a file whose keys are these options
    plimsoll plan plan.toml

Exit codes: 0 planned; 1 a measurement failed; 2 bad usage, or a certificate that no plan can rest on; 130 interrupted.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_refused() {
        let labelled = |text: &str| text.parse::<Labelled>();
        assert_eq!(labelled("g6=a/b.json").unwrap().instance.as_deref(), Some("g6"));
        assert_eq!(labelled("runs/a=b/c.json").unwrap().instance, None, "a path with an equals sign");
        assert!(labelled("").is_err());
        assert_eq!((growth("5%"), growth("0.5"), growth("150%")), (Ok(0.05), Ok(0.5), Ok(1.5)));
        assert!(growth("-1%").is_err() && growth("x").is_err());
        assert_eq!((portion("25%"), portion("2")), (Ok(Portion::Share(0.25)), Ok(Portion::Count(2))));
        assert!(portion("120%").is_err() && portion("-1").is_err());
        let fit = fit_question("llama-3.1-70b@64x4096").unwrap();
        assert_eq!((fit.model.as_str(), fit.in_flight, fit.tokens), ("llama-3.1-70b", 64, 4096));
        assert_eq!((demand_rate("30000/m"), demand_rate("2500000")), (Ok(500.0), Ok(2.5e6)));
        assert!(demand_rate("0").is_err() && demand_rate("2e9").is_err() && demand_rate("x").is_err());
        for name in ["Bad Name", "", "-a", "a-", "a_b", "a.b"] {
            assert!(label(name).is_err(), "{name}");
        }
        assert!(label("7b").is_ok() && service_name("7b").is_err() && service_name("llama-3").is_ok());
        assert!(fit_question("llama").is_err() && fit_question("llama@0x10").is_err());
    }
}
