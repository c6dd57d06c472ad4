//! When requests start: which of the load models was asked for, and whether its options fit together.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::load::trace::TimeUnit;
use plimsoll_core::load::{
    Arrivals, ClosedLoop, ClosedShape, ConcurrencyCap, GapDistribution, LoadModel, OpenLoop, Replay, Stage,
    ThinkTime, WhenFull,
};

use plimsoll_core::time::Rate;

use super::Derived;
use crate::args::RunArgs;
use crate::args::load::LoadArgs;
use crate::args::values::{ArrivalName, WhenFullName};
use crate::exit::{UsageError, refuse};

/// A trace to read into the schedule before the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TraceInput {
    pub(crate) path: PathBuf,
    /// Time runs this many times as fast.
    pub(crate) speed: f64,
    /// Begin this far into the trace.
    pub(crate) start: Option<Duration>,
    /// End this far into the trace.
    pub(crate) stop: Option<Duration>,
    /// The column or member that holds the arrival time.
    pub(crate) time_column: Option<String>,
    /// What a number in it counts.
    pub(crate) time_unit: Option<TimeUnit>,
    /// The column or member that holds the prompt's tokens.
    pub(crate) input_column: Option<String>,
    /// The column or member that holds the answer's tokens.
    pub(crate) output_column: Option<String>,
}

/// The load model, and the trace that it needs, if any. `given` tells options that somebody set from defaults.
pub(super) fn resolve(
    args: &RunArgs,
    given: &dyn Fn(&str) -> bool,
    derived: &mut Vec<Derived>,
) -> Result<(LoadModel, Option<TraceInput>), UsageError> {
    let load = &args.load;
    let spawn_rate = spawn_rate(args);
    derived.push(match spawn_rate {
        Some(rate) => ("spawn-rate", rate.per_second().to_string(), "default"),
        None => ("spawn-rate", "all at once".to_owned(), "default with --max-requests"),
    });
    check_trace_options(load, given)?;
    let schedules = [
        ("--qps", load.qps.is_some()),
        ("--stages", !load.stages.is_empty()),
        ("--trace", load.trace.is_some()),
    ];
    let chosen: Vec<&str> = schedules.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    match chosen.as_slice() {
        [] => Ok((LoadModel::Closed(closed(load, spawn_rate, given)?), None)),
        [only] => {
            check_open(load, only)?;
            let arrivals = arrivals(load, given)?;
            let cap = cap(load, given)?;
            Ok((LoadModel::Open(OpenLoop { arrivals, cap }), trace(load)))
        }
        several => refuse!("{} each set a schedule: give one of them", several.join(" and ")),
    }
}

/// Users per second; nothing is all at once. A run that ends with a number of requests could end before the last user is
/// there, so it does not wait for users unless somebody says so.
fn spawn_rate(args: &RunArgs) -> Option<Rate> {
    let usual = args.phases.max_requests.is_none().then_some(Rate::ONE);
    args.load.spawn_rate.or(usual)
}

fn closed(
    load: &LoadArgs,
    spawn_rate: Option<Rate>,
    given: &dyn Fn(&str) -> bool,
) -> Result<ClosedLoop, UsageError> {
    if load.max_concurrency.is_some() {
        refuse!(
            "--max-concurrency limits a schedule (--qps, --stages, --trace): without one, -u sets the requests in flight"
        );
    }
    for option in ["when-full", "cv", "start-rate", "qps-distribution"] {
        if given(option) {
            refuse!("--{option} shapes a schedule: add --qps, --stages or --trace, or leave it out");
        }
    }
    let shape = match (load.burst, load.ramping_time) {
        (Some(_), Some(_)) => refuse!("--burst and --ramping-time exclude each other: give one of them"),
        (Some(period), None) => ClosedShape::Burst { period, spawn_rate },
        (None, Some(time)) => ClosedShape::Ramp { warmup: load.ramping_warmup_time, time },
        (None, None) => ClosedShape::Steady { spawn_rate },
    };
    if load.ramping_time.is_some() && !given("users") {
        refuse!("--ramping-time grows to -u users: say how many, such as -u 50");
    }
    let think = load.think_time.unwrap_or_default();
    if load.burst.is_some() && think != ThinkTime::Zero {
        refuse!("--burst sets when users fire, so --think-time has no place in it: give one of them");
    }
    Ok(ClosedLoop { users: load.users, shape, think })
}

/// Refuses what belongs to users, not to a schedule.
fn check_open(load: &LoadArgs, schedule: &str) -> Result<(), UsageError> {
    if load.burst.is_some() {
        refuse!(
            "{schedule} and --burst exclude each other: a schedule sets when requests start, a burst fires all users"
        );
    }
    if load.ramping_time.is_some() {
        refuse!(
            "{schedule} and --ramping-time exclude each other: for a rate that grows use --stages '60s:50'"
        );
    }
    if load.think_time.is_some() {
        refuse!("{schedule} and --think-time exclude each other: a schedule waits for nobody's pause");
    }
    Ok(())
}

