//! Options of `plimsoll coldstart`.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::RunArgs;
use super::values::{self, positive_duration};

/// `plimsoll coldstart`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    next_help_heading = "Cold start",
    mut_arg("n", |choices| choices.short(None)), // -n is how often to start; answers per request are --n here
    long_about = COLDSTART_ABOUT,
    after_help = "`plimsoll coldstart --help` explains the commands; the options of `run` are the same here.",
    after_long_help = COLDSTART_EXAMPLES
)]
pub(crate) struct ColdStartArgs {
    /// Starts the server: a shell command that stays, or returns when it has told somebody else to start it
    #[arg(long, value_name = "COMMAND")]
    pub(crate) start_cmd: Option<String>,
    /// Stops it again; without it what --start-cmd left running is ended
    #[arg(long, value_name = "COMMAND", requires = "start_cmd")]
    pub(crate) stop_cmd: Option<String>,
    /// Starts to measure
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        value_parser = values::counted::<NonZeroU32>,
        default_value = "5"
    )]
    pub(crate) repetitions: NonZeroU32,
    /// First requests to look at one by one
    #[arg(long, value_name = "N", value_parser = values::counted::<NonZeroU32>, default_value = "10")]
    pub(crate) first: NonZeroU32,
    /// Requests after them that are taken as warm
    #[arg(long, value_name = "N", value_parser = values::counted::<NonZeroU32>, default_value = "30")]
    pub(crate) warm: NonZeroU32,
    /// Path that answers 200 when the server is ready; without it those of the provider
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_path: Option<String>,
    /// Longest time from the start to the first answer
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "10m")]
    pub(crate) start_timeout: Duration,
    /// Longest time for the server to be gone
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "60s")]
    pub(crate) down_timeout: Duration,
    /// From one question whether it is ready to the next
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "50ms")]
    pub(crate) poll: Duration,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const COLDSTART_ABOUT: &str = "\
Starts a server again and again, and says how long it takes until it answers, and how slow it is at first.

Of each start are measured the time until a connection is accepted, until the server says that it is ready, and until the \
first answer to an inference; then the first requests one by one, and warm ones to compare them with. From these follows how \
late an autoscaler's replica comes.

The commands are given to `sh -c`, each in a process group of its own, with their output in hooks.log in the results folder, \
and with PLIMSOLL_URL, PLIMSOLL_ATTEMPT (1, 2, ...) and PLIMSOLL_RESULTS (that folder) in their environment. What \
--start-cmd left running is ended with SIGTERM, after ten seconds with SIGKILL; nothing else is. Without --start-cmd \
Plimsoll waits for a server that somebody else starts, once.";

const COLDSTART_EXAMPLES: &str = "\
Examples:
  Five starts of a server on this machine
    plimsoll coldstart -H http://127.0.0.1:8000 --start-cmd 'exec llama-server -m model.gguf --port 8000'
  A deployment that is scaled
    plimsoll coldstart -H http://model.example --start-cmd 'kubectl scale deploy/model --replicas 1' \\
      --stop-cmd 'kubectl scale deploy/model --replicas 0' --down-timeout 5m -n 3
  A server that somebody else is about to start
    plimsoll coldstart -H http://127.0.0.1:8000 -n 1

Exit codes: 0 measured; 1 some start came to no answer; 2 bad usage; 130 interrupted.";
