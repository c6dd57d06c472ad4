//! `plimsoll selftest`: checks of this host and this build.

mod ladder;
mod rung;

use std::process::ExitCode;

use plimsoll_core::load::proof::{ArrivalProof, ProofVerdict};
use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::rfc3339;

use self::ladder::climb;
use self::rung::Rungs;
use crate::args::selftest::{ArrivalsArgs, LadderArgs, SelftestArgs, SelftestCheck};
use crate::exit::{Exit, UsageError};
use crate::report::{ceiling, emit, proof};
use crate::resolve::load::gaps;
use crate::stored::ceiling::{Ceiling, Host};

/// Runs the command.
///
/// # Errors
/// There is no such process, or the load cannot be made.
pub(crate) fn run(args: &SelftestArgs) -> anyhow::Result<ExitCode> {
    match &args.check {
        Some(SelftestCheck::Arrivals(args)) => arrivals(args),
        Some(SelftestCheck::Ladder(args)) => ladder(args),
        None => ladder(&args.ladder),
    }
}

fn ladder(args: &LadderArgs) -> anyhow::Result<ExitCode> {
    let host = Host::this()?;
    // The server has a core of its own where there are several.
    let threads = args.threads.map_or_else(|| host.cores.saturating_sub(1).max(1), u16::from);
    let most = args.rungs.map_or(usize::MAX, |rungs| usize::from(rungs.get()));
    emit::note(&format!(
        "climbing two ladders of loads against the simulated server in a process of its own, with {threads} I/O thread{}; \
         this takes about half a minute",
        if threads == 1 { "" } else { "s" }
    ));
    let rungs = Rungs::new(threads)?;
    let clock = Clock::start();
    let streams = climb(&ladder::STREAMS, most, |streams| rungs.streams(streams))?;
    let rates = climb(&ladder::RATES, most, |rate| rungs.rate(rate))?;
    let found = Ceiling::from(rfc3339(clock.wall(Offset::ZERO)), threads, host, streams, rates);
    let kept = found.keep()?;
    let text = match args.json {
        true => format!("{}\n", serde_json::to_string_pretty(&found)?),
        false => ceiling::terminal(&found, &kept),
    };
    emit::result(&text)?;
    Ok(if found.is_known() { Exit::Passed.into() } else { Exit::Invalid.into() })
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
