//! What a rule of the tables says: what is made of one name.

use super::super::canonical::{Canonical, Source};
use super::super::exposition::Labels;

/// What is made of the series of one name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Who says it.
    pub source: Source,
    /// The name on the page, with its suffix.
    pub name: &'static str,
    /// Which of the series.
    pub only: Only,
    /// What they are.
    pub metric: Canonical,
    /// How.
    pub reading: Reading,
    /// The canonical unit in the page's: 0.01 for percent.
    pub scale: f64,
    /// Labels that tell instances apart.
    pub by: &'static [&'static str],
}

/// Which series of a name are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// All.
    Any,
    /// Those whose label has this value.
    Is(&'static str, &'static str),
    /// Those whose label has another value than these.
    IsNot(&'static str, &'static [&'static str]),
    /// Those whose label has this value, or that have no such label: one of several that say the same.
    AbsentOr(&'static str, &'static str),
}

impl Only {
    pub(crate) fn takes(self, labels: Labels<'_>) -> bool {
        match self {
            Only::Any => true,
            Only::Is(label, value) => labels.get(label).is_some_and(|given| given == value),
            Only::IsNot(label, values) => {
                labels.get(label).is_none_or(|given| !values.contains(&given.as_ref()))
            }
            Only::AbsentOr(label, value) => labels.get(label).is_none_or(|given| given == value),
        }
    }
}

/// How a canonical value is made of series. Those of one instance that share a part are put together first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The value itself.
    Gauge,
    /// The upper part of a quotient of gauges.
    GaugeAbove,
    /// Its lower part.
    GaugeBelow,
    /// What a counter gained, per second.
    Rate,
    /// What a counter gained since it was first seen.
    Total,
    /// The upper part of a quotient of what counters gained since the last scrape: the sum of a histogram, say.
    GainAbove,
    /// Its lower part: the count of the histogram.
    GainBelow,
    /// What the buckets of a histogram gained since the last scrape.
    Buckets,
}

impl Reading {
    /// Whether only what a series gained matters, and not its value.
    pub(crate) fn is_counter(self) -> bool {
        matches!(
            self,
            Reading::Rate | Reading::Total | Reading::GainAbove | Reading::GainBelow | Reading::Buckets
        )
    }
}

/// A rule for all series of a name, in the canonical unit.
pub(super) const fn rule(source: Source, name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    Rule { source, name, only: Only::Any, metric, reading, scale: 1.0, by: &[] }
}

impl Rule {
    pub(super) const fn only(self, only: Only) -> Rule {
        Rule { only, ..self }
    }

    pub(super) const fn times(self, scale: f64) -> Rule {
        Rule { scale, ..self }
    }

    pub(super) const fn by(self, by: &'static [&'static str]) -> Rule {
        Rule { by, ..self }
    }
}
