//! What a soak found: the versioned schema of `soak.json`. Times are in seconds, growth is per minute.

use serde::{Deserialize, Serialize};

use super::series::Direction;

/// Version of this schema. Readers refuse a newer major version.
pub const SOAK_SCHEMA: &str = "plimsoll.soak/1";

/// Whether a server stayed what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SoakVerdict {
    /// A change that matters is excluded.
    Steady,
    /// It moves, by enough to matter.
    Drifting,
    /// The windows neither show a change that matters nor exclude it.
    Undecided,
}

/// The result of a soak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoakReport {
    /// [`SOAK_SCHEMA`].
    pub schema: String,
    /// Whether the soak has ended; a report that was written on the way has not.
    pub complete: bool,
    /// Over all series.
    pub verdict: SoakVerdict,
    /// What the verdict rests on, in words.
    pub reasons: Vec<String>,
    /// Seconds that the windows cover.
    pub covered: f64,
    /// Seconds of a window.
    pub window: f64,
    /// Windows.
    pub windows: usize,
    /// The change over the soak that matters, as a share of the level.
    pub tolerance: f64,
    /// The probability of an unjustified DRIFTING that was accepted, over all series.
    pub alpha: f64,
    /// Seconds within which reaching a limit matters.
    pub horizon: f64,
    /// What was found of each series.
    pub findings: Vec<Finding>,
}

/// How a series moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// No change is shown.
    Flat,
    /// It grows (or falls) to the end.
    Lasting,
    /// It moved at first and stands since: a cache that filled, a warm-up.
    Settled,
    /// It jumped, and stayed there.
    Stepped,
    /// It moves the way that does no harm.
    Improving,
}

/// What was found of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The series: `latency.p99`, `error_rate`, `resident_bytes`.
    pub series: String,
    /// Which way does harm.
    pub harm: Direction,
    /// Its verdict.
    pub verdict: SoakVerdict,
    /// How it moves.
    pub shape: Shape,
    /// Its level at the beginning, by the fitted slope.
    pub level: f64,
    /// Values that it was judged by.
    pub points: usize,
    /// How fast it moves.
    pub growth: Growth,
    /// When it will have used up what there is of it, or passed its objective.
    pub exhaustion: Option<Exhaustion>,
    /// Where it jumped.
    pub changes: Vec<Change>,
    /// Seconds of soak that would decide, where it is UNDECIDED.
    pub more: Option<f64>,
}

/// How fast a series moves. Shares are of the level at the beginning; of a series that is a share itself they are
/// differences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Theil and Sen's slope per minute, as a share.
    pub per_minute: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The same over the whole soak.
    pub over_soak: f64,
    /// Lower end.
    pub over_soak_low: f64,
    /// Upper end.
    pub over_soak_high: f64,
    /// Probability of so strong a trend where there is none, corrected for the number of series.
    pub p_value: f64,
    /// By which factor the resemblance of neighbours widens the variance.
    pub widening: f64,
}

/// When a limit is reached if a series goes on like this. Seconds from the end of the soak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exhaustion {
    /// The limit, in the unit of the series.
    pub limit: f64,
    /// By the slope; 0 if it is passed already.
    pub after: f64,
    /// By the upper end of the slope.
    pub earliest: f64,
    /// By the lower end; `null` if that may never be.
    pub latest: Option<f64>,
}

/// A jump of a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When, seconds from the start of the run.
    pub at: f64,
    /// Median before it.
    pub before: f64,
    /// Median after it.
    pub after: f64,
    /// Share of rearrangements with a jump as large.
    pub p_value: f64,
}
