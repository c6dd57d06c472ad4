//! The one place where layers meet and typed values get their meaning.
//!
//! Order, later wins: defaults < ./plimsoll.toml < --config FILE < environment < command line. Fixed defaults stand in
//! the table of options (`args`), so that the help text shows them; those that depend on something are set here. What a
//! command presets of the options of `run` lies below all layers but the defaults, or above them all.

mod api;
mod compat;
mod family;
mod feeds;
mod groups;
mod http;
mod images;
pub(crate) mod load;
mod page;
mod payload;
mod postgres;
mod proxy;
mod simulated;
mod target;
mod watch;
mod workload;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches};
use plimsoll_core::load::LoadModel;
use plimsoll_core::seed::Seed;
use plimsoll_core::slo::{Observable, Slos};
use plimsoll_core::spec::{
    Api, Corpus, Interface, Objectives, Phases, PromptSource, Provider, RunSpec, SPEC_FORMAT, Target,
    TransportSpec, WorkloadSpec,
};
use tracing::level_filters::LevelFilter;

use crate::args::RunArgs;
use crate::args::objectives::ObjectiveArgs;
use crate::args::values::{ColorName, HttpName, ViewName};
use crate::config::table::Table;
use crate::config::{self, Layer, Presets};
use crate::exit::{UsageError, refuse};

pub(crate) use api::ApiDraft;
pub(crate) use feeds::{FeedPlan, Receiver};
pub(crate) use http::HttpDraft;
pub(crate) use load::TraceInput;
pub(crate) use page::Pages;
pub(crate) use payload::PayloadDraft;
pub(crate) use postgres::PostgresOutput;
pub(crate) use target::TargetDraft;
pub(crate) use target::TargetKind;
pub(crate) use watch::{ProfileDraft, Profiler, WatchDraft};

/// The file of settings that is read if it is there.
const OWN_FILE: &str = "plimsoll.toml";

/// What resolving takes from the process, so that it reads neither clock nor environment itself.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Environment variables.
    pub(crate) env: BTreeMap<String, String>,
    /// The current directory.
    pub(crate) folder: PathBuf,
    /// The options that the command has.
    pub(crate) options: fn() -> Table,
    /// What the command sets.
    pub(crate) presets: Presets,
    /// Used when no seed is given.
    pub(crate) fresh_seed: u64,
    /// Cores that this process may use.
    pub(crate) cores: u16,
}

/// A run as asked for, complete but for what only the server knows.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The run, waiting for provider and model.
    pub(crate) draft: Draft,
    /// What is shown and kept.
    pub(crate) outputs: Outputs,
    /// What is watched of the server.
    pub(crate) watch: WatchDraft,
    /// A trace to read into the schedule before the run.
    pub(crate) trace: Option<TraceInput>,
    /// Force the texts of this corpus as answers (`--forced-generation-from-dataset`).
    pub(crate) forced_from: Option<Corpus>,
    /// What the user should know before the run, one line each.
    pub(crate) warnings: Vec<String>,
    /// The answer to `--print-config`, if it was asked for.
    pub(crate) printed_config: Option<String>,
}

/// A [`RunSpec`] without what the server may have to tell.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) target: TargetDraft,
    pub(crate) api: ApiDraft,
    payload: PayloadDraft,
    http: HttpDraft,
    name: String,
    seed: Seed,
    threads: u16,
    load: LoadModel,
    workload: WorkloadSpec,
    phases: Phases,
    transport: TransportSpec,
    max_fail_ratio: f64,
    strict_length: bool,
    spin: bool,
    record_chunks: bool,
    objectives: Objectives,
}

impl Resolved {
    /// Refuses a profiler for a command that makes many trials: which of them would it be about?
    ///
    /// # Errors
    /// One was asked for.
    pub(crate) fn refuse_profiler(&self, command: &str) -> Result<(), UsageError> {
        if self.watch.profile.is_some() {
            refuse!(
                "a profiler is for one load, and `{command}` puts many on the server: profile the one that you want to know \
                 with `plimsoll run`"
            );
        }
        Ok(())
    }
}

