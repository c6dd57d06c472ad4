//! `plimsoll soak`: one rate for hours, and whether the server stays what it was.

mod collect;
mod resources;

use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use plimsoll_core::drift::{Criteria, Limits, SoakReport, SoakVerdict, Windows, limit_of};
use plimsoll_core::load::{Arrivals, LoadModel, Times};
use plimsoll_core::metrics::min_samples;
use plimsoll_core::summary::Summary;
use plimsoll_core::time::{Offset, Rate};
use plimsoll_drive::process::Process;

use self::collect::{Collector, SOAK_FILE};
use self::resources::Resources;
use crate::args::soak::SoakArgs;
use crate::exit::{Exit, UsageError, code_of, refuse};
use crate::report::style::Style;
use crate::report::{emit, soak};
use crate::resolve::Resolved;
use crate::session::{Blueprint, CommandFolder, Interrupted, Presets, Session, Trial, pages, settings};

/// Runs the command.
///
/// # Errors
/// Bad usage, or a failure of this host or of the way to the server.
pub(crate) fn run(matches: &ArgMatches, args: &SoakArgs) -> anyhow::Result<ExitCode> {
    let presets = Presets::default().or("name", "soak");
    let Some(mut resolved) = settings(matches, "soak", &args.run, presets)? else {
        return Ok(Exit::Passed.into());
    };
    let rate = held_rate(resolved.draft.load_mut())?;
    let process = watched(&resolved, args)?;
    let (mut session, blueprint) = Session::open(resolved)?;
    let length = args.window.unwrap_or_else(|| window_length(blueprint.spec.phases.measure, rate));
    let resources = resources_of(&mut session, process, args.memory_limit, length);
    let folder = blueprint.new_folder()?;
    let times = Times::of(&blueprint.spec);
    let windows = Windows::new(times.measure_start, length);
    let criteria = criteria(args, &blueprint, resources.limits());
    let collector = Collector::start((windows, length), criteria, resources, folder.clone())?;
    let mut trial = Trial::among_others(&blueprint, folder.trial(1)).alone("soak");
    trial.each = Some(collector.sink());
    trial.show.tell = Some(collector.tell());
    let done = session.trial(trial)?;
    let summary = &done.finished.summary;
    let end = times.measure_start + Duration::from_secs_f64(summary.window.measured);
    let report = collector.finish(end.min(ended(summary, times)))?;
    folder.write_json(SOAK_FILE, &report)?;
    show(&report, summary, &blueprint, &folder)?;
    if done.finished.failure.is_none() {
        pages::write(folder.path(), &blueprint.outputs.pages)?;
    }
    if let Some(failure) = &done.finished.failure {
        return Err(anyhow::anyhow!("{failure}"));
    }
    if done.interrupted == Interrupted::Twice {
        return Ok(Exit::Interrupted.into());
    }
    session.close()?;
    Ok(code(&report, summary, &blueprint))
}

/// The rate that is held; a soak at another load would see the load's own movement.
fn held_rate(load: &LoadModel) -> Result<Rate, UsageError> {
    match load {
        LoadModel::Closed(_) => {
            refuse!("a soak holds a rate, whatever the server does: give one with --qps, such as --qps 20")
        }
        LoadModel::Open(open) => match &open.arrivals {
            Arrivals::Process { rate, .. } => Ok(*rate),
            Arrivals::Stages { .. } | Arrivals::Replay(_) => refuse!(
                "a soak holds one rate, and --stages and --trace move it: a server that follows them would seem to drift; \
                 give --qps"
            ),
        },
    }
}

/// The process whose memory has a limit, if there is one.
fn watched(resolved: &Resolved, args: &SoakArgs) -> Result<Option<Process>, UsageError> {
    if args.memory_limit.is_some() && resolved.watch.process.is_none() {
        refuse!("--memory-limit is a limit of the process that --watch-pid names: give that too");
    }
    Ok(resolved.watch.process.clone())
}

/// What is watched of the server beside its answers.
fn resources_of(
    session: &mut Session,
    process: Option<Process>,
    memory_limit: Option<u64>,
    window: Duration,
) -> Resources {
    let board = session.board();
    match (process, session.note_memory()) {
        (Some(process), _) => Resources::of_process(process, board, memory_limit, window),
        (None, Some(log)) => Resources::of_simulated(log),
        (None, None) => Resources::of_metrics(board),
    }
}

/// Windows such that there are about 240, and each has samples for a high percentile.
fn window_length(measure: Option<Duration>, rate: Rate) -> Duration {
    // A few more than needed, as arrivals are random.
    let with = |p: f64| 1.2 * min_samples(p) as f64 / rate.per_second();
    let Some(measure) = measure.map(|measure| measure.as_secs_f64()) else {
        return Duration::from_secs_f64(with(99.0).max(60.0));
    };
    let wanted = (measure / 240.0).max(1.0);
    let most = measure / 60.0;
    let tail = [99.0, 95.0, 90.0].into_iter().map(with).find(|&length| length <= most);
    Duration::from_secs_f64(wanted.max(tail.unwrap_or(most)).max(0.001))
}

fn criteria(args: &SoakArgs, blueprint: &Blueprint, mut limits: Limits) -> Criteria {
    limits.extend(blueprint.spec.objectives.slos.iter().filter_map(limit_of));
    Criteria {
        tolerance: args.tolerance,
        alpha: args.alpha,
        horizon: args.horizon,
        limits,
        seed: blueprint.spec.seed,
    }
}

/// When the last request had ended, at the latest.
fn ended(summary: &Summary, times: Times) -> Offset {
    times.measure_start + Duration::from_secs_f64(summary.window.measured + summary.window.drain)
}

fn show(
    report: &SoakReport,
    summary: &Summary,
    blueprint: &Blueprint,
    folder: &CommandFolder,
) -> anyhow::Result<()> {
    let text = match blueprint.outputs.json {
        true => format!("{}\n", serde_json::to_string_pretty(report)?),
        false => soak::render(
            report,
            summary,
            &folder.path().display().to_string(),
            Style::of_stdout(blueprint.outputs.color),
        ),
    };
    Ok(emit::result(&text)?)
}

/// The code that the soak deserves: that of a run which did not pass comes first.
fn code(report: &SoakReport, summary: &Summary, blueprint: &Blueprint) -> ExitCode {
    let of_run = code_of(summary, blueprint.spec.max_fail_ratio, blueprint.outputs.exit_code_on_error);
    if of_run != Exit::Passed as u8 {
        return of_run.into();
    }
    match report.verdict {
        SoakVerdict::Steady => Exit::Passed.into(),
        SoakVerdict::Drifting => Exit::ObjectiveMissed.into(),
        SoakVerdict::Undecided => Exit::Invalid.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_many_and_have_a_tail() {
        let length = |hours: Option<f64>, rate: f64| {
            let measure = hours.map(|hours| Duration::from_secs_f64(hours * 3600.0));
            window_length(measure, Rate::try_from(rate).unwrap()).as_secs_f64()
        };
        for (hours, rate, expected) in [
            (Some(4.0), 20.0, 60.0), // a 240th
            (Some(4.0), 1.0, 120.0), // long enough for 120 requests
            (Some(1.0), 0.5, 48.0),  // long enough for 24, which have a 95th percentile
            (Some(24.0), 50.0, 360.0),
            (None, 100.0, 60.0),
            (None, 1.0, 120.0),
        ] {
            assert!(
                (length(hours, rate) - expected).abs() < 1e-6,
                "{hours:?} {rate}: {}",
                length(hours, rate)
            );
        }
    }
}
