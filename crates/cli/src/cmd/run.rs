//! `plimsoll run`: from what was typed to a run and its report.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::ArgMatches;
use plimsoll_core::spec::{Api, RunSpec};
use plimsoll_core::summary::Summary;

use crate::args::RunArgs;
use crate::exit::{Exit, UsageError, code_of};
use crate::report::style::Style;
use crate::report::summary_csv::SummaryFileError;
use crate::report::{emit, summary_block, summary_csv, terminal};
use crate::resolve::Outputs;
use crate::session::{Done, Interrupted, Presets, Session, Trial, pages, settings};
use crate::stored::ceiling::Ceiling;

/// Runs the command.
///
/// # Errors
/// Bad usage, or a failure of this host or of the way to the server.
pub(crate) fn run(matches: &ArgMatches, typed: &RunArgs) -> anyhow::Result<ExitCode> {
    let Some(resolved) = settings(matches, "run", typed, Presets::default())? else {
        return Ok(Exit::Passed.into());
    };
    let (mut session, blueprint) = Session::open(resolved)?;
    check_summary_file(&blueprint.outputs, &blueprint.spec.api)?;
    if !session.is_simulated() {
        warn_near_ceiling(&blueprint.spec);
    }
    let done = session.trial(Trial::only(&blueprint))?;
    let code = conclude(&done, &blueprint.outputs)?;
    session.close()?;
    Ok(code)
}

/// Reports a run and gives it the exit code that it deserves.
fn conclude(done: &Done, outputs: &Outputs) -> anyhow::Result<ExitCode> {
    let Done { spec, finished, interrupted, locust, .. } = done;
    let summary = &finished.summary;
    let results = finished.folder.as_ref().map_or_else(String::new, |folder| folder.display().to_string());
    let json = serde_json::to_string_pretty(summary)?;
    report(summary, spec, outputs, &results, &spec.load.concurrency_label(), &json)?;
    if let Some(locust) = locust {
        locust.finish(summary, &finished.tally).context("cannot complete the files of --csv")?;
    }
    if let Some(folder) = finished.folder.as_ref().filter(|_| finished.failure.is_none()) {
        pages::write(folder, &outputs.pages)?;
    }
    if let Some(failure) = &finished.failure {
        return Err(anyhow::anyhow!("{failure}"));
    }
    if *interrupted == Interrupted::Twice {
        return Ok(Exit::Interrupted.into());
    }
    Ok(code_of(summary, spec.max_fail_ratio, outputs.exit_code_on_error).into())
}

/// Says if this host may not be able to measure so much, as far as `plimsoll selftest` has found out.
fn warn_near_ceiling(spec: &RunSpec) {
    if let Some((ceiling, path)) = Ceiling::of_this_host()
        && let Some(near) = ceiling.near(spec)
    {
        emit::warning(&format!("{near} (plimsoll selftest, kept in {})", path.display()));
    }
}

/// Finds out before the run whether its row will fit into the summary file.
fn check_summary_file(outputs: &Outputs, api: &Api) -> anyhow::Result<()> {
    let Some(path) = &outputs.summary_file else {
        return Ok(());
    };
    match summary_csv::check(path, &summary_block::columns(api)) {
        Ok(_) => Ok(()),
        Err(error @ SummaryFileError::HeaderDiffers { .. }) => Err(UsageError(error.to_string()).into()),
        Err(error) => Err(error.into()),
    }
}

/// Prints the report and adds the row to the summary file. `results` is the folder with the results, `concurrency` the
/// number of users or `QPS 0.5 constant`, `summary_json` the text of summary.json.
fn report(
    summary: &Summary,
    spec: &RunSpec,
    outputs: &Outputs,
    results: &str,
    concurrency: &str,
    summary_json: &str,
) -> anyhow::Result<()> {
    let entries = summary_block::entries(summary, &spec.api, concurrency);
    if outputs.json {
        emit::result(&format!("{}\n", summary_json.trim_end()))?;
    } else {
        let style = Style::of_stdout(outputs.color);
        emit::result(&terminal::report(summary, results, style))?;
        emit::result(&format!("\n{}", summary_block::block(&entries)))?;
    }
    if let Some(path) = &outputs.summary_file {
        summary_csv::append(path, &entries)?;
    }
    Ok(())
}
