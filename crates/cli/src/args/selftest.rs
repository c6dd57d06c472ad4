//! `plimsoll selftest`.

use clap::{Args, Subcommand};

use super::values;

const ABOUT: &str = "\
Checks this host and this build.

Without a check it climbs a ladder of loads against the simulated server, which runs in a process of its own, and says up to \
where the figures of this host can be trusted. `plimsoll run` warns when a load comes near that.";

/// `plimsoll selftest`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT, args_conflicts_with_subcommands = true)]
pub(crate) struct SelftestArgs {
    /// What to check.
    #[command(subcommand)]
    pub(crate) check: Option<SelftestCheck>,
    #[command(flatten)]
    pub(crate) ladder: LadderArgs,
}

/// The checks.
#[derive(Debug, Subcommand)]
pub(crate) enum SelftestCheck {
    /// Find the loads up to which the figures of this host can be trusted (half a minute); the default
    Ladder(LadderArgs),
    /// Draw an arrival process and print how well it fits what it claims to be
    Arrivals(ArrivalsArgs),
}

/// `plimsoll selftest ladder`.
#[derive(Debug, Args)]
pub(crate) struct LadderArgs {
    /// I/O threads of the client; without it one for each core but one, which the server has
    #[arg(long, value_name = "N", value_parser = values::counted::<std::num::NonZeroU16>)]
    pub(crate) threads: Option<std::num::NonZeroU16>,
    /// Most rungs to climb of each ladder: 1 takes a few seconds, and is no proof of more
    #[arg(long, value_name = "N", value_parser = values::counted::<std::num::NonZeroU16>)]
    pub(crate) rungs: Option<std::num::NonZeroU16>,
    /// Print JSON in place of the table
    #[arg(long)]
    pub(crate) json: bool,
}

/// `plimsoll selftest arrivals`.
#[derive(Debug, Args)]
pub(crate) struct ArrivalsArgs {
    /// Mean rate, per second
    #[arg(long, alias = "qps", value_name = "RATE", default_value = "100")]
    pub(crate) rate: plimsoll_core::time::Rate,
    /// Distribution of the gaps
    #[arg(long, alias = "qps-distribution", value_enum, default_value = "poisson")]
    pub(crate) arrival: values::ArrivalName,
    /// Coefficient of variation of the gaps (gamma only)
    #[arg(long, value_name = "CV", value_parser = values::positive)]
    pub(crate) cv: Option<f64>,
    /// Arrivals to draw
    #[arg(long, short = 'n', value_name = "N", value_parser = values::whole::<u32>, default_value_t = 100_000)]
    pub(crate) count: u32,
    /// Seed
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}
