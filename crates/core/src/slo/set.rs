//! The objectives of a run: together, free of contradiction, and such as the run can have.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::metric::Metric;
use super::objective::{Condition, Slo, Stat, Statistic};
use crate::spec::Api;

/// The objectives of a run; all must be met. There is no contradiction and no repetition among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Slos {
    #[serde(rename = "slo")]
    list: Vec<Slo>,
    confidence: Confidence,
}

/// The probability with which a verdict is right, at least: from 0.5 to below 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

impl Confidence {
    /// From 0.5 to below 1.
    pub fn value(self) -> f64 {
        self.0
    }

    /// The probability with which a verdict may be wrong.
    pub fn alpha(self) -> f64 {
        1.0 - self.0
    }
}

impl Default for Confidence {
    fn default() -> Self {
        Confidence(0.95)
    }
}

impl TryFrom<f64> for Confidence {
    type Error = SlosError;

    fn try_from(value: f64) -> Result<Self, SlosError> {
        if (0.5..1.0).contains(&value) { Ok(Confidence(value)) } else { Err(SlosError::Confidence(value)) }
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> f64 {
        confidence.0
    }
}

/// What the requests of a run have, as far as objectives need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observable {
    /// Answers are streamed.
    pub streaming: bool,
    /// Answers are made of tokens.
    pub tokens: bool,
}

impl Observable {
    /// What the requests of an interface have.
    pub fn of(api: &Api) -> Self {
        let interface = api.interface;
        Observable { streaming: api.stream, tokens: interface.streams() && !interface.takes_payloads() }
    }

    /// Checks that the requests have a metric, for what is about it.
    pub(crate) fn has(self, metric: Metric, what: &impl fmt::Display) -> Result<(), SlosError> {
        if metric.needs_tokens() && !self.tokens {
            return Err(SlosError::NoTokens(what.to_string()));
        }
        if metric.needs_streaming() && !self.streaming {
            return Err(SlosError::NotStreamed(what.to_string()));
        }
        Ok(())
    }
}

/// Objectives that cannot be asked of a run together, or at all.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SlosError {
    /// Two objectives about the same figure.
    #[error("`{first}` and `{second}` are about the same figure: keep one of them")]
    Repeated {
        /// The one that came first.
        first: String,
        /// The other.
        second: String,
    },
    /// Two objectives that no run can meet.
    #[error("`{first}` and `{second}` contradict each other: no server can meet both")]
    Contradiction {
        /// The one that came first.
        first: String,
        /// The other.
        second: String,
    },
    /// Streaming is needed.
    #[error("`{0}` needs a streamed answer, and this run does not stream: add --stream, or ask for latency")]
    NotStreamed(String),
    /// Tokens are needed.
    #[error(
        "`{0}` is about output tokens, and the answers of this run are not made of tokens: ask for latency or qps"
    )]
    NoTokens(String),
    /// Not from 0.5 to below 1.
    #[error("a confidence of {0} is out of range: give 0.5 to below 1, such as 0.95")]
    Confidence(f64),
}

impl Slos {
    /// Puts objectives together.
    ///
    /// # Errors
    /// Two are about the same figure, or contradict each other.
    pub fn new(list: Vec<Slo>, confidence: Confidence) -> Result<Self, SlosError> {
        for (index, second) in list.iter().enumerate() {
            for first in &list[..index] {
                let (a, b) = (first.to_string(), second.to_string());
                if contradict(first, second) {
                    return Err(SlosError::Contradiction { first: a, second: b });
                }
                if same_figure(first, second) {
                    return Err(SlosError::Repeated { first: a, second: b });
                }
            }
        }
        Ok(Slos { list, confidence })
    }

    /// Objectives known to be compatible, at the usual confidence.
    pub(super) fn unchecked(list: Vec<Slo>) -> Self {
        Slos { list, confidence: Confidence::default() }
    }

    /// Checks that a run has what they are about.
    ///
    /// # Errors
    /// One is about what the run cannot have.
    pub fn check(&self, observable: Observable) -> Result<(), SlosError> {
        for slo in &self.list {
            slo.metrics().into_iter().try_for_each(|metric| observable.has(metric, slo))?;
        }
        Ok(())
    }

    /// The objectives, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Slo> {
        self.list.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The confidence of their verdicts.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// What makes a request a good one, for goodput and attainment: the limits given for single requests; without any,
    /// the limits of the percentiles, of each metric that of its highest.
    pub fn each_request(&self) -> Vec<Condition> {
        let given: Vec<Condition> = self.list.iter().filter_map(Slo::conditions).flatten().copied().collect();
        if given.is_empty() { self.implied() } else { given }
    }

    fn implied(&self) -> Vec<Condition> {
        let mut highest: Vec<(f64, Condition)> = Vec::new();
        for slo in &self.list {
            let Slo::Statistic(Statistic { metric, stat: Some(Stat::Percentile(p)), comparison, limit }) =
                *slo
            else {
                continue;
            };
            if !comparison.is_upper() || !metric.is_of_single_requests() {
                continue;
            }
            let condition = Condition { metric, comparison, limit };
            match highest.iter_mut().find(|(_, other)| other.metric == metric) {
                Some(entry) if p > entry.0 => *entry = (p, condition),
                Some(_) => {}
                None => highest.push((p, condition)),
            }
        }
        highest.into_iter().map(|(_, condition)| condition).collect()
    }
}

impl fmt::Display for Slos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.list.iter().map(Slo::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

/// Whether two objectives limit the same figure on the same side.
fn same_figure(first: &Slo, second: &Slo) -> bool {
    match (first, second) {
        (Slo::Statistic(a), Slo::Statistic(b)) => {
            a.metric == b.metric && a.stat == b.stat && a.comparison.is_upper() == b.comparison.is_upper()
        }
        (Slo::EachRequest(a), Slo::EachRequest(b)) => a.conditions == b.conditions,
        _ => false,
    }
}

/// Whether one wants a figure at least as large as the other allows at most. A lower percentile is never above a higher
/// one, so `latency.p50>2s` contradicts `latency.p99<1s`.
fn contradict(first: &Slo, second: &Slo) -> bool {
    let (Slo::Statistic(a), Slo::Statistic(b)) = (first, second) else { return false };
    let (floor, ceiling) = match (a.comparison.is_upper(), b.comparison.is_upper()) {
        (false, true) => (a, b),
        (true, false) => (b, a),
        _ => return false,
    };
    let ordered = match (floor.stat, ceiling.stat) {
        (Some(Stat::Percentile(low)), Some(Stat::Percentile(high))) => low <= high,
        (low, high) => low == high,
    };
    let (least, most) = (floor.limit.value(), ceiling.limit.value());
    let both = least < most
        || (least == most && floor.comparison.holds(most, least) && ceiling.comparison.holds(least, most));
    floor.metric == ceiling.metric && ordered && !both
}

impl Slo {
    fn conditions(&self) -> Option<&Vec<Condition>> {
        match self {
            Slo::EachRequest(each) => Some(&each.conditions),
            Slo::Statistic(_) => None,
        }
    }
}

impl Metric {
    /// Whether each request has one value of it.
    fn is_of_single_requests(self) -> bool {
        self.sort() == super::metric::Sort::Time
    }
}
