//! A moment of a run, as all views show it.

use std::time::Duration;

use plimsoll_core::load::HandLoad;
use plimsoll_core::slo::SloVerdict;
use plimsoll_core::watch::Figure;

use super::history::Second;
use super::story::Story;

/// A moment of a run. Rates and percentiles are of the last few seconds, counts of the whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    /// `run`, `capacity`, …
    pub(crate) command: &'static str,
    /// What is asked of whom, in words.
    pub(crate) title: String,
    /// Since the start, for who watches. Simulated time is faster than that.
    pub(crate) watched: Duration,
    /// Since the start, for the run.
    pub(crate) elapsed: Duration,
    /// Until no more requests start, if that is known.
    pub(crate) left: Option<Duration>,
    /// `ramp`, `warm-up`, `measuring`, `draining`, `between trials`.
    pub(crate) phase: &'static str,
    /// Requests per second.
    pub(crate) offered_rate: f64,
    /// Requests per second.
    pub(crate) sent_rate: f64,
    /// `ok` completions per second.
    pub(crate) completed_rate: f64,
    /// Tokens per second.
    pub(crate) output_token_rate: f64,
    pub(crate) in_flight: u32,
    /// Median and 99th percentile, seconds.
    pub(crate) ttft: Option<(f64, f64)>,
    /// Median and 99th percentile, seconds.
    pub(crate) latency: Option<(f64, f64)>,
    pub(crate) ok: u64,
    /// Failures by class.
    pub(crate) errors: Vec<(String, u64)>,
    /// Whether answers are streamed.
    pub(crate) streamed: bool,
    /// The last complete seconds, oldest first.
    pub(crate) history: Vec<Second>,
    /// What the requests so far say of the objectives.
    pub(crate) objectives: Vec<SloVerdict>,
    /// What was seen of the server last; empty where it is not watched.
    pub(crate) server: Vec<Figure>,
    /// What the command is about beside the requests of the moment.
    pub(crate) story: Story,
    /// The load that the user asked for by hand, where it is not the planned one.
    pub(crate) by_hand: Option<HandLoad>,
    pub(crate) can: Can,
}

/// What keys can do now, beside ending it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Can {
    pub(crate) pause: bool,
    pub(crate) change: bool,
}

impl Moment {
    /// The phase in which no request starts any more.
    pub(crate) const DRAINING: &'static str = "draining";

    pub(super) fn is_draining(&self) -> bool {
        self.phase == Moment::DRAINING
    }

    /// The same with its times as whole seconds, as they are shown.
    pub(super) fn to_the_second(&self) -> Moment {
        let seconds = |time: Duration| Duration::from_secs(time.as_secs());
        Moment {
            watched: Duration::ZERO,
            elapsed: seconds(self.elapsed),
            left: self.left.map(seconds),
            ..self.clone()
        }
    }

    /// Failures so far.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.iter().map(|(_, count)| count).sum()
    }

    /// The last complete second.
    pub(super) fn last_second(&self) -> Option<&Second> {
        self.history.last()
    }
}