fn arrivals(load: &LoadArgs, given: &dyn Fn(&str) -> bool) -> Result<Arrivals, UsageError> {
    if load.stages.is_empty() && given("start-rate") {
        refuse!("--start-rate is where --stages begin: add --stages, or leave it out");
    }
    if let Some(rate) = load.qps {
        return Ok(Arrivals::Process { rate, gaps: gaps(load.qps_distribution, load.cv)? });
    }
    if let Some(path) = &load.trace {
        for option in ["qps-distribution", "cv"] {
            if given(option) {
                refuse!("--trace replays the gaps of the trace: leave out --{option}");
            }
        }
        let source = path.display().to_string();
        return Ok(Arrivals::Replay(Replay { source, speed: load.trace_speed, due: Arc::from([]) }));
    }
    let stages: Vec<Stage> = load.stages.iter().flat_map(|list| list.0.clone()).collect();
    if load.start_rate == 0.0 && stages.iter().all(|stage| stage.target == 0.0) {
        refuse!("--stages never leave a rate of 0: give one of them a rate above 0, such as 30s:10");
    }
    Ok(Arrivals::Stages { start: load.start_rate, stages, gaps: gaps(load.qps_distribution, load.cv)? })
}

/// The distribution that a name and a coefficient of variation mean together.
pub(crate) fn gaps(name: ArrivalName, cv: Option<f64>) -> Result<GapDistribution, UsageError> {
    match (name, cv) {
        (ArrivalName::Gamma, Some(cv)) => Ok(GapDistribution::Gamma { cv }),
        (ArrivalName::Gamma, None) => {
            refuse!(
                "--qps-distribution gamma needs --cv: 1 is Poisson, above 1 is burstier, below 1 smoother"
            )
        }
        (name, Some(_)) => {
            refuse!(
                "--cv shapes gamma gaps, but the distribution is {}: add --qps-distribution gamma",
                name.name()
            )
        }
        (ArrivalName::Constant, None) => Ok(GapDistribution::Constant),
        (ArrivalName::Uniform, None) => Ok(GapDistribution::Uniform),
        (ArrivalName::Exponential | ArrivalName::Poisson, None) => Ok(GapDistribution::Poisson),
    }
}

/// The cap on requests in flight: `--max-concurrency`, or `-u` as Locust's users mean it.
fn cap(load: &LoadArgs, given: &dyn Fn(&str) -> bool) -> Result<Option<ConcurrencyCap>, UsageError> {
    let users: Option<NonZeroU32> = given("users").then_some(load.users);
    let max = match (load.max_concurrency, users) {
        (Some(cap), Some(users)) if cap != users => {
            refuse!(
                "-u {users} and --max-concurrency {cap} both limit the requests in flight: give one of them"
            )
        }
        (cap, users) => cap.or(users),
    };
    let when_full = match load.when_full {
        Some(WhenFullName::Shed) => WhenFull::Shed,
        Some(WhenFullName::Lag) | None => WhenFull::Lag,
    };
    if max.is_none() && load.when_full.is_some() {
        refuse!(
            "--when-full says what happens at the limit of requests in flight: set one with --max-concurrency"
        );
    }
    Ok(max.map(|max| ConcurrencyCap { max, when_full }))
}

fn check_trace_options(load: &LoadArgs, given: &dyn Fn(&str) -> bool) -> Result<(), UsageError> {
    for option in [
        "trace-speed",
        "trace-start",
        "trace-stop",
        "trace-time-column",
        "trace-time-unit",
        "trace-input-column",
        "trace-output-column",
    ] {
        if load.trace.is_none() && given(option) {
            refuse!("--{option} belongs to a trace: add --trace FILE, or leave it out");
        }
    }
    match (load.trace_start.unwrap_or_default(), load.trace_stop) {
        (start, Some(stop)) if start >= stop => {
            refuse!("--trace-start is not before --trace-stop: nothing would be replayed")
        }
        _ => Ok(()),
    }
}

fn trace(load: &LoadArgs) -> Option<TraceInput> {
    Some(TraceInput {
        path: load.trace.clone()?,
        speed: load.trace_speed,
        start: load.trace_start,
        stop: load.trace_stop,
        time_column: load.trace_time_column.clone(),
        time_unit: load.trace_time_unit.as_deref().and_then(TimeUnit::from_name),
        input_column: load.trace_input_column.clone(),
        output_column: load.trace_output_column.clone(),
    })
}
