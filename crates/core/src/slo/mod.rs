//! Objectives (SLOs): how they are written, what a run shows of them, and whether that is enough to say so.

mod binomial;
mod conclude;
mod defaults;
mod error;
mod evaluate;
mod evidence;
mod gate;
mod limit;
mod metric;
mod objective;
mod parse;
mod rule;
mod set;
mod settled;
mod verdict;
mod warmup;
mod watch;
mod windows;

pub(crate) use conclude::LATE;

pub use binomial::{Looks, Trials, least_requests};
pub use defaults::Kind;
pub use error::SloError;
pub use evaluate::{Asked, evaluate, goodput};
pub use evidence::Evidence;
pub use gate::Gate;
pub use limit::{Comparison, Limit};
pub use metric::Metric;
pub use objective::{Condition, EachRequest, Slo, Stat, Statistic};
pub use rule::Rule;
pub use set::{Confidence, Observable, Slos, SlosError};
pub use verdict::{SloVerdict, Verdict};
pub use warmup::{Steady, WarmUp};
pub use watch::{Breach, Watch};

#[cfg(test)]
mod tests;
