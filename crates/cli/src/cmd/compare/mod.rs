//! `plimsoll compare`: two sides of runs, or a history of them, and what they say about each other.

pub(crate) mod certificates;
pub(crate) mod comparable;
pub(crate) mod compared;
pub(crate) mod runs;

use std::path::Path;
use std::process::ExitCode;

use plimsoll_core::compare::{
    Difference, Figure, Measure, Rules, RunWindows, Series, Verdict, compare_runs, histories, window_seconds,
};
use plimsoll_core::seed::Seed;
use plimsoll_drive::recorder::write_whole;

use self::compared::Compared;
use self::runs::StoredRun;
use crate::args::compare::{CompareArgs, FailOn};
use crate::exit::{Exit, UsageError, refuse};
use crate::report::compare_json::Comparison;
use crate::report::style::Style;
use crate::report::{capacities, compare, compare_json, emit, history, html, page};

/// Runs the command.
///
/// # Errors
/// Runs that cannot be compared.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    if args.history { run_history(args) } else { run_sides(args) }
}

fn run_sides(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let [a, b] = &args.runs[..] else {
        let wrong = format!(
            "compare takes two sides, and {} {} given: write A B, or A1,A2 B1,B2; --history takes any number of runs",
            args.runs.len(),
            if args.runs.len() == 1 { "is" } else { "are" }
        );
        return Err(UsageError(wrong).into());
    };
    match (certificates::named(a), certificates::named(b)) {
        (None, None) => {}
        (Some(a), Some(b)) => return run_certificates([a, b], args),
        _ => {
            let wrong = "a certificate and a run cannot be compared: give two runs or two certificates";
            return Err(UsageError(wrong.to_owned()).into());
        }
    }
    let compared = compare_sides(a, b, args)?;
    let text = match (args.json, args.markdown) {
        (true, _) => compare_json::text(&compared)?,
        (_, true) => compare::markdown(&compared),
        _ => compare::terminal(&compared, Style::of_stdout(args.color)),
    };
    emit::result(&text)?;
    if let Some(file) = &args.html {
        let page = page::compare(&Comparison::of(&compared));
        let page = html::render(&page, &compare_json::text(&compared)?)?;
        write_whole(file, page.as_bytes())?;
    }
    Ok(conclude(&compared.failed))
}

/// By how much the run in `result` differs from that in `baseline`.
///
/// # Errors
/// They cannot be compared.
pub(crate) fn against(baseline: &Path, result: &Path) -> Result<Comparison, UsageError> {
    let [a, b] = [baseline, result].map(|folder| folder.display().to_string());
    let compared = compare_sides(&a, &b, &CompareArgs::usual())?;
    Ok(Comparison::of(&compared))
}

/// Compares the runs of two sides.
fn compare_sides(a: &str, b: &str, args: &CompareArgs) -> Result<Compared, UsageError> {
    let (a, b) = (runs::side(a)?, runs::side(b)?);
    let all: Vec<&StoredRun> = a.iter().chain(&b).collect();
    each_once(&all)?;
    let differing = comparable::check(&all, args.allow_invalid, args.allow_different)?;
    let figures = figures(args, &a[0]);
    let each = window_seconds(&all.iter().map(|run| run.extent()).collect::<Vec<_>>());
    let cut = |side: &[StoredRun]| -> Result<Vec<RunWindows>, UsageError> {
        side.iter().map(|run| run.windows(each, &figures)).collect()
    };
    let (windows_a, windows_b) = (cut(&a)?, cut(&b)?);
    let differences = compare_runs(&windows_a, &windows_b, &figures, &rules(args));
    let count = |side: &[RunWindows]| side.iter().map(RunWindows::count).sum();
    let longest = windows_a.iter().chain(&windows_b).map(RunWindows::window_seconds).fold(0.0, f64::max);
    let failed = args.fail_on.iter().filter_map(|condition| holds(condition, &differences)).collect();
    let windows = (count(&windows_a), count(&windows_b), longest);
    Ok(Compared { a, b, windows, differences, differing, failed })
}

fn run_certificates(files: [std::path::PathBuf; 2], args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let found = certificates::compare(files, args)?;
    let text = match (args.json, args.markdown) {
        (true, _) => capacities::json(&found)?,
        (_, true) => capacities::markdown(&found),
        _ => capacities::terminal(&found, Style::of_stdout(args.color)),
    };
    emit::result(&text)?;
    Ok(conclude(&found.failed))
}

