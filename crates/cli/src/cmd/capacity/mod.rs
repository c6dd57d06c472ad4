//! `plimsoll capacity`: the highest load that keeps all objectives, found by trials and certified.

mod asked;
mod beginning;
mod bench;
mod burst;
mod judge;
mod objectives;
mod resume;
mod stored;
mod telling;
mod waiting;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;
use plimsoll_core::certificate::{CERTIFICATE_SCHEMA, Certificate, Headroom, Method, Traffic};
use plimsoll_core::knee::{KneePoint, Knees};
use plimsoll_core::search::{
    Capacity, Doom, RateLimit, Search, Settings, Slowdown, Step, TierCapacity, TrialOutcome, Variable,
    WarmUpFound,
};
use plimsoll_core::time::{Offset, Rate};
use plimsoll_drive::clock::Clock;

use self::bench::{Bench, Made};
use self::objectives::Objectives;
use self::stored::{Beginning, Stored};
use crate::args::capacity::{CapacityArgs, Searched};
use crate::exit::{Exit, UsageError, refuse};
use crate::report::style::Style;
use crate::report::{capacity as report, emit};
use crate::resolve::Outputs;
use crate::session::{Blueprint, CommandFolder, Interrupted, Presets, Session, own_options, pages, settings};

/// The largest share of a passing load's seconds that may belong to trials which fail on their own.
const EXCEED_RATIO: f64 = 0.2;
/// The relative overload that must be seen: a server 7 % over its saturation looks well for a long time.
const OVERLOAD: f64 = 0.07;
/// Seconds of a trial, at least.
const TRIAL_MIN: f64 = 5.0;
/// The longest time of a trial, unless the user says another.
const TRIAL_MAX: &str = "5m";

/// Runs the command.
///
/// # Errors
/// Bad usage, or a failure of this host or of the way to the server.
pub(crate) fn run(matches: &ArgMatches, typed: CapacityArgs) -> anyhow::Result<ExitCode> {
    let search = own_options(matches, "capacity", &typed.run)?;
    let args = CapacityArgs { search, ..typed };
    let Some(certified) = certify(matches, &args)? else { return Ok(Exit::Passed.into()) };
    let Certified { certificate, path, outputs, interrupted } = certified;
    let text = match outputs.json {
        true => format!("{}\n", serde_json::to_string_pretty(&certificate)?),
        false => report::text(&certificate, &path, Style::of_stdout(outputs.color)),
    };
    emit::result(&text)?;
    Ok(exit_code(&certificate, interrupted))
}

/// What a search came to.
pub(crate) struct Certified {
    pub(crate) certificate: Certificate,
    /// Where it lies.
    pub(crate) path: PathBuf,
    pub(crate) interrupted: Interrupted,
    outputs: Outputs,
}

/// Searches, and keeps the certificate. Nothing comes back where only the configuration was to be printed.
///
/// # Errors
/// As for [`run`].
pub(crate) fn certify(matches: &ArgMatches, args: &CapacityArgs) -> anyhow::Result<Option<Certified>> {
    refuse_loads(args)?;
    let watch = Clock::start();
    let stored = args.search.resume.as_ref().map(|folder| Stored::read(folder)).transpose()?;
    let presets = presets(args.search.search, stored.as_ref());
    let Some(resolved) = settings(matches, "capacity", &args.run, presets)? else { return Ok(None) };
    resolved.refuse_profiler("capacity")?;
    let (session, blueprint) = Session::open(resolved)?;
    let objectives = Objectives::of(args, &blueprint.spec)?;
    objectives.announce();
    let folder = match &args.search.resume {
        Some(path) => CommandFolder::open(path.clone()),
        None => blueprint.new_folder()?,
    };
    let mut bench = Bench::new(session, &blueprint, folder, &objectives.tiers);
    let asked = asked::asked(&args.search, &blueprint, &bench, &objectives);
    let (beginning, outcomes) = match stored {
        Some(stored) => bench.go_on(stored, &asked)?,
        None => (Beginning::measure(&mut bench, asked, args.search.budget)?, Vec::new()),
    };
    let mut settings = search_settings(args, &bench, &beginning, &objectives);
    if !bench.header()?.simulated {
        let before = watch.now().since(Offset::ZERO).as_secs_f64();
        settings.budget = settings.budget.map(|budget| budget - before);
    }
    let budget = settings.budget;
    if args.search.burst_check.is_some() {
        settings.budget = budget.map(|budget| (1.0 - burst::SHARE) * budget);
    }
    let mut search = Search::new(settings.clone()).map_err(|error| UsageError(error.to_string()))?;
    outcomes.into_iter().for_each(|outcome| search.observe(outcome));
    let found = conduct(&mut search, &mut bench)?;
    // Before the arrivals become burstier.
    let traffic = Traffic { arrivals: bench.arrivals(), cv: bench.cv(), workload: bench.workload() };
    let bursty = match args.search.burst_check {
        Some(cv) if found.is_done() => burst::check(cv, &settings, budget, &found, &mut bench)?,
        _ => None,
    };
    let interrupted = bursty.as_ref().map_or(found.interrupted, |bursty| bursty.interrupted);
    let rate_limit = RateLimit::of(search.trials());
    let knees = Knees::of(&knee_points(search.trials(), rate_limit), blueprint.spec.seed);
    let certificate = Certificate {
        schema: CERTIFICATE_SCHEMA.to_owned(),
        run: bench.header()?,
        variable: settings.variable,
        traffic,
        method: method(&settings, &beginning, &objectives, &found.capacity),
        tiers: objectives.texts(),
        warm_up: WarmUpFound::of(beginning.warmup, found.greatest(), search.trials()),
        headroom: args.search.traffic.map_or_else(Vec::new, |today| headroom(&found.capacity, today)),
        capacity: found.capacity,
        doom: found.doom,
        knees,
        slowdown: Slowdown::of(settings.variable, search.trials()),
        rate_limit,
        burst: bursty.map(|bursty| bursty.burst),
        trials: search.trials().to_vec(),
    };
    let path = bench.close(&certificate)?;
    let Blueprint { outputs, .. } = blueprint;
    if let Some(folder) = path.parent() {
        pages::write(folder, &outputs.pages)?;
        if interrupted != Interrupted::No {
            emit::note(&format!(
                "stopped before the search was done: the same command with --resume {} goes on",
                folder.display()
            ));
        }
    }
    Ok(Some(Certified { certificate, path, interrupted, outputs }))
}