/// What the server told about itself.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its URL: the draft's, or that of the simulated server once it listens.
    pub(crate) url: String,
    pub(crate) provider: Provider,
    pub(crate) model: String,
}

impl Draft {
    /// The seed of every random choice.
    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// The load, for the trace that is read into it.
    pub(crate) fn load_mut(&mut self) -> &mut LoadModel {
        &mut self.load
    }

    /// The name of the run.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Connections and time limits.
    pub(crate) fn transport(&self) -> &TransportSpec {
        &self.transport
    }

    /// Completes the run.
    ///
    /// # Errors
    /// Something was asked for that this provider does not have.
    pub(crate) fn with_server(mut self, server: Server) -> Result<RunSpec, UsageError> {
        let api = self.api.for_provider(server.provider, &self.workload)?;
        check_objectives(&self.objectives, &api)?;
        let mut workload = self.workload;
        if api.interface.takes_payloads() {
            workload.image_bytes = None; // they are the payloads
        }
        if let Some(payloads) = self.payload.for_interface(server.provider, api.interface)? {
            workload.prompts = PromptSource::Payloads(payloads);
        }
        let target = &mut self.target;
        if let Some(requests) =
            self.http.for_interface((server.provider, api.interface), &workload.prompts, target)?
        {
            workload.prompts = PromptSource::Http(requests);
        }
        Ok(RunSpec {
            format: SPEC_FORMAT,
            name: self.name,
            seed: self.seed,
            threads: self.threads,
            target: Target {
                url: server.url,
                provider: server.provider,
                model: server.model,
                headers: self.target.headers,
                api_key: self.target.api_key,
                endpoint: self.target.endpoint,
            },
            api,
            load: self.load,
            workload,
            phases: self.phases,
            transport: self.transport,
            max_fail_ratio: self.max_fail_ratio,
            strict_length: self.strict_length,
            spin: self.spin,
            record_chunks: self.record_chunks,
            objectives: self.objectives,
        })
    }
}

/// What is shown and kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outputs {
    /// Folder in which each run gets its own.
    pub(crate) out: PathBuf,
    /// Print summary.json to stdout in place of the tables.
    pub(crate) json: bool,
    /// Append a row to this file.
    pub(crate) summary_file: Option<PathBuf>,
    /// Beginning of the names of Locust's four files.
    pub(crate) csv: Option<String>,
    pub(crate) show_request: bool,
    pub(crate) show_response: bool,
    /// The database to feed.
    pub(crate) postgres: Option<PostgresOutput>,
    /// What is shown while running.
    pub(crate) view: ViewName,
    pub(crate) color: ColorName,
    pub(crate) loglevel: LevelFilter,
    pub(crate) logfile: Option<PathBuf>,
    /// Exit code in place of 1 when requests failed.
    pub(crate) exit_code_on_error: u8,
    /// Other systems that are fed meanwhile.
    pub(crate) feeds: FeedPlan,
    /// Whether chat and streaming are defaults that the opening line should explain.
    pub(crate) api_by_default: bool,
    /// The report as a page.
    pub(crate) pages: Pages,
    /// Every effective value and where it comes from, stored beside the results; without secrets.
    pub(crate) settings: String,
}

/// A value that resolving gave an option that nobody set: option, value, why.
type Derived = (&'static str, String, &'static str);

