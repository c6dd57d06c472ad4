//! A HorizontalPodAutoscaler at work: one look each period (`reconcileAutoscaler` in `horizontal.go`).

use plimsoll_core::time::Offset;

use super::behavior::{Changes, Recommendations, fewest, most};
use super::replicas::{Band, PodValues, average_value, per_pod, value};
use super::spec::{HpaSpec, Rules};
use crate::autoscale::{Metric, Period, Reading, Sight, Source, Target};

/// A HorizontalPodAutoscaler and what it remembers.
#[derive(Clone, Debug)]
pub struct Hpa {
    spec: HpaSpec,
    period: Period,
    recommendations: Recommendations,
    added: Changes,
    removed: Changes,
}

impl Hpa {
    /// One that has seen nothing yet.
    pub fn new(spec: HpaSpec) -> Self {
        Hpa {
            period: Period::seconds(spec.period),
            spec,
            recommendations: Recommendations::default(),
            added: Changes::default(),
            removed: Changes::default(),
        }
    }

    /// Whether it looks at `now`.
    pub fn is_due(&self, now: Offset) -> bool {
        self.period.is_due(now)
    }

    /// Looks; returns how many replicas there shall be.
    pub fn step(&mut self, sight: &Sight) -> u32 {
        self.period.pass(sight.at);
        let current = sight.wanted;
        let (min, max) = (self.spec.min, self.spec.max);
        let desired = if current == 0 && min != 0 {
            return 0; // somebody scaled to zero by hand: switched off
        } else if current > max {
            max
        } else if current < min {
            min
        } else {
            match self.proposal(sight) {
                Some(proposal) => self.limited(sight.at, current, proposal),
                None => return current,
            }
        };
        self.remember(sight.at, current, desired);
        desired
    }

    /// What the metrics ask for: the most that any does. Nothing when none can be read, or when some cannot and the
    /// others ask for fewer replicas.
    fn proposal(&self, sight: &Sight) -> Option<u32> {
        let band = (self.spec.up.tolerance(), self.spec.down.tolerance());
        let asked: Vec<Option<u32>> = (self.spec.metrics.iter())
            .zip(&sight.readings)
            .map(|(metric, reading)| replicas(metric, *reading, sight, band))
            .collect();
        let most = asked.iter().flatten().copied().max()?;
        let unread = asked.iter().any(Option::is_none);
        (!unread || most >= sight.wanted).then_some(most)
    }

    /// What the behaviour makes of a proposal.
    fn limited(&mut self, at: Offset, current: u32, proposal: u32) -> u32 {
        let HpaSpec { min, max, up, down, .. } = &self.spec;
        let stable = self.recommendations.stabilise(at, current, proposal, up.window, down.window);
        if stable > current {
            stable.min(most(at, current, up, &self.added, &self.removed)).min(*max)
        } else if stable < current {
            stable.max(fewest(at, current, down, &self.added, &self.removed)).max(*min)
        } else {
            current
        }
    }

    fn remember(&mut self, at: Offset, current: u32, desired: u32) {
        let periods = |rules: &Rules| rules.policies.iter().map(|policy| policy.period).max().unwrap_or(0);
        let longest = periods(&self.spec.up).max(periods(&self.spec.down));
        if desired > current {
            self.added.note(at, desired - current, longest);
        } else if desired < current {
            self.removed.note(at, current - desired, longest);
        }
    }
}

fn replicas(metric: &Metric, reading: Reading, sight: &Sight, band: Band) -> Option<u32> {
    let Reading::Value(sum) = reading else {
        return None;
    };
    let current = sight.wanted;
    match (metric.source, metric.target) {
        (Source::Pods | Source::Kubelets, target) => {
            let pods = PodValues {
                sum,
                measured: sight.ready,
                unready: sight.pending,
                missing: current.saturating_sub(sight.ready + sight.pending),
            };
            per_pod(current, target.value(), pods, target.value(), band)
        }
        (_, Target::AverageValue(target)) => Some(average_value(current, target, sum, band)),
        (_, Target::Value(target)) => Some(value(current, sight.ready, target, sum, band)),
    }
}
