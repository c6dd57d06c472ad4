//! One objective, and its text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::SloError;
use super::limit::{Comparison, Limit};
use super::metric::{Metric, Sort};
use super::parse;

/// An objective: `ttft.p99<500ms`, `error_rate<1%`, `qps>=100`, `ttft<500ms & tpot<40ms @ 99%`.
#[derive(Clone, Debug, PartialEq)]
pub enum Slo {
    /// A figure of the whole window against a limit.
    Statistic(Statistic),
    /// A share of the requests, each of which keeps all of several limits.
    EachRequest(EachRequest),
}

/// A figure of the whole window against a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistic {
    /// Of what.
    pub metric: Metric,
    /// Which figure of a time; nothing for shares and rates, which are one figure.
    pub stat: Option<Stat>,
    /// How it must stand to the limit.
    pub comparison: Comparison,
    /// The limit.
    pub limit: Limit,
}

/// A figure of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    /// The mean.
    Mean,
    /// A percentile, above 0 and below 100.
    Percentile(f64),
}

/// A share of the requests, each of which keeps all of several limits. It is goodput with a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct EachRequest {
    /// What each of them keeps; at least one.
    pub conditions: Vec<Condition>,
    /// At least this share must, in percent, above 0 and below 100.
    pub percent: f64,
}

/// A limit for a time of single requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Of what.
    pub metric: Metric,
    /// How it must stand to the limit.
    pub comparison: Comparison,
    /// The limit.
    pub limit: Limit,
}

/// How an objective is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Question {
    /// At most this share (0 to 1) of the trials may miss.
    Misses(f64),
    /// The mean of samples against a limit.
    Mean,
    /// The mean per second against a limit.
    Rate,
}

impl Slo {
    /// The metrics that it needs.
    pub fn metrics(&self) -> Vec<Metric> {
        match self {
            Slo::Statistic(statistic) => vec![statistic.metric],
            Slo::EachRequest(each) => each.conditions.iter().map(|condition| condition.metric).collect(),
        }
    }

    /// Its metric; nothing for a conjunction over single requests.
    pub fn metric(&self) -> Option<Metric> {
        match self {
            Slo::Statistic(statistic) => Some(statistic.metric),
            Slo::EachRequest(_) => None,
        }
    }

    /// Whether small figures are the good ones.
    pub fn is_upper(&self) -> bool {
        match self {
            Slo::Statistic(statistic) => statistic.comparison.is_upper(),
            Slo::EachRequest(_) => false,
        }
    }

    /// The limit in seconds, as a share, or per second.
    pub fn limit(&self) -> f64 {
        match self {
            Slo::Statistic(statistic) => statistic.limit.value(),
            Slo::EachRequest(each) => each.percent / 100.0,
        }
    }

    /// The share of misses, 0 to 1, up to which it is met; nothing where it is about a mean or an amount per second.
    pub fn allowed(&self) -> Option<f64> {
        match self.question() {
            Question::Misses(allowed) => Some(allowed),
            Question::Mean | Question::Rate => None,
        }
    }

    /// Whether it is about an amount per second, which more load raises.
    pub fn is_about_an_amount(&self) -> bool {
        self.question() == Question::Rate
    }

    pub(super) fn question(&self) -> Question {
        match self {
            Slo::EachRequest(each) => Question::Misses(1.0 - each.percent / 100.0),
            Slo::Statistic(statistic) => statistic.question(),
        }
    }
}

impl Statistic {
    pub(super) fn question(&self) -> Question {
        let limit = self.limit.value();
        match (self.metric.sort(), self.stat) {
            (Sort::Share, _) if self.comparison.is_upper() => Question::Misses(limit),
            (Sort::Share, _) => Question::Misses(1.0 - limit),
            (Sort::Time | Sort::PooledTime, Some(Stat::Percentile(p))) if self.comparison.is_upper() => {
                Question::Misses((100.0 - p) / 100.0)
            }
            (Sort::Time | Sort::PooledTime, Some(Stat::Percentile(p))) => Question::Misses(p / 100.0),
            (Sort::Rate, _) => Question::Rate,
            _ => Question::Mean,
        }
    }
}

impl Condition {
    /// Whether `seconds` keeps it.
    pub fn holds(&self, seconds: f64) -> bool {
        self.comparison.holds(seconds, self.limit.value())
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slo::Statistic(statistic) => statistic.fmt(f),
            Slo::EachRequest(each) => each.fmt(f),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name())?;
        match self.stat {
            Some(Stat::Mean) => f.write_str(".mean")?,
            Some(Stat::Percentile(p)) => write!(f, ".p{p}")?,
            None => {}
        }
        write!(f, "{}{}", self.comparison.sign(), self.limit)
    }
}

impl fmt::Display for EachRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, condition) in self.conditions.iter().enumerate() {
            if index > 0 {
                f.write_str(" & ")?;
            }
            condition.fmt(f)?;
        }
        write!(f, " @ {}%", self.percent)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.metric.name(), self.comparison.sign(), self.limit)
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        parse::slo(text)
    }
}

impl Serialize for Slo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Slo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
