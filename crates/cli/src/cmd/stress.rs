//! `plimsoll stress`: more than the server bears, and back, and how it fails.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::ArgMatches;
use plimsoll_core::load::{Arrivals, GapDistribution, LoadModel, OpenLoop, Stage, Times};
use plimsoll_core::search::Variable;
use plimsoll_core::slo::Verdict;
use plimsoll_core::spec::Phases;
use plimsoll_core::stress::{Plan, Seen, StressReport, StressVerdict, Terms, classify};
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Rate;
use plimsoll_drive::recorder::RecordsFile;

use super::compare::certificates;
use crate::args::stress::StressArgs;
use crate::exit::{Exit, UsageError, refuse};
use crate::live::{Story, StressStory, Tell};
use crate::report::style::Style;
use crate::report::{emit, stress};
use crate::session::{Blueprint, Done, Interrupted, Presets, Session, Trial, pages, settings};

/// Runs the command.
///
/// # Errors
/// Bad usage, or a failure of this host or of the way to the server.
pub(crate) fn run(matches: &ArgMatches, args: &StressArgs) -> anyhow::Result<ExitCode> {
    let plan = plan(args)?;
    // The rate is the plan's; the distribution of the gaps is the user's.
    let presets = Presets::default()
        .or("name", "stress")
        .with("qps", plan.capacity.to_string())
        .with("run-time", format!("{}s", plan.lasts().as_secs_f64()));
    let Some(resolved) = settings(matches, "stress", &args.run, presets)? else {
        return Ok(Exit::Passed.into());
    };
    let (mut session, blueprint) = Session::open(resolved)?;
    let (load, phases) = staged(&blueprint, &plan)?;
    let folder = blueprint.new_folder()?;
    let mut trial = Trial::among_others(&blueprint, folder.trial(1)).alone("stress");
    (trial.load, trial.phases) = (load, phases);
    trial.show.tell = Some(told(&plan, trial.times()));
    let done = session.trial(trial)?;
    if let Some(failure) = &done.finished.failure {
        return Err(anyhow::anyhow!("{failure}"));
    }
    let summary = &done.finished.summary;
    let cut_short = match (&summary.run.stopped_by, done.interrupted) {
        (Some(rule), _) => Some((format!("ended by {rule}"), Exit::ObjectiveMissed)),
        (None, Interrupted::No) => None,
        (None, _) => Some(("cut short".to_owned(), Exit::Interrupted)),
    };
    if let Some((how, exit)) = cut_short {
        emit::note(&format!(
            "the test was {how}, so there is no verdict; its records are in {}",
            folder.path().display()
        ));
        session.close()?;
        return Ok(exit.into());
    }
    let seen = seen(&done)?;
    let terms = Terms { useful_within: args.useful_within.map(|time| time.as_secs_f64()) };
    let report = classify(&plan, &seen, terms);
    folder.write_json("stress.json", &report)?;
    let text = match blueprint.outputs.json {
        true => format!("{}\n", serde_json::to_string_pretty(&report)?),
        false => {
            let results = folder.path().display().to_string();
            stress::render(&report, summary, &results, Style::of_stdout(blueprint.outputs.color))
        }
    };
    emit::result(&text)?;
    session.close()?;
    pages::write(folder.path(), &blueprint.outputs.pages)?;
    Ok(code(&report, summary))
}

/// What the live view tells of the steps.
fn told(plan: &Plan, times: Times) -> Tell {
    let plan = Arc::new(plan.clone());
    let begin = times.measure_start.as_secs_f64();
    Box::new(move |now| Story::Stress(StressStory { plan: plan.clone(), at: now.as_secs_f64() - begin }))
}

/// The steps that were asked for.
fn plan(args: &StressArgs) -> Result<Plan, UsageError> {
    let load = &args.run.load;
    if load.qps.is_some() || !load.stages.is_empty() || load.trace.is_some() {
        refuse!(
            "`stress` makes its own load from --capacity: leave out --qps, --stages and --trace; \
             --arrival says how its requests are spaced"
        );
    }
    if args.run.phases.run_time.is_some() || args.run.phases.max_requests.is_some() {
        refuse!(
            "`stress` lasts as long as its steps: leave out -t and --max-requests, and give --baseline-time, \
             --step-time and --recovery-time"
        );
    }
    let capacity = capacity(args)?;
    let (usual, short) = if args.spike { (5.0, 5) } else { (2.0, 60) };
    let multiples =
        if args.steps.is_empty() { vec![args.multiple.unwrap_or(usual)] } else { args.steps.clone() };
    let step = args.step_time.unwrap_or(Duration::from_secs(short));
    Plan::new(
        capacity.per_second(),
        (args.baseline, args.baseline_time),
        &multiples,
        step,
        args.recovery_time,
    )
    .map_err(|error| UsageError(error.to_string()))
}

