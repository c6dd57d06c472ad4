//! `plimsoll calibrate`: from the results of runs to a simulated server that behaves alike.

mod runs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use plimsoll_core::calibrate::{Comparison, ObservedRun, compare};
use plimsoll_core::seed::Seed;
use plimsoll_sim::calibrated::{Calibrated, Known, calibrate, predict};

use self::runs::StoredRun;
use crate::args::calibrate::CalibrateArgs;
use crate::exit::{Exit, UsageError, refuse};
use crate::report::calibrate::{Findings, json, text};
use crate::report::emit;

/// Runs the command.
///
/// # Errors
/// Runs that cannot be used, or a file that cannot be written.
pub(crate) fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let (fitted, holdout) = chosen(args)?;
    let fitted = read_all(&fitted)?;
    let holdout = holdout.map(|path| StoredRun::read(&path)).transpose()?;
    let everybody: Vec<&StoredRun> = fitted.iter().chain(&holdout).collect();
    for warning in runs::warnings(&everybody) {
        emit::warning(&warning);
    }
    check_kv_tokens(args, &everybody)?;
    let observed: Vec<&ObservedRun> = fitted.iter().map(|run| &run.observed).collect();
    let known = known(args);
    let seed = Seed(args.seed);
    let calibrated = fit(&observed, &fitted[0].model, known, seed)?;
    let held_out = match &holdout {
        Some(run) => vec![judge(&calibrated, &run.observed)?],
        None if observed.len() >= LEAVE_ONE_OUT_MIN => in_turn(&observed, &fitted[0].model, known, seed)?,
        None => Vec::new(),
    };
    write(&args.output, &calibrated)?;
    let findings = Findings {
        reproduced: observed.iter().map(|run| judge(&calibrated, run)).collect::<Result<_, _>>()?,
        calibrated,
        held_out,
        slots_given: args.max_num_seqs.is_some(),
        file: args.output.display().to_string(),
    };
    emit::result(&if args.json { json(&findings)? } else { text(&findings) })?;
    Ok(Exit::Passed.into())
}

/// With so many runs each can be held out in turn.
const LEAVE_ONE_OUT_MIN: usize = 3;

/// The folders to fit to, and the one to hold out.
fn chosen(args: &CalibrateArgs) -> Result<(Vec<PathBuf>, Option<PathBuf>), UsageError> {
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    };
    let mut fitted: Vec<PathBuf> = Vec::new();
    for run in &args.runs {
        if args.holdout.as_ref().is_some_and(|held| same(held, run)) {
            continue;
        }
        if fitted.iter().any(|earlier| same(earlier, run)) {
            refuse!("`{}` is given twice: give each run once", run.display());
        }
        fitted.push(run.clone());
    }
    if fitted.is_empty() {
        refuse!("no run is left to fit to: give at least one besides --holdout");
    }
    Ok((fitted, args.holdout.clone()))
}

fn read_all(folders: &[PathBuf]) -> Result<Vec<StoredRun>, UsageError> {
    folders.iter().map(|folder| StoredRun::read(folder)).collect()
}

/// A server cannot have answered what does not fit into its memory.
fn check_kv_tokens(args: &CalibrateArgs, runs: &[&StoredRun]) -> Result<(), UsageError> {
    let requests = runs.iter().flat_map(|run| &run.observed.requests);
    let longest = requests.map(|request| request.prompt_tokens.saturating_add(request.output_tokens)).max();
    if let (Some(tokens), Some(longest)) = (args.kv_tokens, longest)
        && tokens.get() < longest
    {
        refuse!(
            "--kv-tokens {tokens} has no room for a request of {longest} tokens, which the server answered"
        );
    }
    Ok(())
}

fn known(args: &CalibrateArgs) -> Known {
    Known {
        max_num_seqs: args.max_num_seqs,
        max_num_batched_tokens: args.max_num_batched_tokens,
        kv_tokens: args.kv_tokens,
    }
}

fn fit(runs: &[&ObservedRun], model: &str, known: Known, seed: Seed) -> Result<Calibrated, UsageError> {
    calibrate(runs, model, known, seed)
        .map_err(|error| UsageError(format!("no server can be made of that: {error}")))
}

/// A run beside what the calibrated server makes of it.
fn judge(calibrated: &Calibrated, run: &ObservedRun) -> Result<Comparison, UsageError> {
    let calibration = &calibrated.calibration;
    let predicted = predict(run, &calibration.limits, &calibration.constants)
        .map_err(|error| UsageError(format!("no server can be made of that: {error}")))?;
    if predicted.refused > 0 {
        emit::warning(&format!(
            "the calibrated server refuses {} requests of {}: they have more than {} tokens, four times as many as any that \
             it was fitted to",
            predicted.refused, run.name, calibration.limits.max_model_len
        ));
    }
    Ok(compare(run, &predicted.requests))
}

/// Each run as predicted from the others.
fn in_turn(
    runs: &[&ObservedRun],
    model: &str,
    known: Known,
    seed: Seed,
) -> Result<Vec<Comparison>, UsageError> {
    let hold = |held: usize| {
        let others: Vec<&ObservedRun> =
            runs.iter().enumerate().filter(|&(index, _)| index != held).map(|(_, run)| *run).collect();
        judge(&fit(&others, model, known, seed)?, runs[held])
    };
    (0..runs.len()).map(hold).collect()
}

fn write(path: &Path, calibrated: &Calibrated) -> anyhow::Result<()> {
    let body = toml::to_string_pretty(&calibrated.calibration)?;
    let text = format!("# A server as measured by `plimsoll calibrate`. Times are in seconds.\n{body}");
    std::fs::write(path, text)
        .with_context(|| format!("cannot write `{}`: choose another file with -o", path.display()))
}
