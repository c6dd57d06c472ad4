//! One value of one thing that is watched.

use std::sync::Arc;

use super::canonical::{Canonical, Source};
use crate::time::Offset;

/// One value of one thing at one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When the scrape that brought it began.
    pub at: Offset,
    /// The number of its target, in the order in which targets are named.
    pub target: usize,
    /// Who says it.
    pub source: Source,
    /// What it is.
    pub metric: Canonical,
    /// Of which accelerator, model or replica; empty where there is only one.
    pub instance: Arc<str>,
    /// The value, in the metric's unit; always finite.
    pub value: f64,
    /// How many events the value is the mean of, such as requests since the page before; nothing where it is a level.
    pub events: Option<f64>,
}
