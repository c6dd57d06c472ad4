//! Rules that end a run early: a figure of the last seconds against a limit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::error::SloError;
use super::metric::Metric;
use super::objective::Statistic;
use super::parse;

/// A rule that ends a run: `error_rate>5% over 10s`, `ttft.p99>2s over 30s`. It names what must not happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// What must not hold.
    pub breach: Statistic,
    /// Over the last so many seconds, 1 s to 1 h.
    pub over: Duration,
}

impl Rule {
    /// A rule, or why it cannot be watched while a run goes on.
    pub(super) fn new(breach: Statistic, over: Duration) -> Result<Self, String> {
        let metric = breach.metric;
        let watched = matches!(
            metric,
            Metric::ErrorRate
                | Metric::Latency
                | Metric::ResponseTime
                | Metric::Ttft
                | Metric::TtftScheduled
                | Metric::Ttfvt
                | Metric::Qps
        );
        if watched {
            return Ok(Rule { breach, over });
        }
        Err(format!(
            "{} is not watched while a run goes on: a rule can be about error_rate, qps, latency, response_time, \
             ttft, ttft_scheduled or ttfvt",
            metric.name()
        ))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.over.as_nanos()).unwrap_or(u64::MAX);
        write!(f, "{} over {}", self.breach, super::limit::Limit::Time(nanos))
    }
}

impl FromStr for Rule {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        parse::rule(text)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
