//! What a command tells beside the requests of the moment: the search so far, the drift, the steps.

use std::sync::Arc;

use plimsoll_core::drift::SoakReport;
use plimsoll_core::search::{Effort, TierCapacity, TrialOutcome, Variable};
use plimsoll_core::slo::SloVerdict;
use plimsoll_core::stress::Plan;
use plimsoll_core::time::Offset;

/// What a command tells of itself at a moment of its run's clock.
pub(crate) type Tell = Box<dyn Fn(Offset) -> Story>;

/// What a command is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Story {
    /// The run itself.
    #[default]
    Run,
    Search(SearchStory),
    Soak(SoakStory),
    Stress(StressStory),
}

/// How far a search for a capacity has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SearchStory {
    pub(crate) variable: Variable,
    /// What goes on now; nothing in the run with one user.
    pub(crate) trying: Option<Trying>,
    /// What is known of each tier.
    pub(crate) tiers: Arc<[TierCapacity]>,
    pub(crate) trials: Arc<[TrialOutcome]>,
    /// What the trial that goes on says so far, with the name of the tier.
    pub(crate) found: Vec<(String, SloVerdict)>,
}

/// A trial that goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trying {
    /// From 1.
    pub(crate) number: usize,
    /// Per second, or users.
    pub(crate) load: f64,
    pub(crate) effort: Effort,
}

/// How far a soak has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SoakStory {
    /// Complete windows.
    pub(crate) windows: usize,
    /// Seconds of a window.
    pub(crate) length: f64,
    /// The verdict of the last checkpoint.
    pub(crate) report: Option<Arc<SoakReport>>,
    /// Seconds since then.
    pub(crate) ago: f64,
}

/// How far a stress test has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StressStory {
    pub(crate) plan: Arc<Plan>,
    /// Seconds since the first step began; below 0 in the warm-up.
    pub(crate) at: f64,
}