/// Where a search ended.
struct Found {
    capacity: Capacity,
    doom: Option<Doom>,
    interrupted: Interrupted,
}

impl Found {
    /// Whether it came to its end with a server that answers.
    fn is_done(&self) -> bool {
        self.interrupted == Interrupted::No && self.doom.is_none()
    }

    /// The greatest load that is certified for any tier.
    fn greatest(&self) -> Option<f64> {
        self.capacity.tiers.iter().filter_map(|tier| tier.low).map(|low| low.load).reduce(f64::max)
    }
}

/// Makes trials until the search is over or the user has had enough.
fn conduct(search: &mut Search, bench: &mut Bench<'_>) -> anyhow::Result<Found> {
    loop {
        let plan = match search.next() {
            Step::Trial(plan) | Step::Confirm(plan) => plan,
            Step::Done(capacity) => return Ok(Found { capacity, doom: None, interrupted: Interrupted::No }),
            Step::Doomed(doom) => {
                let capacity = search.so_far();
                return Ok(Found { capacity, doom: Some(doom), interrupted: Interrupted::No });
            }
        };
        bench.know(search);
        match bench.trial(&plan)? {
            Made::Whole(outcome) => {
                search.observe(*outcome);
                bench.say(search);
            }
            Made::Interrupted(interrupted) => {
                return Ok(Found { capacity: search.so_far(), doom: None, interrupted });
            }
        }
    }
}

/// What the command sets of the options of `run`.
fn presets(searched: Searched, stored: Option<&Stored>) -> Presets {
    let presets = Presets::default().or("run-time", TRIAL_MAX).or("name", "capacity");
    // A search that goes on draws on where it left off: a new seed for each command would make it another one.
    let presets = match stored {
        Some(stored) => presets.or("seed", stored.search.run.seed.to_string()),
        None => presets,
    };
    match searched {
        Searched::Rate => presets.or("qps", "1").or("qps-distribution", "poisson"),
        // As many as the search may need: I/O threads follow from it.
        Searched::Concurrency => presets.or("users", "4096"),
    }
}

/// Options that say how much load there is contradict a search for that.
fn refuse_loads(args: &CapacityArgs) -> Result<(), UsageError> {
    let load = &args.run.load;
    let given = [
        ("--qps", load.qps.is_some()),
        ("--stages", !load.stages.is_empty()),
        ("--trace", load.trace.is_some()),
        ("--burst", load.burst.is_some()),
        ("--ramping-time", load.ramping_time.is_some()),
        ("--max-requests", args.run.phases.max_requests.is_some()),
    ];
    if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
        refuse!(
            "capacity finds the load itself: leave {name} out; --min-rate and --max-rate limit where it looks"
        );
    }
    if args.search.search == Searched::Concurrency && args.search.burst_check.is_some() {
        refuse!("--burst-check is about the arrivals of an open loop: leave it out, or --search rate");
    }
    match (args.search.min_rate, args.search.max_rate) {
        (Some(min), Some(max)) if min >= max => {
            refuse!("--min-rate {min} is not below --max-rate {max}: swap them, or leave one out")
        }
        _ => Ok(()),
    }
}

