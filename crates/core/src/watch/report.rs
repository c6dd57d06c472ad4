//! What a run's summary says of the server: the part `server` of `summary.json`.
//!
//! Times are in seconds, shares from 0 to 1, all figures over the measured window.

use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, Source, Unit};
use super::histogram::ServerTimes;
use super::saturation::Saturation;
use super::track::Level;

/// What was seen of the server while the load was on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerSummary {
    /// From one scrape to the next.
    pub interval: f64,
    /// Who was asked.
    pub targets: Vec<TargetSummary>,
    /// What they said, over the measured window: of each metric one figure, by the source that is to be believed.
    pub figures: Vec<ServerFigure>,
    /// How long requests took as the server saw it, where it has histograms. Absent in results of before these were kept.
    #[serde(default)]
    pub times: Vec<ServerTimes>,
    /// What limits the server at this load.
    pub saturation: Saturation,
    /// What the accelerators drew; absent where nobody knows.
    pub energy: Option<Energy>,
    /// When a profiler was on.
    pub profile: Option<ProfileWindow>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// One that was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// Its URL without secrets; or `nvml`, `host`, `process 1234`.
    pub name: String,
    /// Who spoke there.
    pub sources: Vec<Source>,
    /// Scrapes that succeeded, in the whole run.
    pub scrapes: u64,
    /// Scrapes that failed.
    pub failures: u64,
    /// Scrapes left out because the one before was still going on.
    pub missed: u64,
    /// How long one took on average.
    pub duration_mean: f64,
    /// How long the longest took.
    pub duration_max: f64,
    /// Series on its last page.
    pub series: u64,
    /// Those that have a canonical name.
    pub known: u64,
    /// Why the last scrape that failed did.
    pub last_error: Option<String>,
}

impl TargetSummary {
    /// What is to be said if it did not always answer.
    pub(super) fn warning(&self) -> Option<String> {
        let why = self.last_error.as_deref().unwrap_or("no reason is known");
        let asked = self.scrapes + self.failures;
        match (self.failures, self.scrapes) {
            (0, _) if self.missed > asked => Some(format!(
                "{} takes {:.1} s to answer on average, so that {} of {} scrapes were left out: watch it less often \
                 (--watch-interval)",
                self.name,
                self.duration_mean,
                self.missed,
                self.missed + asked
            )),
            (0, _) => None,
            (_, 0) => Some(format!("{} never answered: {why}", self.name)),
            (failures, _) => {
                Some(format!("{} did not answer {failures} of {asked} scrapes: {why}", self.name))
            }
        }
    }
}

/// One figure over the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerFigure {
    /// What it is.
    pub metric: Canonical,
    /// Its unit.
    pub unit: Unit,
    /// Who says it.
    pub source: Source,
    /// Accelerators, models or replicas that it is made of, at most.
    pub instances: u32,
    /// Its values.
    pub level: Level,
}

/// What the accelerators drew over the measured window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Joules.
    pub joules: f64,
    /// Mean power, watts.
    pub mean_power: f64,
    /// Joules for each request that ended `ok`.
    pub per_request: Option<f64>,
    /// Joules for each output token of those.
    pub per_output_token: Option<f64>,
    /// Whether energy counters say it; else it is the mean of the power that was read, which may miss peaks.
    pub counted: bool,
}

/// When a profiler was on, seconds from the start of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProfileWindow {
    /// How it was started: the command, or the path that was asked.
    pub by: String,
    /// When it had started.
    pub start: f64,
    /// When it was stopped.
    pub end: f64,
}

/// What the server did in the measured window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Requests that ended `ok`.
    pub ok: u64,
    /// Their output tokens.
    pub output_tokens: u64,
    /// Whether the backlog grew.
    pub overloaded: bool,
}

impl ServerSummary {
    /// A figure, if it was watched.
    pub fn figure(&self, metric: Canonical) -> Option<&ServerFigure> {
        self.figures.iter().find(|figure| figure.metric == metric)
    }
}