fn run_history(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    if args.fail_on.contains(&FailOn::Undecided) {
        let wrong = "--fail-on undecided says nothing of a history: leave one of them out";
        return Err(UsageError(wrong.to_owned()).into());
    }
    let (runs, invalid): (Vec<StoredRun>, Vec<StoredRun>) = runs::history(&args.runs)?
        .into_iter()
        .partition(|run| run.summary.validity.valid || args.allow_invalid);
    for run in &invalid {
        let reasons = run.summary.validity.reasons.join("; ");
        emit::warning(&format!("{} is left out: it is INVALID: {reasons}", run.name()));
    }
    if runs.is_empty() {
        return Err(UsageError("no run is left: all are INVALID".to_owned()).into());
    }
    let all: Vec<&StoredRun> = runs.iter().collect();
    each_once(&all)?;
    let differing = comparable::check(&all, args.allow_invalid, args.allow_different)?;
    let figures = figures(args, &runs[0]);
    let row = |figure: &Figure| runs.iter().map(|run| figure.of_summary(&run.summary)).collect();
    let table: Vec<Vec<Option<f64>>> = figures.iter().map(row).collect();
    let series = histories(&figures, &table, &rules(args));
    let failed: Vec<String> =
        args.fail_on.iter().filter_map(|condition| changed_last(condition, &series)).collect();
    let text = match (args.json, args.markdown) {
        (true, _) => history::json(&runs, &series, &failed)?,
        (_, true) => history::markdown(&runs, &series),
        _ => history::terminal(&runs, &series, &differing, Style::of_stdout(args.color)),
    };
    emit::result(&text)?;
    Ok(conclude(&failed))
}

fn conclude(failed: &[String]) -> ExitCode {
    failed.iter().for_each(|reason| emit::note(&format!("failed: {reason}")));
    if failed.is_empty() { Exit::Passed.into() } else { Exit::ObjectiveMissed.into() }
}

/// A run beside itself says nothing, and looks as if it did.
fn each_once(runs: &[&StoredRun]) -> Result<(), UsageError> {
    for (index, run) in runs.iter().enumerate() {
        let same = |other: &&&StoredRun| other.folder.canonicalize().ok() == run.folder.canonicalize().ok();
        if runs[..index].iter().any(|other| same(&other)) {
            refuse!("`{}` is given twice: give each run once", run.folder.display());
        }
    }
    Ok(())
}

/// The metrics asked for, or the usual ones; and those of conditions.
fn figures(args: &CompareArgs, first: &StoredRun) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    let asked = if args.metrics.is_empty() {
        Figure::usual(&first.summary, first.is_open_loop())
    } else {
        args.metrics.clone()
    };
    let of_conditions = args.fail_on.iter().filter_map(|condition| match condition {
        FailOn::Beyond { figure, .. } => Some(*figure),
        FailOn::Worse | FailOn::Undecided => None,
    });
    for figure in asked.into_iter().chain(of_conditions) {
        if !figures.contains(&figure) {
            figures.push(figure);
        }
    }
    figures
}

fn rules(args: &CompareArgs) -> Rules {
    let mut rules = Rules { seed: Seed(args.seed), ..Rules::default() };
    for threshold in &args.thresholds {
        match threshold.figure {
            Some(figure) => rules.own_thresholds.push((figure, threshold.share)),
            None => rules.threshold = threshold.share,
        }
    }
    rules
}

/// What a condition says of a comparison, if it holds.
fn holds(condition: &FailOn, differences: &[Difference]) -> Option<String> {
    let with = |wanted: &dyn Fn(&Verdict) -> bool| {
        let found = differences.iter().filter(|one| wanted(&one.verdict));
        let names: Vec<String> = found.map(|one| one.figure.to_string()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    match condition {
        FailOn::Worse => Some(format!("{} got worse", with(&|verdict| *verdict == Verdict::Worse)?)),
        FailOn::Undecided => {
            Some(format!("{} undecided", with(&|verdict| matches!(verdict, Verdict::Undecided(_)))?))
        }
        FailOn::Beyond { figure, above, limit } => {
            let found = differences.iter().find(|one| one.figure == *figure)?;
            let change = found.change.filter(|_| found.exceeds(*limit, *above))?;
            Some(beyond(*figure, *above, change.estimate, *limit))
        }
    }
}

/// The same for a history: what its last change was.
fn changed_last(condition: &FailOn, series: &[Series]) -> Option<String> {
    match condition {
        FailOn::Worse => {
            let is_worse =
                |one: &&Series| one.shifts.last().is_some_and(|shift| shift.verdict == Verdict::Worse);
            let names: Vec<String> =
                series.iter().filter(is_worse).map(|one| one.figure.to_string()).collect();
            (!names.is_empty()).then(|| format!("{} got worse at the last change", names.join(", ")))
        }
        FailOn::Undecided => None,
        FailOn::Beyond { figure, above, limit } => {
            let found = series.iter().find(|one| one.figure == *figure)?;
            let change = found.shifts.last()?.change?;
            let is_beyond = if *above { change.estimate > *limit } else { change.estimate < *limit };
            is_beyond.then(|| beyond(*figure, *above, change.estimate, *limit))
        }
    }
}

fn beyond(figure: Figure, above: bool, change: f64, limit: f64) -> String {
    let (verb, unit) = (
        if above { "rose" } else { "fell" },
        if figure.measure() == Measure::Share { "points" } else { "%" },
    );
    format!(
        "{figure} {verb} by {:.1} {unit}, and the limit is {:.1} {unit}",
        change.abs() * 100.0,
        limit.abs() * 100.0
    )
}
