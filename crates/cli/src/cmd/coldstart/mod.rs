//! `plimsoll coldstart`: starts a server again and again, and measures how late and how slow it is at first.

mod attempt;
mod door;

use std::process::ExitCode;

use clap::ArgMatches;
use plimsoll_core::cold_start::{Attempt, ColdStartReport, judge};

use self::attempt::{Course, Starts};
use self::door::{Door, NEEDS_A_PORT};
use crate::args::coldstart::ColdStartArgs;
use crate::exit::{Exit, UsageError, refuse};
use crate::report::style::Style;
use crate::report::{coldstart, emit};
use crate::resolve::Outputs;
use crate::session::hooks::Hooks;
use crate::session::{CommandFolder, Interrupts, Presets, pages, settings};

/// Runs the command.
///
/// # Errors
/// Bad usage, or a failure of this host, of a command or of the way to the server.
pub(crate) fn run(matches: &ArgMatches, args: &ColdStartArgs) -> anyhow::Result<ExitCode> {
    let Some(measured) = measure(matches, args)? else { return Ok(Exit::Passed.into()) };
    let Measured { report, target, folder, outputs, ended } = measured;
    let text = match outputs.json {
        true => format!("{}\n", serde_json::to_string_pretty(&report)?),
        false => coldstart::render(
            &report,
            &target,
            &folder.path().display().to_string(),
            Style::of_stdout(outputs.color),
        ),
    };
    emit::result(&text)?;
    Ok(match ended {
        Course::Interrupted => Exit::Interrupted.into(),
        _ => code(&report),
    })
}

/// What starts came to.
pub(crate) struct Measured {
    pub(crate) report: ColdStartReport,
    pub(crate) folder: CommandFolder,
    target: String,
    outputs: Outputs,
    ended: Course,
}

impl Measured {
    /// Whether the user ended it.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.ended == Course::Interrupted
    }
}

/// Starts the server again and again, and keeps what was found. Nothing comes back where only the configuration was to be
/// printed.
///
/// # Errors
/// As for [`run`].
pub(crate) fn measure(matches: &ArgMatches, args: &ColdStartArgs) -> anyhow::Result<Option<Measured>> {
    check(args)?;
    let presets = Presets::default().or("name", "coldstart");
    let Some(mut resolved) = settings(matches, "coldstart", &args.run, presets)? else {
        return Ok(None);
    };
    resolved.refuse_profiler("coldstart")?;
    // Looking around would come between a server that has just begun to answer and its first request.
    resolved.watch.auto = false;
    let outputs = resolved.outputs.clone();
    let door = Door::of(&resolved.draft, args.ready_path.as_deref())?;
    let folder = CommandFolder::create(&outputs.out, resolved.draft.name(), &outputs.settings)?;
    let hooks = Hooks {
        log: folder.path().join("hooks.log"),
        environment: vec![
            ("PLIMSOLL_URL", door.url.clone()),
            ("PLIMSOLL_RESULTS", folder.path().display().to_string()),
        ],
    };
    let target = door.url.clone();
    let interrupts = Interrupts::listen()?;
    let mut starts =
        Starts { args, door, hooks, folder: &folder, resolved, interrupts, known: None, preparing: 0.0 };
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut ended = Course::Next;
    for number in 1..=args.repetitions.get() {
        let (attempt, course) = starts.attempt(number)?;
        emit::note(&coldstart::line(number, args.repetitions.get(), &attempt));
        attempts.push(attempt);
        folder.write_json("coldstart.json", &judge(attempts.clone()))?;
        ended = course;
        if ended != Course::Next {
            break;
        }
    }
    starts.close()?;
    pages::write(folder.path(), &outputs.pages)?;
    Ok(Some(Measured { report: judge(attempts), folder, target, outputs, ended }))
}

/// Options that do not go together.
fn check(args: &ColdStartArgs) -> Result<(), UsageError> {
    if args.start_cmd.is_none() && args.repetitions.get() > 1 {
        refuse!(
            "without --start-cmd a server that somebody else starts is watched once: give -n 1, or the command that starts it"
        );
    }
    if args.run.phases.max_requests.is_some() || args.run.phases.run_time.is_some() {
        refuse!(
            "`coldstart` asks as many requests as --first and --warm say: leave out -t and --max-requests"
        );
    }
    let target = &args.run.target;
    // Before anybody asks of simulated time that it should have an end.
    if [&target.host, &target.target].into_iter().flatten().any(|typed| typed.starts_with("sim:")) {
        refuse!("{NEEDS_A_PORT}");
    }
    let objectives = &args.run.objectives;
    if !objectives.slo.is_empty() || !objectives.abort_on.is_empty() {
        refuse!("`coldstart` judges no objectives: leave out --slo and --abort-on; `capacity` and `run` do");
    }
    Ok(())
}

/// The code that the starts deserve.
fn code(report: &ColdStartReport) -> ExitCode {
    let answered = |attempt: &Attempt| attempt.first_success.is_some() && attempt.error.is_none();
    if report.attempts.iter().all(answered) { Exit::Passed.into() } else { Exit::Failed.into() }
}
