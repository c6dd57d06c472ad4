//! What a run in simulated time needs, and what it cannot have.

use plimsoll_core::load::{Arrivals, LoadModel, OpenLoop};
use plimsoll_core::spec::Phases;

use super::FeedPlan;
use crate::args::RunArgs;
use crate::args::values::HttpName;
use crate::exit::{UsageError, refuse};

/// Checks a run against a target with `time=virtual`.
///
/// # Errors
/// It has no end, or asks for something that simulated time does not have.
pub(super) fn check(
    args: &RunArgs,
    load: &LoadModel,
    phases: &Phases,
    feeds: &FeedPlan,
) -> Result<(), UsageError> {
    if args.process.threads.is_some_and(|threads| threads.get() != 1) {
        refuse!("simulated time (time=virtual) is that of one thread: leave --threads out");
    }
    if args.transport.http == HttpName::Two {
        refuse!("in simulated time (time=virtual) nothing is sent: leave --http 2 out");
    }
    if args.process.spin {
        refuse!("simulated time (time=virtual) is exact without --spin: leave it out");
    }
    if args.output.show_response {
        refuse!("answers in simulated time (time=virtual) have no text: leave --show-response out");
    }
    if let Some(option) = feeds.asked_by() {
        refuse!("simulated time (time=virtual) is over before anybody could watch it: leave {option} out");
    }
    let ends = matches!(
        load,
        LoadModel::Open(OpenLoop { arrivals: Arrivals::Stages { .. } | Arrivals::Replay(_), .. })
    );
    if !ends && phases.measure.is_none() && phases.max_requests.is_none() {
        refuse!("a run in simulated time (time=virtual) needs an end: add -t 1h, or --max-requests 10000");
    }
    Ok(())
}
