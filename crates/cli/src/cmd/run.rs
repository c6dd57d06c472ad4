//! `plimsoll run`: from what was typed to a run and its report.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::ArgMatches;
use plimsoll_core::spec::{Api, RunSpec};
use plimsoll_core::summary::Summary;

use crate::args::RunArgs;
use crate::exit::{Exit, UsageError};
use crate::report::style::Style;
use crate::report::summary_csv::SummaryFileError;
use crate::report::{emit, summary_block, summary_csv, terminal};
use crate::resolve::Outputs;
use crate::session::{Done, Interrupted, Presets, Session, Trial, pages, settings};

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
    let done = session.trial(Trial::only(&blueprint))?;
    conclude(&done, &blueprint.outputs)
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
    Ok(exit_code(summary, spec.max_fail_ratio, outputs.exit_code_on_error))
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

/// The exit code that the results deserve.
pub(super) fn exit_code(summary: &Summary, max_fail_ratio: f64, exit_code_on_error: u8) -> ExitCode {
    let (failed, total) = (summary.counts.total_failed, summary.counts.total);
    if total == 0 {
        Exit::Failed.into() // nothing was asked, so nothing passed
    } else if failed as f64 / total as f64 > max_fail_ratio && exit_code_on_error != 0 {
        ExitCode::from(exit_code_on_error)
    } else if !summary.validity.valid {
        Exit::Invalid.into()
    } else if summary.missed() {
        Exit::ObjectiveMissed.into()
    } else {
        Exit::Passed.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::slo::Verdict;

    use crate::report::fixture;

    #[test]
    fn results_get_the_exit_code_they_deserve() {
        let code = |summary: &Summary, ratio, on_error| format!("{:?}", exit_code(summary, ratio, on_error));
        let expected = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(&fixture::valid(), 0.01, 1), expected(0));
        assert_eq!(code(&fixture::valid(), 0.005, 1), expected(1));
        assert_eq!(code(&fixture::valid(), 0.0, 0), expected(0));
        assert_eq!(code(&fixture::invalid(), 0.01, 1), expected(3));
        assert_eq!(code(&fixture::nothing_answered(), 0.01, 1), expected(1));
        assert_eq!(code(&Summary::default(), 0.01, 1), expected(1));
        for (verdict, expected_code) in [(Verdict::Pass, 0), (Verdict::Undecided, 0), (Verdict::Fail, 99)] {
            let mut judged = fixture::judged();
            judged.slos.truncate(1);
            judged.slos[0].verdict = verdict;
            assert_eq!(code(&judged, 0.01, 1), expected(expected_code), "{verdict:?}");
            judged.validity.valid = false;
            assert_eq!(code(&judged, 0.01, 1), expected(3), "INVALID wins over {verdict:?}");
        }
        let mut overloaded = fixture::judged();
        overloaded.slos.truncate(1);
        overloaded.validity.overloaded = true;
        assert_eq!(code(&overloaded, 0.01, 1), expected(99));
        let mut stopped = fixture::valid();
        stopped.run.stopped_by = Some("error_rate>5% over 10s: 6.0 % of 100 requests".to_owned());
        assert_eq!(code(&stopped, 0.01, 1), expected(99));
    }
}
