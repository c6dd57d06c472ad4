//! A ScaledObject at work: its own look each polling interval, and those of the autoscaler that it made.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::spec::{KedaSpec, Trigger};
use crate::autoscale::hpa::Hpa;
use crate::autoscale::{Period, Reading, Sight, Target};

/// A ScaledObject and what it remembers.
#[derive(Clone, Debug)]
pub struct Keda {
    spec: KedaSpec,
    polling: Period,
    hpa: Hpa,
    /// When a trigger was active last.
    last_active: Option<Offset>,
    /// Failures in a row of each trigger.
    failures: Vec<u32>,
}

impl Keda {
    /// One that has just been made.
    pub fn new(spec: KedaSpec) -> Self {
        Keda {
            polling: Period::seconds(f64::from(spec.polling)),
            hpa: Hpa::new(spec.hpa()),
            last_active: None,
            failures: vec![0; spec.triggers.len()],
            spec,
        }
    }

    /// Whether it, or its autoscaler, looks at `now`.
    pub fn is_due(&self, now: Offset) -> bool {
        self.polling.is_due(now) || self.hpa.is_due(now)
    }

    /// Looks; returns how many replicas there shall be.
    pub fn step(&mut self, sight: &Sight) -> u32 {
        let mut wanted = sight.wanted;
        if self.polling.is_due(sight.at) {
            self.polling.pass(sight.at);
            let seen = self.ask(wanted, sight);
            wanted = self.poll(sight.at, wanted, &seen);
        }
        if self.hpa.is_due(sight.at) {
            let readings = self.ask(wanted, sight).into_iter().map(|seen| seen.reading).collect();
            wanted = self.hpa.step(&Sight { wanted, readings, ..sight.clone() });
        }
        wanted
    }

    /// Between none and some.
    fn poll(&mut self, now: Offset, current: u32, seen: &[Seen]) -> u32 {
        let KedaSpec { min, idle, .. } = self.spec;
        let failed = seen.iter().any(|seen| !matches!(seen.reading, Reading::Value(_)));
        if seen.iter().any(|seen| seen.active) {
            let asleep = current == 0 || idle.is_some() && current < min;
            if asleep || !failed {
                self.last_active = Some(now);
            }
            return if asleep { min.max(1) } else { current };
        }
        if failed && self.spec.fallback.is_none_or(|fallback| fallback.replicas > 0) {
            return current; // nobody knows whether there is work
        }
        let rest = idle.unwrap_or(0);
        if current > rest && (min == 0 || idle.is_some()) {
            return if self.has_cooled(now) { rest } else { current };
        }
        if idle.is_none() { current.max(min) } else { current }
    }

    fn has_cooled(&self, now: Offset) -> bool {
        let (since, period) = match self.last_active {
            Some(at) => (at, self.spec.cooldown),
            None => (Offset::ZERO, self.spec.initial_cooldown),
        };
        now.since(since) >= Duration::from_secs(u64::from(period))
    }

    /// Asks all triggers, as the poll and the autoscaler do alike. One that has failed too often says what gives the
    /// replicas of the fallback, and counts as active.
    fn ask(&mut self, current: u32, sight: &Sight) -> Vec<Seen> {
        let mut all = Vec::with_capacity(self.failures.len());
        for ((trigger, reading), failures) in
            self.spec.triggers.iter().zip(&sight.readings).zip(&mut self.failures)
        {
            if let Some(value) = understood(trigger, *reading) {
                *failures = 0;
                let active = value > trigger.activation;
                all.push(Seen { reading: Reading::Value(value), active });
                continue;
            }
            *failures += 1;
            let fallback = self.spec.fallback.filter(|fallback| *failures > fallback.failures);
            let instead = fallback.and_then(|fallback| {
                let replicas = f64::from(fallback.behavior.replicas(fallback.replicas, current));
                match trigger.metric.target {
                    Target::AverageValue(target) => Some(replicas * target),
                    Target::Value(_) if sight.ready == 0 => None,
                    Target::Value(target) => Some(replicas / f64::from(sight.ready) * target),
                }
            });
            all.push(Seen {
                reading: instead.map_or(Reading::Failed, Reading::Value),
                active: instead.is_some(),
            });
        }
        all
    }
}

/// What asking a trigger came to.
struct Seen {
    reading: Reading,
    active: bool,
}

/// The value of a trigger, if it has one.
fn understood(trigger: &Trigger, reading: Reading) -> Option<f64> {
    match reading {
        Reading::Value(value) => Some(value),
        Reading::Empty if trigger.ignore_null => Some(0.0),
        Reading::Empty | Reading::Failed => None,
    }
}
