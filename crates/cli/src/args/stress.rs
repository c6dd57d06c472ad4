//! Options of `plimsoll stress`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use plimsoll_core::time::Rate;

use super::RunArgs;
use super::values::{self, positive_duration};

/// `plimsoll stress`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    next_help_heading = "Stress",
    long_about = STRESS_ABOUT,
    after_help = "`plimsoll stress --help` explains the verdict; the options of `run` are the same here.",
    after_long_help = STRESS_EXAMPLES
)]
pub(crate) struct StressArgs {
    /// Requests per second that the server bears
    #[arg(long, value_name = "RATE")]
    pub(crate) capacity: Option<Rate>,
    /// Take the capacity from a certificate of `plimsoll capacity`: the certified rate, of several tiers the highest
    #[arg(long, value_name = "FILE", conflicts_with = "capacity")]
    pub(crate) certificate: Option<PathBuf>,
    /// Overload as a multiple of the capacity [default: 2; with --spike 5]
    #[arg(long, value_name = "FACTOR", value_parser = values::positive)]
    pub(crate) multiple: Option<f64>,
    /// Several loads, one after the other, as multiples of the capacity: 1,1.5,2,3
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = values::positive,
        conflicts_with_all = ["multiple", "spike"]
    )]
    pub(crate) steps: Vec<f64>,
    /// One short burst in place of a long overload
    #[arg(long)]
    pub(crate) spike: bool,
    /// Length of each overload [default: 60s; with --spike 5s]
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) step_time: Option<Duration>,
    /// Rate before and after, as a share of the capacity
    #[arg(long, value_name = "SHARE", value_parser = values::part, default_value = "70%")]
    pub(crate) baseline: f64,
    /// Length of the baseline before the overload
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "30s")]
    pub(crate) baseline_time: Duration,
    /// Time for which the server is watched after the overload
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "60s")]
    pub(crate) recovery_time: Duration,
    /// An answer within this time of when it was due is useful; without it 5 times the baseline's 99th percentile
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) useful_within: Option<Duration>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const STRESS_ABOUT: &str = "\
Puts more on a server than it bears, takes it away again, and says how it fails: GRACEFUL, DEGRADED or COLLAPSED.

The load is an open loop: a baseline below the capacity, one or more steps beyond it, and the baseline again. What became of \
each request tells the ways of failing: refusals with 429 or 503 and how long they take, queueing without bound, time limits, \
refused connections, a crash, wrong answers. Goodput counts answers that are useful: in time for whoever waits.

GRACEFUL    keeps 80 % of its goodput, refuses the rest at once, and is itself again when the load drops
DEGRADED    serves less than it can, or serves the rest badly, and comes back
COLLAPSED   goes down, keeps less than 30 %, or is not itself again within --recovery-time";

const STRESS_EXAMPLES: &str = "\
Examples:
  Twice what it bears, for a minute
    plimsoll stress -H http://127.0.0.1:8000 --capacity 65
  The capacity as `plimsoll capacity` certified it, in steps
    plimsoll stress -H http://127.0.0.1:8000 --certificate certificate.json --steps 1,1.5,2,3
  A burst of five seconds at five times the capacity
    plimsoll stress -H http://127.0.0.1:8000 --capacity 65 --spike

Exit codes: 0 GRACEFUL; 99 DEGRADED or COLLAPSED; 3 no verdict, or an INVALID measurement; 1 the test failed; 2 bad usage; \
130 interrupted twice.";