fn capacity(args: &StressArgs) -> Result<Rate, UsageError> {
    match (args.capacity, &args.certificate) {
        (Some(rate), _) => Ok(rate),
        (None, Some(file)) => certified(file),
        (None, None) => refuse!(
            "how much does the server bear? Give --capacity, such as --capacity 65, or --certificate FILE: `stress` goes \
             beyond it"
        ),
    }
}

/// The highest rate that a certificate certifies.
fn certified(file: &Path) -> Result<Rate, UsageError> {
    let certificate = certificates::read(file)?;
    let shown = file.display();
    if certificate.variable != Variable::Rate {
        refuse!("`{shown}` certifies a number of users, and a stress needs a rate: give --capacity");
    }
    let rates = certificate.capacity.tiers.iter().filter_map(|tier| Some(tier.low?.load));
    match rates.reduce(f64::max) {
        Some(rate) => Rate::try_from(rate).map_err(|error| UsageError(format!("`{shown}`: {error}"))),
        None => refuse!("`{shown}` certifies no rate: give --capacity"),
    }
}

/// The plan as a load, after the warm-up that the user asked for, at the baseline's rate.
fn staged(blueprint: &Blueprint, plan: &Plan) -> Result<(LoadModel, Phases), UsageError> {
    let phases = blueprint.spec.phases;
    let (start, mut stages) = plan.stages();
    if !phases.warmup.is_zero() {
        stages.insert(0, Stage { duration: phases.warmup, target: start });
    }
    if let Some(highest) = stages.iter().map(|stage| stage.target).find(|&rate| rate > Rate::MAX) {
        refuse!("{highest} requests per second are more than can be paced: at most {}", Rate::MAX);
    }
    let (gaps, cap) = match &blueprint.spec.load {
        LoadModel::Open(OpenLoop { arrivals: Arrivals::Process { gaps, .. }, cap }) => (*gaps, *cap),
        _ => (GapDistribution::default(), None),
    };
    let load = LoadModel::Open(OpenLoop { arrivals: Arrivals::Stages { start, stages, gaps }, cap });
    Ok((load, Phases { measure: Some(plan.lasts()), max_requests: None, ..phases }))
}

/// What became of the requests of the plan, in the order in which they were due.
fn seen(done: &Done) -> anyhow::Result<Vec<Seen>> {
    let folder = done.finished.folder.as_ref().context("the test has no folder")?;
    let path = folder.join("records.parquet");
    let begin = Times::of(&done.spec).measure_start;
    let window = &done.finished.summary.window;
    let end = begin + Duration::from_secs_f64(window.measured + window.drain);
    let mut seen = Vec::new();
    for record in RecordsFile::open(&path).with_context(|| format!("cannot read {}", path.display()))? {
        let record = record.with_context(|| format!("cannot read {}", path.display()))?;
        if record.scheduled >= begin {
            seen.extend(Seen::of(&record, begin, end));
        }
    }
    seen.sort_by(|a, b| a.scheduled.total_cmp(&b.scheduled));
    Ok(seen)
}

/// The code that the test deserves. Failed requests and a backlog are what it is for, so their share decides nothing; but
/// whoever names an objective wants it kept throughout.
fn code(report: &StressReport, summary: &Summary) -> ExitCode {
    let missed = summary.slos.iter().any(|found| found.verdict == Verdict::Fail);
    match report.verdict {
        _ if !summary.validity.valid => Exit::Invalid.into(),
        StressVerdict::Degraded | StressVerdict::Collapsed => Exit::ObjectiveMissed.into(),
        StressVerdict::Undecided => Exit::Invalid.into(),
        StressVerdict::Graceful if missed => Exit::ObjectiveMissed.into(),
        StressVerdict::Graceful => Exit::Passed.into(),
    }
}
