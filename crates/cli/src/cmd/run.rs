//! `plimsoll run`: from what was typed to a run and its report.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::ArgMatches;
use plimsoll_core::time::Offset;

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::emit;
use crate::resolve::{self, Context};

/// Runs the command.
pub(crate) fn run(matches: &ArgMatches, typed: &RunArgs) -> anyhow::Result<ExitCode> {
    let matches = matches
        .subcommand_matches("run")
        .context("the command line has no `run`")?;
    let resolved = resolve::resolve(matches, typed, &process_context())?;
    resolved
        .warnings
        .iter()
        .for_each(|warning| emit::warning(warning));
    if let Some(config) = resolved.printed_config {
        emit::result(&config)?;
        return Ok(Exit::Passed.into());
    }
    Ok(Exit::Passed.into())
}

/// What resolving takes from this process.
fn process_context() -> Context {
    let clock = plimsoll_drive::clock::Clock::start();
    Context {
        env: std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect(),
        folder: ".".into(),
        fresh_seed: fresh_seed(clock.wall(Offset::ZERO)),
        cores: std::thread::available_parallelism()
            .map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX)),
    }
}

/// A seed that differs from run to run and is short enough to be typed again.
fn fresh_seed(wall: Duration) -> u64 {
    u64::from(wall.subsec_nanos()) ^ (wall.as_secs() & 0xffff_ffff)
}
