//! Options of `run` that other commands refuse: their help does not offer what they would not take.

use clap::Arg;

/// What only a trace is told.
const TRACE: [&str; 8] = [
    "trace",
    "trace-speed",
    "trace-start",
    "trace-stop",
    "trace-time-column",
    "trace-time-unit",
    "trace-input-column",
    "trace-output-column",
];
/// A rate that moves.
const STAGES: [&str; 2] = ["stages", "start-rate"];
/// One load is profiled, and these make several.
const PROFILE: [&str; 5] =
    ["profile-start-cmd", "profile-stop-cmd", "profile-server", "profile-at", "profile-for"];

/// A search finds the load itself.
pub(super) const BY_CAPACITY: [&[&str]; 4] =
    [&TRACE, &STAGES, &PROFILE, &["qps", "burst", "ramping-time", "ramping-warmup-time", "max-requests"]];
/// One rate is held.
pub(super) const BY_SOAK: [&[&str]; 2] = [&TRACE, &STAGES];
/// Steps make the load, and last as long as they last.
pub(super) const BY_STRESS: [&[&str]; 3] = [&TRACE, &STAGES, &["qps", "run-time", "max-requests"]];
/// So many requests are asked after each start.
pub(super) const BY_COLDSTART: [&[&str]; 2] = [&PROFILE, &["run-time", "max-requests", "slo", "abort-on"]];
/// A cell is a run among many.
pub(super) const BY_SWEEP: [&[&str]; 2] = [&PROFILE, &["summary-file", "csv"]];

/// The option as the help of a command shows it that refuses these.
pub(super) fn without(refused: &'static [&'static [&'static str]]) -> impl FnMut(Arg) -> Arg {
    move |arg| {
        let is_refused = arg.get_long().is_some_and(|long| refused.iter().any(|names| names.contains(&long)));
        if is_refused { arg.hide(true) } else { arg }
    }
}
