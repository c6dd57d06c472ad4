//! Watches the last seconds of a run for what must not happen.

use std::collections::VecDeque;
use std::fmt;

use super::binomial::{Looks, Trials};
use super::limit::Limit;
use super::metric::Sort;
use super::objective::Stat;
use super::rule::Rule;
use crate::record::{Outcome, Record};
use crate::time::Offset;

/// With fewer requests than it takes to express the limit, only what is beyond chance counts: this probability.
const CHANCE: f64 = 0.001;

/// Rules, and the seconds that they look back over. Memory: some bytes for each second of the longest rule.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    rules: Vec<Watched>,
}

/// A rule whose breach has been seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// The figure over its span: a share, seconds, or per second. For a percentile the share of requests beyond its limit.
    pub figure: f64,
    /// Requests in the span.
    pub n: u64,
}

#[derive(Clone, Debug)]
struct Watched {
    rule: Rule,
    /// The second of the last entry of `seconds`.
    last: u64,
    seconds: VecDeque<Second>,
}

/// Requests that ended in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    n: u64,
    /// Those that are what must not happen.
    hits: u64,
    /// Seconds, summed over those with a value.
    sum: f64,
    values: u64,
}

impl Watch {
    /// Watches for the breach of any of `rules`.
    pub fn new(rules: &[Rule]) -> Self {
        let watched = |rule: &Rule| Watched { rule: *rule, last: 0, seconds: VecDeque::new() };
        Watch { rules: rules.iter().map(watched).collect() }
    }

    /// Whether there is nothing to watch for.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Adds a request, whatever its phase, in the second in which it ended.
    pub fn add(&mut self, record: &Record) {
        for watched in &mut self.rules {
            watched.add(record);
        }
    }

    /// The first rule that is broken over its span of whole seconds before `now`. No rule is before its span has passed
    /// since `begin`, the beginning of the load.
    pub fn breach(&self, begin: Offset, now: Offset) -> Option<Breach> {
        self.rules.iter().find_map(|watched| watched.breach(begin, now))
    }
}

impl Watched {
    fn span(&self) -> u64 {
        self.rule.over.as_secs().max(1)
    }

    fn add(&mut self, record: &Record) {
        let at = record.done.unwrap_or(record.scheduled).as_nanos() / 1_000_000_000;
        let found = match (record.outcome, hit(&self.rule, record)) {
            (Outcome::Cancelled | Outcome::Unfinished, _) | (_, Hit::Nothing) => return,
            (_, Hit::No) => Second { n: 1, ..Second::default() },
            (_, Hit::Yes) => Second { n: 1, hits: 1, ..Second::default() },
            (_, Hit::Value(sum)) => Second { n: 1, values: 1, sum, ..Second::default() },
        };
        if let Some(second) = self.second(at) {
            *second = second.with(&found);
        }
    }

    /// The entry of a second, if it is not too long ago. One is kept more than the span has, for the present one.
    fn second(&mut self, at: u64) -> Option<&mut Second> {
        let keep = self.span() + 1;
        if self.seconds.is_empty() {
            self.last = at;
            self.seconds.push_back(Second::default());
        }
        while self.last < at {
            if at - self.last > keep {
                self.seconds.clear();
                self.last = at - 1;
            }
            self.last += 1;
            self.seconds.push_back(Second::default());
            if self.seconds.len() as u64 > keep {
                self.seconds.pop_front();
            }
        }
        let back = usize::try_from(self.last - at).ok()?;
        let index = self.seconds.len().checked_sub(back + 1)?;
        self.seconds.get_mut(index)
    }

    fn breach(&self, begin: Offset, now: Offset) -> Option<Breach> {
        if now.since(begin) < self.rule.over {
            return None;
        }
        let end = now.as_nanos() / 1_000_000_000; // the present second is not whole yet
        let from = end.saturating_sub(self.span());
        let first = (self.last + 1).saturating_sub(self.seconds.len() as u64);
        let mut all = Second::default();
        for (second, at) in self.seconds.iter().zip(first..) {
            if (from..end).contains(&at) {
                all = all.with(second);
            }
        }
        let figure = self.figure(&all)?;
        Some(Breach { rule: self.rule, figure, n: all.n })
    }

