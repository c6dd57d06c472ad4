//! How fast a HorizontalPodAutoscaler may go: stabilisation windows and policies (`horizontal.go`).

use std::collections::VecDeque;

use plimsoll_core::time::Offset;

use super::spec::{Policy, PolicyKind, Rules, Select};

/// What was recommended, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Recommendations(VecDeque<(Offset, u32)>);

impl Recommendations {
    /// Notes a recommendation and returns the one that counts: upwards the least of the window for scaling up,
    /// downwards the greatest of the window for scaling down.
    pub(super) fn stabilise(&mut self, at: Offset, current: u32, wanted: u32, up: u32, down: u32) -> u32 {
        let (mut least, mut greatest) = (wanted, wanted);
        for &(then, replicas) in &self.0 {
            if is_after(at, then, up) {
                least = least.min(replicas);
            }
            if is_after(at, then, down) {
                greatest = greatest.max(replicas);
            }
        }
        self.0.push_back((at, wanted));
        while self.0.front().is_some_and(|&(then, _)| !is_after(at, then, up.max(down))) {
            self.0.pop_front();
        }
        current.max(least).min(greatest.max(least))
    }
}

/// How many pods came or went, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(VecDeque<(Offset, u32)>);

impl Changes {
    pub(super) fn note(&mut self, at: Offset, replicas: u32, longest: u32) {
        self.0.push_back((at, replicas));
        while self.0.front().is_some_and(|&(then, _)| !is_after(at, then, longest)) {
            self.0.pop_front();
        }
    }

    fn within(&self, at: Offset, period: u32) -> u32 {
        self.0.iter().filter(|(then, _)| is_after(at, *then, period)).map(|(_, replicas)| replicas).sum()
    }
}

fn is_after(now: Offset, then: Offset, seconds: u32) -> bool {
    now.since(then).as_nanos() < u128::from(seconds) * 1_000_000_000
}

/// The most replicas that the rules allow now.
pub(super) fn most(at: Offset, current: u32, rules: &Rules, added: &Changes, removed: &Changes) -> u32 {
    let limit = |policy: &Policy| {
        let start = f64::from(current) - f64::from(added.within(at, policy.period))
            + f64::from(removed.within(at, policy.period));
        match policy.kind {
            PolicyKind::Pods => start + f64::from(policy.value),
            PolicyKind::Percent => (start * (1.0 + f64::from(policy.value) / 100.0) - 1e-9).ceil(),
        }
    };
    let limits = rules.policies.iter().map(limit);
    let chosen = match rules.select {
        Select::Max => limits.reduce(f64::max),
        Select::Min => limits.reduce(f64::min),
        Select::Disabled => None,
    };
    chosen.map_or(current, |limit| (limit as u32).max(current))
}

/// The fewest replicas that the rules allow now.
pub(super) fn fewest(at: Offset, current: u32, rules: &Rules, added: &Changes, removed: &Changes) -> u32 {
    let limit = |policy: &Policy| {
        let start = f64::from(current) - f64::from(added.within(at, policy.period))
            + f64::from(removed.within(at, policy.period));
        match policy.kind {
            PolicyKind::Pods => start - f64::from(policy.value),
            PolicyKind::Percent => (start * (1.0 - f64::from(policy.value) / 100.0) + 1e-9).floor(),
        }
    };
    let limits = rules.policies.iter().map(limit);
    let chosen = match rules.select {
        Select::Max => limits.reduce(f64::min),
        Select::Min => limits.reduce(f64::max),
        Select::Disabled => None,
    };
    chosen.map_or(current, |limit| (limit.max(0.0) as u32).min(current))
}
