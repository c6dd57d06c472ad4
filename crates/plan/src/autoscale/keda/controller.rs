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
            wanted = self.poll(sight);
        }
        if self.hpa.is_due(sight.at) {
            let readings = self.told(wanted, &sight.readings);
            wanted = self.hpa.step(&Sight { wanted, readings, ..sight.clone() });
        }
        wanted
    }

    /// Between none and some.
    fn poll(&mut self, sight: &Sight) -> u32 {
        let seen: Vec<Reading> = self.understood(&sight.readings);
        let active =
            self.spec.triggers.iter().zip(&seen).any(|(trigger, reading)| is_active(trigger, *reading));
        let failed = seen.iter().any(|reading| !matches!(reading, Reading::Value(_)));
        let KedaSpec { min, idle, .. } = self.spec;
        let current = sight.wanted;
        if active {
            self.last_active = Some(sight.at);
            let asleep = current == 0 || idle.is_some() && current < min;
            return if asleep { min.max(1) } else { current };
        }
        if failed {
            // Nobody knows whether there is work: the fallback, or no change.
            return match self.spec.fallback {
                Some(fallback) if fallback.replicas > 0 && self.is_given_up() => {
                    fallback.behavior.replicas(fallback.replicas, current)
                }
                _ => current,
            };
        }
        let rest = idle.unwrap_or(0);
        if current > rest && (min == 0 || idle.is_some()) {
            return if self.has_cooled(sight.at) { rest } else { current };
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

    fn is_given_up(&self) -> bool {
        let threshold = self.spec.fallback.map_or(u32::MAX, |fallback| fallback.failures);
        self.failures.iter().any(|&failures| failures > threshold)
    }

    /// The readings with what each trigger makes of a query without a result.
    fn understood(&self, readings: &[Reading]) -> Vec<Reading> {
        let one = |(trigger, reading): (&Trigger, &Reading)| match reading {
            Reading::Empty if trigger.ignore_null => Reading::Value(0.0),
            Reading::Empty => Reading::Failed,
            reading => *reading,
        };
        self.spec.triggers.iter().zip(readings).map(one).collect()
    }

    /// What the autoscaler is told. A trigger that has failed too often says what gives the replicas of the fallback.
    fn told(&mut self, current: u32, readings: &[Reading]) -> Vec<Reading> {
        let seen = self.understood(readings);
        for (failures, reading) in self.failures.iter_mut().zip(&seen) {
            *failures = if matches!(reading, Reading::Value(_)) { 0 } else { *failures + 1 };
        }
        let one = |((trigger, reading), failures): ((&Trigger, Reading), &u32)| {
            match (reading, self.spec.fallback, trigger.metric.target) {
                // Only for AverageValue.
                (Reading::Failed, Some(fallback), Target::AverageValue(target))
                    if *failures > fallback.failures =>
                {
                    let replicas = fallback.behavior.replicas(fallback.replicas, current);
                    Reading::Value(f64::from(replicas) * target)
                }
                _ => reading,
            }
        };
        self.spec.triggers.iter().zip(seen).zip(&self.failures).map(one).collect()
    }
}

fn is_active(trigger: &Trigger, reading: Reading) -> bool {
    matches!(reading, Reading::Value(value) if value > trigger.activation)
}
