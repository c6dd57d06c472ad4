//! What was seen last, for whoever wants to show it meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Canonical, Figure};

/// The figures of the last moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatestFigures {
    /// When it was; nothing before the first scrape of a run.
    pub at: Option<Offset>,
    /// Of each metric one figure, in the order of [`Canonical::ALL`].
    pub figures: Vec<Figure>,
}

impl LatestFigures {
    /// The value of a metric, in its unit.
    pub fn value(&self, metric: Canonical) -> Option<f64> {
        self.figures.iter().find(|figure| figure.metric == metric).map(|figure| figure.value)
    }
}

/// A place where the latest figures stand. Clones are the same place; one can serve trial after trial.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<LatestFigures>>);

impl Board {
    /// What stands there.
    pub fn latest(&self) -> LatestFigures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn show(&self, latest: LatestFigures) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }
}