/// Gives meaning to a command line.
///
/// # Errors
/// Something cannot be used as typed or configured; nothing has been sent.
pub(crate) fn resolve(
    matches: &ArgMatches,
    typed: &RunArgs,
    context: &Context,
) -> Result<Resolved, UsageError> {
    let table = (context.options)();
    if let (Some(target), Some(host)) = (&typed.target.target, &typed.target.host) {
        let (target, host) = (target::without_credentials(target), target::without_credentials(host));
        refuse!("two targets were given, `{target}` and -H `{host}`: give one");
    }
    let (merged, mut warnings) = layers(matches, typed, context, &table)?;
    let mut args: RunArgs = config::parse(&merged, &table)?;
    let given = |long: &str| merged.contains_key(long);

    compat::answer(&args.compat, &mut warnings)?;
    let name = run_name(&args.output.name)?;
    let postgres = postgres::resolve(&args.postgres, &merged, (&name, &context.env), &mut warnings)?;
    let mut derived: Vec<Derived> = Vec::new();
    let own_requests = http::asked_by(&given);
    let target = target::resolve(&args, context, own_requests, &mut warnings, &mut derived)?;
    let (load, trace) = load::resolve(&args, &given, &mut derived)?;
    if let Some(tokens) = args.family.tokens_per_document {
        args.workload.prompt_tokens = tokens.get();
    }
    let (workload, forced_from) = workload::resolve(&args, context, &given, &mut warnings)?;
    let mut api = api::resolve(&args, context, &given, &mut warnings)?;
    let payload = payload::resolve(&args, context, &given)?;
    let http = http::resolve(&args, context, &given)?;
    if http.streams() {
        api.stream = Some(true);
    }
    if target.provider == Some(Provider::Http) {
        warnings.extend(http.warning());
    }
    if target.provider.is_some_and(Provider::speaks_grpc) && args.transport.http == HttpName::One {
        refuse!(
            "gRPC is spoken over HTTP/2: leave out --http 1.1, or name another --provider, such as triton"
        );
    }
    let objectives = objectives(&args.objectives)?;
    if let Some(provider) = target.provider {
        let known = api.clone().for_provider(provider, &workload)?;
        payload.for_interface(provider, known.interface)?;
        check_objectives(&objectives, &known)?;
        http.for_interface((provider, known.interface), &workload.prompts, &mut target.clone())?;
        derived.push(("api", known.interface.name().to_owned(), "default of the provider"));
        derived.push(("stream", known.stream.to_string(), "default of the provider"));
    } else {
        let interface = api.interface.unwrap_or(Interface::Chat);
        derived.push(("api", interface.name().to_owned(), "default, where the provider has it"));
        derived.push((
            "stream",
            api.stream.unwrap_or(interface.streams()).to_string(),
            "default, where the provider has it",
        ));
    }
    let seed = args.process.seed.unwrap_or(context.fresh_seed);
    derived.push(("seed", seed.to_string(), "new for this run"));
    let phases = phases(&args);
    let feeds = feeds::resolve(&args.feeds, &given)?;
    if matches!(target.kind, TargetKind::InProcess(_)) {
        simulated::check(&args, &load, &phases, &feeds)?;
    }
    let watch = watch::resolve(&args.watch, &target.kind)?;
    let threads = args
        .process
        .threads
        .map_or_else(|| threads(&load, &target.kind, context.cores), std::num::NonZeroU16::get);
    derived.push((
        "threads",
        threads.to_string(),
        "one per core, no more than users; a core left for sim://",
    ));

    let settings = config::print::render(&merged, &derived, &table);
    let printed_config = args.output.print_config.then(|| settings.clone());
    let pages = page::resolve(&args.page, &context.folder)?;
    let draft = Draft {
        name,
        seed: Seed(seed),
        threads,
        load,
        phases,
        transport: target::transport(&args.transport)?,
        max_fail_ratio: args.phases.max_fail_ratio,
        strict_length: args.workload.strict_length,
        spin: args.process.spin,
        record_chunks: args.output.record_chunks,
        objectives,
        target,
        api,
        payload,
        http,
        workload,
    };
    let outputs = Outputs { postgres, pages, settings, ..outputs(args, feeds, &given) };
    Ok(Resolved { draft, outputs, watch, trace, forced_from, warnings, printed_config })
}

/// The options that a command has beside those of `run`, from all layers.
///
/// # Errors
/// Something cannot be used as typed or configured.
pub(crate) fn own<A: FromArgMatches>(
    matches: &ArgMatches,
    typed: &RunArgs,
    context: &Context,
) -> Result<A, UsageError> {
    let table = (context.options)();
    let (merged, _) = layers(matches, typed, context, &table)?; // what is to be said is said with those of `run`
    config::parse(&merged, &table)
}

