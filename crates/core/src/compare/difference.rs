//! What is said of one figure of two sides.

use super::figure::{Figure, Measure};

/// By how much a figure of side B differs from that of side A.
///
/// Relative to A (0.1: B is 10 % greater), but for shares the difference itself (0.1: ten points more).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The best guess.
    pub estimate: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What follows from a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// B is better: surely different, and by more than the threshold.
    Better,
    /// B is worse.
    Worse,
    /// B is higher, of a figure that is neither good nor bad.
    Higher,
    /// B is lower, likewise.
    Lower,
    /// The whole interval lies within the threshold.
    Same,
    /// Neither can be said.
    Undecided(Open),
}

impl Verdict {
    /// The word for it in every report and file.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Better => "BETTER",
            Verdict::Worse => "WORSE",
            Verdict::Higher => "HIGHER",
            Verdict::Lower => "LOWER",
            Verdict::Same => "SAME",
            Verdict::Undecided(_) => "UNDECIDED",
        }
    }
}

/// Why a figure is undecided, and what would decide it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Open {
    /// A side has no such figure, or it is 0 where a ratio is asked for.
    NoValue,
    /// A side has fewer values than a percentile needs to have an interval at all.
    FewValues {
        /// The smaller number of values of the two sides.
        have: u64,
        /// What the percentile needs.
        need: u64,
    },
    /// A side has fewer windows than an interval needs.
    FewWindows {
        /// The smaller number of windows of the two sides.
        have: usize,
        /// What is needed.
        need: usize,
        /// Length of a window, seconds.
        seconds: f64,
    },
    /// The interval is too wide; with so many more seconds of load on each side it would be narrow enough, if the
    /// difference stays what it is.
    MoreSeconds(f64),
    /// The same with so many runs on each side, where runs are what is compared.
    MoreRuns(u64),
    /// The ranges of two capacities are too wide.
    FinerSearch,
    /// The difference lies so near the threshold, or so near zero, that no run of sensible length decides.
    TooNear,
}

/// One figure of two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Which.
    pub figure: Figure,
    /// Its value on side A, in its own unit.
    pub a: Option<f64>,
    /// Its value on side B.
    pub b: Option<f64>,
    /// By how much B differs; nothing where that cannot be said with an interval.
    pub change: Option<Change>,
    /// Probability of a difference at least as large between sides that do not differ: the greater of the permutation
    /// test's and the t-test's.
    pub p: Option<f64>,
    /// The same by Holm's method, so that all figures together are wrong as seldom as one alone.
    pub p_holm: Option<f64>,
    /// Up to here a difference is noise, as in [`Change`].
    pub threshold: f64,
    /// Whether runs of one side differ by more than their windows explain, so that the interval is that of runs.
    pub between_runs: bool,
    /// What follows.
    pub verdict: Verdict,
}

impl Difference {
    /// What follows with another threshold: a difference counts if it is sure and its best guess lies beyond `limit`
    /// (below it, for a negative one).
    pub fn exceeds(&self, limit: f64, above: bool) -> bool {
        let sure = self.p_holm.is_some_and(|p| p <= super::judge::ALPHA);
        let beyond = |change: Change| if above { change.estimate > limit } else { change.estimate < limit };
        sure && self.change.is_some_and(beyond)
    }
}

/// How two values of a figure are set against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// The logarithm of their ratio, so that twice as much and half as much are equally far from the same.
    Ratio,
    /// Their difference.
    Points,
}

impl Scale {
    pub(super) fn of(figure: Figure) -> Self {
        if figure.measure() == Measure::Share { Scale::Points } else { Scale::Ratio }
    }

    /// Where a value lies on the scale; nothing for a ratio to 0.
    pub(super) fn place(self, value: f64) -> Option<f64> {
        match self {
            Scale::Points => Some(value),
            Scale::Ratio => (value > 0.0).then(|| value.ln()),
        }
    }

    /// A distance on the scale as a [`Change`] says it.
    pub(super) fn change(self, distance: f64) -> f64 {
        match self {
            Scale::Points => distance,
            Scale::Ratio => distance.exp_m1(),
        }
    }

    /// The distance of a change; a fall by all there is has none.
    pub(super) fn distance(self, change: f64) -> f64 {
        match self {
            Scale::Points => change,
            Scale::Ratio => change.max(-0.999).ln_1p(),
        }
    }
}
