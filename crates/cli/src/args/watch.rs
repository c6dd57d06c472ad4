//! Options that say what is watched beside the answers, and when a profiler is on.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use plimsoll_core::time::parse_duration;

use super::values::{self, positive_duration};

/// What is watched of the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Watching the server")]
pub(crate) struct WatchArgs {
    /// A page of metrics to read meanwhile (Prometheus's format), such as http://gpu-host:9400/metrics. Repeatable. `auto`
    /// finds those beside the target by itself, on its host only, which is the default; `off` watches only what is named
    #[arg(long, value_name = "URL|auto|off")]
    pub(crate) watch: Vec<String>,
    /// A header for the pages that --watch names, `Name: value`; the value is never shown or stored. Repeatable
    #[arg(long, value_name = "HEADER")]
    pub(crate) watch_header: Vec<String>,
    /// From one look to the next, at least 100ms
    #[arg(long, value_name = "TIME", value_parser = interval, default_value = "1s")]
    pub(crate) watch_interval: Duration,
    /// Watch memory, processor time and open files of this process on this machine, the server's
    #[arg(long, value_name = "PID", value_parser = values::counted::<NonZeroU32>)]
    pub(crate) watch_pid: Option<NonZeroU32>,

    /// Start a profiler by this command of a shell, such as 'nsys start --stop-on-exit=false'
    #[arg(long, visible_alias = "profile-cmd", value_name = "CMD", help_heading = "Profiling")]
    pub(crate) profile_start_cmd: Option<String>,
    /// Stop it by this one, such as 'nsys stop'
    #[arg(long, value_name = "CMD", help_heading = "Profiling", requires = "profile_start_cmd")]
    pub(crate) profile_stop_cmd: Option<String>,
    /// Have the server profile itself: POST /start_profile and /stop_profile, as vLLM and SGLang have them
    #[arg(long, help_heading = "Profiling", conflicts_with = "profile_start_cmd")]
    pub(crate) profile_server: bool,
    /// When to start it, from the beginning of the measured window
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0", help_heading = "Profiling")]
    pub(crate) profile_at: Duration,
    /// How long to leave it on
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "10s", help_heading = "Profiling")]
    pub(crate) profile_for: Duration,
}

/// Looks that are closer than this would be a load of their own.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse_duration(text).map_err(|error| error.to_string())?;
    match interval {
        interval if interval < Duration::from_millis(100) => Err("the least interval is 100ms".to_owned()),
        interval if interval > Duration::from_secs(3600) => Err("the greatest interval is 1h".to_owned()),
        interval => Ok(interval),
    }
}
