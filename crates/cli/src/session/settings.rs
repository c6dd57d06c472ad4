//! From a command line with the options of `run` to settings, with a log that is written from here on.

use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgMatches, FromArgMatches};
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;

use crate::args::RunArgs;
use crate::config::table::Table;
use crate::logging;
use crate::report::emit;
use crate::resolve::{self, Context, Resolved};

pub(crate) use crate::config::Presets;

/// Resolves the options of `run` as typed for the command `name`, which may have further ones of its own. Nothing comes
/// back where only the configuration was to be printed.
///
/// # Errors
/// Bad usage, or a log that cannot be written.
pub(crate) fn settings(
    matches: &ArgMatches,
    name: &str,
    typed: &RunArgs,
    presets: Presets,
) -> anyhow::Result<Option<Resolved>> {
    let resolved = resolve_again(matches, name, typed, presets)?;
    logging::start(resolved.outputs.loglevel, resolved.outputs.logfile.as_deref())?;
    resolved.warnings.iter().for_each(|warning| emit::warning(warning));
    match &resolved.printed_config {
        Some(config) => {
            emit::result(config)?;
            Ok(None)
        }
        None => Ok(Some(resolved)),
    }
}

/// The same for a command that resolves its options again and again: no log is started and nothing is printed.
///
/// # Errors
/// Bad usage.
pub(crate) fn resolve_again(
    matches: &ArgMatches,
    name: &str,
    typed: &RunArgs,
    presets: Presets,
) -> anyhow::Result<Resolved> {
    Ok(resolve::resolve(of_command(matches, name)?, typed, &process_context(name, presets))?)
}

/// The options that a command has beside those of `run`, from files, environment and command line.
///
/// # Errors
/// Bad usage.
pub(crate) fn own_options<A: FromArgMatches>(
    matches: &ArgMatches,
    name: &str,
    typed: &RunArgs,
) -> anyhow::Result<A> {
    Ok(resolve::own(of_command(matches, name)?, typed, &process_context(name, Presets::default()))?)
}

fn of_command<'a>(matches: &'a ArgMatches, name: &str) -> anyhow::Result<&'a ArgMatches> {
    matches.subcommand_matches(name).with_context(|| format!("the command line has no `{name}`"))
}

/// What resolving takes from this process.
fn process_context(name: &str, presets: Presets) -> Context {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    Context {
        env: std::env::vars_os().filter_map(text).collect(),
        folder: ".".into(),
        options: if name == "capacity" { Table::of_capacity } else { Table::of_run },
        presets,
        fresh_seed: fresh_seed(Clock::start().wall(Offset::ZERO)),
        cores: u16::try_from(cores).unwrap_or(u16::MAX),
    }
}

/// A seed that differs from run to run and is short enough to be typed again.
fn fresh_seed(wall: Duration) -> u64 {
    u64::from(wall.subsec_nanos()) ^ (wall.as_secs() & 0xffff_ffff)
}