/// Reads the layers and puts them on top of each other.
fn layers(
    matches: &ArgMatches,
    typed: &RunArgs,
    context: &Context,
    table: &Table,
) -> Result<(Layer, Vec<String>), UsageError> {
    let flags = config::from_flags(matches, table);
    let (environment, warnings) = config::from_environment(&context.env, table)?;
    let own = in_folder(&context.folder, Path::new(OWN_FILE));
    let own = if own.is_file() { config::file::read(&own, table)? } else { Layer::new() };
    let named = typed.process.config.clone().or_else(|| {
        let setting = environment.get("config")?;
        setting.values.first().map(PathBuf::from)
    });
    let file = match named {
        Some(path) => config::file::read(&in_folder(&context.folder, &path), table)?,
        None => Layer::new(),
    };
    let Presets { below, above } = context.presets.clone();
    Ok((config::merge([below, own, file, environment, flags, above]), warnings))
}

/// A path as the user means it: from the current directory.
fn in_folder(folder: &Path, path: &Path) -> PathBuf {
    // Error texts name the path as it was written where that suffices.
    if folder.as_os_str() == "." || path.is_absolute() { path.to_owned() } else { folder.join(path) }
}

/// One I/O thread per core, but no more than there can be requests in flight.
fn threads(load: &LoadModel, target: &TargetKind, cores: u16) -> u16 {
    let cores = match target {
        TargetKind::Http => cores,
        // The embedded server needs a core of its own, or client and server would measure each other.
        TargetKind::Sim(_) => cores.saturating_sub(1),
        // Simulated time is that of one thread.
        TargetKind::InProcess(_) => 1,
    };
    let most = match load {
        LoadModel::Closed(closed) => closed.users.get(),
        LoadModel::Open(open) => open.cap.map_or(u32::MAX, |cap| cap.max.get()),
    };
    cores.min(u16::try_from(most).unwrap_or(u16::MAX)).max(1)
}

fn phases(args: &RunArgs) -> Phases {
    Phases {
        warmup: args.phases.warmup,
        measure: args.phases.run_time,
        max_requests: args.phases.max_requests.map(std::num::NonZeroU64::get),
        drain_timeout: args.phases.drain_timeout,
    }
}

/// What is wanted of the server.
fn objectives(args: &ObjectiveArgs) -> Result<Objectives, UsageError> {
    let slos = Slos::new(args.slo.clone(), args.slo_confidence)
        .map_err(|error| UsageError(format!("--slo: {error}")))?;
    Ok(Objectives { slos, abort_on: args.abort_on.clone() })
}

/// Refuses objectives about what the requests do not have, before any is sent.
fn check_objectives(objectives: &Objectives, api: &Api) -> Result<(), UsageError> {
    objectives.check(Observable::of(api)).map_err(|error| UsageError(error.to_string()))
}

/// The name becomes part of a folder's name.
fn run_name(name: &str) -> Result<String, UsageError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(plain) {
        refuse!(
            "--name `{name}` cannot be part of a folder's name: use up to 100 letters, digits, -, _ and ."
        );
    }
    Ok(name.to_owned())
}

fn outputs(args: RunArgs, feeds: FeedPlan, given: &dyn Fn(&str) -> bool) -> Outputs {
    Outputs {
        out: args.output.out,
        json: args.output.json,
        summary_file: args.output.summary_file,
        csv: args.output.csv,
        postgres: None,
        show_request: args.output.show_request,
        show_response: args.output.show_response,
        view: if args.output.no_progress { ViewName::Off } else { args.output.view },
        color: args.output.color,
        loglevel: args.output.loglevel,
        logfile: args.output.logfile,
        exit_code_on_error: args.process.exit_code_on_error,
        feeds,
        api_by_default: !given("api") && !given("chat") && !given("stream"),
        pages: Pages::default(),
        settings: String::new(),
    }
}

#[cfg(test)]
mod garbage_tests;
#[cfg(test)]
mod tests;