    /// The figure of the span if it breaks the rule.
    fn figure(&self, all: &Second) -> Option<f64> {
        let breach = &self.rule.breach;
        let limit = breach.limit.value();
        let broken = |figure: f64| breach.comparison.holds(figure, limit).then_some(figure);
        match (breach.metric.sort(), breach.stat) {
            (Sort::Rate, _) => broken(all.hits as f64 / self.span() as f64),
            (Sort::Share, _) if breach.comparison.is_upper() => {
                broken(all.share()?).filter(|_| all.n as f64 >= 1.0 / limit)
            }
            (Sort::Share, _) => broken(all.share()?).filter(|_| all.is_enough_above(limit)),
            (_, Some(Stat::Percentile(p))) if breach.comparison.is_upper() => {
                all.share().filter(|&share| share >= p / 100.0 && all.n as f64 >= 100.0 / (100.0 - p))
            }
            (_, Some(Stat::Percentile(p))) => {
                let beyond = (100.0 - p) / 100.0;
                all.share().filter(|&share| share > beyond && all.is_enough_above(beyond))
            }
            _ => (all.values > 0).then(|| all.sum / all.values as f64).and_then(broken),
        }
    }
}

impl Second {
    fn with(self, other: &Second) -> Second {
        Second {
            n: self.n + other.n,
            hits: self.hits + other.hits,
            sum: self.sum + other.sum,
            values: self.values + other.values,
        }
    }

    fn share(&self) -> Option<f64> {
        (self.n > 0).then(|| self.hits as f64 / self.n as f64)
    }

    /// Whether a share above `limit` is one: enough requests to express it, or too many hits for chance.
    fn is_enough_above(&self, limit: f64) -> bool {
        let trials = Trials { n: self.n as f64, misses: self.hits as f64 };
        self.n as f64 >= 1.0 / limit - 1e-6 || trials.decide(limit, CHANCE, Looks::Once) == Some(false)
    }
}

/// What a request is to a rule.
enum Hit {
    /// No part of it: it has no such value.
    Nothing,
    No,
    Yes,
    Value(f64),
}

fn hit(rule: &Rule, record: &Record) -> Hit {
    let breach = &rule.breach;
    let yes = |is: bool| if is { Hit::Yes } else { Hit::No };
    match (breach.metric.sort(), breach.stat) {
        (Sort::Share, _) => yes(record.outcome.is_failure()),
        (Sort::Rate, _) => yes(record.outcome == Outcome::Ok),
        (_, stat) if record.outcome != Outcome::Ok => match stat {
            // Without an answer it was slow beyond any limit, and never fast.
            Some(Stat::Percentile(_)) => yes(!breach.comparison.is_upper()),
            _ => Hit::Nothing,
        },
        (_, stat) => match (breach.metric.of(record), stat) {
            (None, _) => Hit::Nothing,
            (Some(value), Some(Stat::Percentile(_))) => {
                yes(breach.comparison.holds(value, breach.limit.value()))
            }
            (Some(value), _) => Hit::Value(value),
        },
    }
}

/// As notes and reports say it: `error_rate>5% over 10s: 12.3 % of 57 requests`.
impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breach = &self.rule.breach;
        write!(f, "{}: ", self.rule)?;
        let percent = 100.0 * self.figure;
        match (breach.limit, breach.stat) {
            (Limit::Share(_), _) => write!(f, "{percent:.1} % of {} requests", self.n),
            (Limit::Rate(_), _) => write!(f, "{:.2}/s", self.figure),
            (Limit::Time(_), Some(Stat::Percentile(_))) => {
                let sign = breach.comparison.sign();
                write!(
                    f,
                    "{percent:.1} % of {} requests had {}{sign}{}",
                    self.n,
                    breach.metric.name(),
                    breach.limit
                )
            }
            (Limit::Time(_), _) => write!(f, "{:.3} s over {} requests", self.figure, self.n),
        }
    }
}
