//! `plimsoll sim`: the simulated model server on a port.

use std::process::ExitCode;

use crate::args::SimArgs;

/// Runs the command.
pub(crate) fn run(args: &SimArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here: {args:?}")
}
