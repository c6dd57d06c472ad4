//! Two sides of runs beside each other, as reports tell of them.

use plimsoll_core::compare::{Difference, Verdict, overall};

use super::comparable::Differing;
use super::runs::StoredRun;

/// Two sides and what came of comparing them.
pub(crate) struct Compared {
    pub(crate) a: Vec<StoredRun>,
    pub(crate) b: Vec<StoredRun>,
    /// Windows of A and of B, and their length in seconds.
    pub(crate) windows: (usize, usize, f64),
    pub(crate) differences: Vec<Difference>,
    /// Settings in which a run differs from the first of A.
    pub(crate) differing: Vec<(String, Differing)>,
    /// The conditions of --fail-on that hold, in words.
    pub(crate) failed: Vec<String>,
}

impl Compared {
    /// The verdict on a comparison as a whole.
    pub(crate) fn verdict(&self) -> Verdict {
        overall(&self.differences)
    }
}
