//! `plimsoll selftest`: checks of this host and this build.

use std::process::ExitCode;

use plimsoll_core::load::proof::{ArrivalProof, ProofVerdict};
use plimsoll_core::seed::Seed;

use crate::args::{ArrivalsArgs, SelftestArgs, SelftestCheck};
use crate::exit::{Exit, UsageError};
use crate::report::{emit, proof};
use crate::resolve::load::gaps;

/// Runs the command.
///
/// # Errors
/// There is no such process.
pub(crate) fn run(args: &SelftestArgs) -> anyhow::Result<ExitCode> {
    match &args.check {
        SelftestCheck::Arrivals(args) => arrivals(args),
    }
}

fn arrivals(args: &ArrivalsArgs) -> anyhow::Result<ExitCode> {
    let gaps = gaps(args.arrival, args.cv)?;
    let proof = ArrivalProof::of(args.rate, gaps, Seed(args.seed), args.count)
        .map_err(|error| UsageError(error.to_string()))?;
    emit::result(&proof::render(&proof))?;
    Ok(match proof.verdict {
        ProofVerdict::Proven => Exit::Passed.into(),
        ProofVerdict::Refuted(_) => Exit::Failed.into(),
    })
}
