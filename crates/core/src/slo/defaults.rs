//! The objectives of somebody who names none.

use super::limit::{Comparison, Limit};
use super::metric::Metric;
use super::objective::{Slo, Stat, Statistic};
use super::set::Slos;

/// What kind of answers a server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text that comes token by token.
    Streamed,
    /// Text that comes in one piece.
    WholeText,
    /// Tensors, labels, scores: what a classic model answers.
    Classic,
}

const MILLISECOND: u64 = 1_000_000;

impl Slos {
    /// The objectives of somebody who names none; all with `error_rate<1%`.
    ///
    /// Streamed text: the limits of MLPerf Inference for an interactive chat of a 70B model (Server scenario of
    /// llama2-70b: `ttft.p99<=2s`, `tpot.p99<=200ms`). Text in one piece: 30 s, half the idle limit of common gateways
    /// (60 s), beyond which a user sees an error in place of an answer. A classic model: 100 ms, within which an answer
    /// seems immediate to people (Miller 1968; Nielsen, Usability Engineering, 1993). They suit some traffic, and are
    /// stated with every result that rests on them.
    pub fn default_for(kind: Kind) -> Slos {
        let p99 = |metric, nanos| {
            Slo::Statistic(Statistic {
                metric,
                stat: Some(Stat::Percentile(99.0)),
                comparison: Comparison::AtMost,
                limit: Limit::Time(nanos),
            })
        };
        let errors = Slo::Statistic(Statistic {
            metric: Metric::ErrorRate,
            stat: None,
            comparison: Comparison::Below,
            limit: Limit::Share(1.0),
        });
        let list = match kind {
            Kind::Streamed => {
                vec![p99(Metric::Ttft, 2_000 * MILLISECOND), p99(Metric::Tpot, 200 * MILLISECOND), errors]
            }
            Kind::WholeText => vec![p99(Metric::Latency, 30_000 * MILLISECOND), errors],
            Kind::Classic => vec![p99(Metric::Latency, 100 * MILLISECOND), errors],
        };
        Slos::unchecked(list)
    }
}
