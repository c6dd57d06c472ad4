//! After which time a request that has not ended misses its objectives, whatever becomes of it.

use std::time::Duration;

use super::limit::{Comparison, Limit};
use super::metric::Metric;
use super::objective::{Slo, Stat};
use super::set::Slos;

impl Slos {
    /// The time from the moment at which a request is due to that from which on it says the same of every objective whether
    /// it ends later or never does: it misses them. Nothing where there is no such time, because an objective is about
    /// errors, means, amounts per second or parts of an answer, for which each end counts; nor without objectives.
    ///
    /// `sending` is the longest time from the moment at which a request is due to that at which it is sent, if there is a
    /// longest: `latency` counts from there.
    pub fn settled_after(&self, sending: Option<Duration>) -> Option<Duration> {
        let each: Option<Vec<Duration>> =
            self.iter().map(|slo| self.one_settled_after(slo, sending)).collect();
        each?.into_iter().max()
    }

    fn one_settled_after(&self, slo: &Slo, sending: Option<Duration>) -> Option<Duration> {
        let late = |metric, comparison, limit| late_after(metric, comparison, limit, sending);
        match slo {
            Slo::EachRequest(each) => {
                let all = each.conditions.iter();
                all.filter_map(|one| late(one.metric, one.comparison, one.limit)).min()
            }
            Slo::Statistic(statistic) if statistic.metric == Metric::Attainment => {
                let all = self.each_request().into_iter();
                all.filter_map(|one| late(one.metric, one.comparison, one.limit)).min()
            }
            Slo::Statistic(statistic) if matches!(statistic.stat, Some(Stat::Percentile(_))) => {
                late(statistic.metric, statistic.comparison, statistic.limit)
            }
            Slo::Statistic(_) => None,
        }
    }
}

/// When a request that has not ended has surely broken an upper limit. What is about a part of an answer may have kept it.
fn late_after(
    metric: Metric,
    comparison: Comparison,
    limit: Limit,
    sending: Option<Duration>,
) -> Option<Duration> {
    let Limit::Time(nanos) = limit else { return None };
    let limit = Duration::from_nanos(nanos);
    match metric {
        _ if !comparison.is_upper() => None,
        Metric::ResponseTime => Some(limit),
        Metric::Latency => Some(limit.saturating_add(sending?)),
        _ => None,
    }
}
