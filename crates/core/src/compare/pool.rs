//! Stretches of runs in one pool, and the figures of any choice among them.

use std::collections::BTreeMap;

use super::figure::{Figure, RateFigure};
use super::windows::{Stretch, Values, value_of};
use crate::metrics::rank;
use crate::slo::Stat;

/// Stretches whose figures can be computed for any choice of them, each taken any number of times.
pub(super) struct Pool {
    stretches: Vec<Stretch>,
    /// The values of each quantity, greatest first.
    sorted: BTreeMap<&'static str, Vec<Entry>>,
}

/// So many values of one size in one stretch.
#[derive(Clone, Copy, Debug)]
struct Entry {
    step: i32,
    stretch: u32,
    count: u64,
}

impl Pool {
    pub(super) fn new(stretches: Vec<Stretch>) -> Self {
        let mut sorted: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
        for (stretch, index) in stretches.iter().zip(0..) {
            for (&name, values) in &stretch.values {
                let entries =
                    values.steps.iter().map(|(&step, &count)| Entry { step, stretch: index, count });
                sorted.entry(name).or_default().extend(entries);
            }
        }
        sorted.values_mut().for_each(|entries| entries.sort_by_key(|entry| std::cmp::Reverse(entry.step)));
        Pool { stretches, sorted }
    }

    /// The figure of the stretches, each taken as often as `times` says; nothing where they have none.
    pub(super) fn figure(&self, figure: Figure, times: &[u32]) -> Option<f64> {
        let sum = |of: fn(&Stretch) -> f64| -> f64 {
            let taken = self.stretches.iter().zip(times).filter(|(_, times)| **times > 0);
            taken.map(|(stretch, &times)| f64::from(times) * of(stretch)).sum()
        };
        let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        match figure {
            Figure::Of(name, Stat::Mean) => ratio(self.sum(name, times), self.count(name, times) as f64),
            Figure::Of(name, Stat::Percentile(p)) => self.percentile(name, p, times),
            Figure::Rate(rate) => ratio(sum(amount(rate)), sum(|stretch| stretch.seconds)),
            Figure::ErrorRate => {
                let (failed, scheduled) = self.failures(times);
                ratio(failed, scheduled)
            }
        }
    }

    /// Values of the quantity called `name`.
    pub(super) fn count(&self, name: &str, times: &[u32]) -> u64 {
        self.taken(name, times).map(|(values, times)| values.n * times).sum()
    }

    /// Failed requests, and requests that were due.
    pub(super) fn failures(&self, times: &[u32]) -> (f64, f64) {
        let both = self.stretches.iter().zip(times);
        both.fold((0.0, 0.0), |(failed, scheduled), (stretch, &times)| {
            let times = f64::from(times);
            (failed + times * stretch.failed, scheduled + times * stretch.scheduled)
        })
    }

    fn sum(&self, name: &str, times: &[u32]) -> f64 {
        self.taken(name, times).map(|(values, times)| values.sum * times as f64).sum()
    }

    fn taken<'a>(&'a self, name: &'a str, times: &'a [u32]) -> impl Iterator<Item = (&'a Values, u64)> {
        let both = self.stretches.iter().zip(times);
        both.filter_map(move |(stretch, &times)| Some((stretch.values.get(name)?, u64::from(times))))
    }

    /// By nearest rank, from the greatest value down: the percentiles that matter are soon found.
    fn percentile(&self, name: &str, p: f64, times: &[u32]) -> Option<f64> {
        let n = self.count(name, times);
        let mut above = (n > 0).then(|| n - rank(n, p))?;
        for entry in self.sorted.get(name)? {
            let count = entry.count * u64::from(times[entry.stretch as usize]);
            if count > above {
                return Some(value_of(entry.step));
            }
            above -= count;
        }
        None
    }

    /// What each of the taken stretches adds to the figure beyond its share, given the figure of all: values at or above
    /// a percentile, or an amount. Neighbours that resemble each other show in these.
    pub(super) fn contributions(&self, figure: Figure, times: &[u32], whole: f64) -> Vec<f64> {
        let taken =
            self.stretches.iter().zip(times).filter(|(_, times)| **times > 0).map(|(stretch, _)| stretch);
        // Each stretch has a size and a part of the whole; without effect of time the parts are as the sizes.
        let parts: Vec<(f64, f64)> = match figure {
            Figure::Of(name, stat) => taken
                .map(|stretch| {
                    let Some(values) = stretch.values.get(name) else { return (0.0, 0.0) };
                    let part = match stat {
                        Stat::Mean => values.sum,
                        Stat::Percentile(_) => values.at_least(whole),
                    };
                    (values.n as f64, part)
                })
                .collect(),
            Figure::Rate(rate) => taken.map(|stretch| (stretch.seconds, amount(rate)(stretch))).collect(),
            Figure::ErrorRate => taken.map(|stretch| (stretch.scheduled, stretch.failed)).collect(),
        };
        let (size, part) = parts.iter().fold((0.0, 0.0), |(size, part), one| (size + one.0, part + one.1));
        let share = if size > 0.0 { part / size } else { 0.0 };
        parts.into_iter().map(|(size, part)| part - size * share).collect()
    }

    /// Over how many of the taken stretches the values of at least `limit` are spread: all of them if each has as many, 1
    /// if one has them all (Kish's effective size).
    pub(super) fn spread_above(&self, name: &str, limit: f64, times: &[u32]) -> f64 {
        let taken = self.stretches.iter().zip(times).filter(|(_, times)| **times > 0);
        let (sum, squares) = taken.fold((0.0, 0.0), |(sum, squares), (stretch, _)| {
            let above = stretch.values.get(name).map_or(0.0, |values| values.at_least(limit));
            (sum + above, squares + above * above)
        });
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }
}

/// What a rate counts.
fn amount(rate: RateFigure) -> fn(&Stretch) -> f64 {
    match rate {
        RateFigure::Offered => |stretch| stretch.scheduled,
        RateFigure::Sent => |stretch| stretch.sent,
        RateFigure::Completed => |stretch| stretch.completed,
        RateFigure::OutputTokens => |stretch| stretch.output_tokens,
        RateFigure::InputTokens => |stretch| stretch.input_tokens,
        RateFigure::TotalTokens => |stretch| stretch.input_tokens + stretch.output_tokens,
        RateFigure::Concurrency => |stretch| stretch.request_seconds,
    }
}
