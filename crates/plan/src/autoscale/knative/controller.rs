//! Knative's pod autoscaler at work: a look every two seconds.

use std::collections::VecDeque;
use std::time::Duration;

use plimsoll_core::time::Offset;

use super::spec::KnativeSpec;
use crate::autoscale::{Period, Reading, Sight};

/// Seconds from look to look.
const TICK: f64 = 2.0;

/// A pod autoscaler and what it remembers.
#[derive(Clone, Debug)]
pub struct Knative {
    spec: KnativeSpec,
    period: Period,
    /// When it was in panic last; nothing when it is calm.
    panic: Option<Offset>,
    /// The most replicas of this panic: it does not scale down before it is calm.
    panic_replicas: u32,
    /// What was wanted, for the delay of scaling down.
    delayed: VecDeque<(Offset, u32)>,
    /// Since when no replica is wanted.
    idle_since: Option<Offset>,
}

impl Knative {
    /// One that finds `replicas` ready. With more than one it begins in panic: it has no history, and must not scale
    /// down for that.
    pub fn new(spec: KnativeSpec, replicas: u32) -> Self {
        Knative {
            spec,
            period: Period::seconds(TICK),
            panic: (replicas > 1).then_some(Offset::ZERO),
            panic_replicas: replicas,
            delayed: VecDeque::new(),
            idle_since: None,
        }
    }

    /// Whether it looks at `now`.
    pub fn is_due(&self, now: Offset) -> bool {
        self.period.is_due(now)
    }

    /// Looks; returns how many replicas there shall be.
    pub fn step(&mut self, sight: &Sight) -> u32 {
        self.period.pass(sight.at);
        let &[Reading::Value(stable), Reading::Value(panic)] = sight.readings.as_slice() else {
            return sight.wanted; // no data, no change
        };
        let desired = self.desired(sight.at, sight.ready, stable, panic);
        let desired = self.delay(sight.at, desired);
        self.bounded(sight, desired)
    }

    /// What the metrics ask for.
    fn desired(&mut self, now: Offset, ready: u32, stable: f64, panic: f64) -> u32 {
        let ready = f64::from(ready.max(1));
        let most = (self.spec.max_up * ready).ceil();
        let least = (ready / self.spec.max_down).floor();
        let for_stable = (stable / self.spec.target - 1e-9).ceil();
        let for_panic = (panic / self.spec.target - 1e-9).ceil();
        let within = |replicas: f64| replicas.max(least).min(most) as u32;
        let over = for_panic / ready >= self.spec.panic_threshold / 100.0;
        match self.panic {
            _ if over => self.panic = Some(now),
            Some(since) if now.since(since) > Duration::from_secs_f64(self.spec.window) => {
                self.panic = None;
                self.panic_replicas = 0;
            }
            _ => {}
        }
        if self.panic.is_none() {
            return within(for_stable);
        }
        self.panic_replicas = self.panic_replicas.max(within(for_stable)).max(within(for_panic));
        self.panic_replicas
    }

    /// The greatest of the time that scaling down is delayed.
    fn delay(&mut self, now: Offset, desired: u32) -> u32 {
        let delay = Duration::from_secs_f64(self.spec.down_delay);
        if delay.is_zero() {
            return desired;
        }
        self.delayed.push_back((now, desired));
        while self.delayed.front().is_some_and(|(at, _)| now.since(*at) >= delay) {
            self.delayed.pop_front();
        }
        self.delayed.iter().map(|(_, replicas)| *replicas).max().unwrap_or(desired)
    }

    /// The bounds, and the last replica's grace.
    fn bounded(&mut self, sight: &Sight, desired: u32) -> u32 {
        let desired = desired.clamp(self.spec.min, self.spec.max.max(self.spec.min));
        if desired > 0 || sight.wanted == 0 {
            self.idle_since = None;
            return desired;
        }
        let since = *self.idle_since.get_or_insert(sight.at);
        let over = sight.at.since(since) >= Duration::from_secs_f64(self.spec.grace);
        if over { 0 } else { sight.wanted.min(1) }
    }
}