fn search_settings(
    args: &CapacityArgs,
    bench: &Bench<'_>,
    beginning: &Beginning,
    objectives: &Objectives,
) -> Settings {
    let SearchLimits { start, min, max } = SearchLimits::of(args, beginning);
    Settings {
        variable: variable(args.search.search),
        start,
        min,
        max,
        precision: args.search.precision,
        exceed_ratio: EXCEED_RATIO,
        trial_min: TRIAL_MIN.min(bench.longest()),
        trial_max: bench.longest(),
        budget: args.search.budget.map(|budget| budget.as_secs_f64()),
        guard: beginning.guard(bench.cv(), OVERLOAD),
        tiers: objectives.tiers.clone(),
    }
}

/// Between which loads the search looks, and where it begins.
struct SearchLimits {
    start: f64,
    min: f64,
    max: f64,
}

impl SearchLimits {
    fn of(args: &CapacityArgs, beginning: &Beginning) -> Self {
        let (start, span) = match args.search.search {
            Searched::Rate => {
                let span = [beginning.rate() / 1e3, beginning.rate() * 1e4];
                (beginning.rate(), span.map(|rate| rate.clamp(Rate::MIN, Rate::MAX)))
            }
            Searched::Concurrency => (1.0, [1.0, 4096.0]),
        };
        let max = args.search.max_rate.unwrap_or(span[1].max(10.0 * args.search.min_rate.unwrap_or(0.0)));
        let min = args.search.min_rate.unwrap_or(span[0].min(max / 10.0));
        SearchLimits { start: start.clamp(min, max), min, max }
    }
}

fn variable(searched: Searched) -> Variable {
    match searched {
        Searched::Rate => Variable::Rate,
        Searched::Concurrency => Variable::Concurrency,
    }
}

fn method(
    settings: &Settings,
    beginning: &Beginning,
    objectives: &Objectives,
    capacity: &Capacity,
) -> Method {
    let best = capacity.tiers.iter().filter_map(|tier| tier.low).max_by(|a, b| a.load.total_cmp(&b.load));
    let visible = best.filter(|_| settings.variable == Variable::Rate);
    Method {
        confidence: objectives.confidence(),
        precision: settings.precision,
        exceed_ratio: settings.exceed_ratio,
        warmup: beginning.warmup,
        service_scv: beginning.service_scv,
        visible_overload: visible.map(|low| settings.guard.visible_after(low.seconds, low.load)),
        default_objectives: objectives.by_default,
    }
}

fn headroom(capacity: &Capacity, traffic: f64) -> Vec<Headroom> {
    let of_tier = |tier: &TierCapacity| {
        let headroom = tier.low?.load / traffic - 1.0;
        Some(Headroom { tier: tier.name.clone(), traffic, headroom })
    };
    capacity.tiers.iter().filter_map(of_tier).collect()
}

/// The trials that say where the server has its knee: none where a limit in front of it ends all before that.
fn knee_points(trials: &[TrialOutcome], rate_limit: Option<RateLimit>) -> Vec<KneePoint> {
    let hidden = rate_limit.is_some_and(|limit| limit.hides_the_server());
    trials.iter().filter(|_| !hidden).filter_map(knee_point).collect()
}

fn knee_point(trial: &TrialOutcome) -> Option<KneePoint> {
    let whole = trial.invalid.is_none() && trial.stopped_by.is_none();
    let latency = trial.latency.filter(|_| whole)?;
    Some(KneePoint {
        load: trial.load,
        seconds: trial.seconds,
        throughput: trial.throughput,
        latency,
        concurrency: trial.concurrency,
        steady: !trial.overloaded,
    })
}

/// The exit code that a search deserves.
fn exit_code(certificate: &Certificate, interrupted: Interrupted) -> ExitCode {
    let certified = certificate.capacity.tiers.iter().all(|tier| tier.low.is_some());
    let bursty = certificate.burst.as_ref().and_then(|burst| burst.doom.as_ref());
    let exit = match certificate.doom.as_ref().or(bursty) {
        // Once is enough: this is not the answer that was asked for, whatever is certified.
        _ if interrupted != Interrupted::No => Exit::Interrupted,
        Some(Doom::NotSustainable { .. }) => Exit::ObjectiveMissed,
        Some(Doom::Client { .. }) => Exit::Invalid,
        Some(Doom::ServerGone { .. }) => Exit::Failed,
        None if certified => Exit::Passed,
        None => Exit::Failed,
    };
    exit.into()
}
