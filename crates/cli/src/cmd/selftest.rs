//! `plimsoll selftest`: checks of this host and this build.

use std::process::ExitCode;

use crate::args::SelftestArgs;

/// Runs the command.
pub(crate) fn run(args: &SelftestArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here: {args:?}")
}
