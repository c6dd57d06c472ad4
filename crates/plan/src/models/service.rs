//! One replica as a queue: as many places, and as long a service, as reproduce what was measured of it.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_sim::batch::{Accelerator, Batch, BatchOptions, Batching, Cost};
use plimsoll_sim::engine::Engine;
use plimsoll_sim::queueing::Station;
use plimsoll_sim::spread::Spread;

use crate::capacity::Capacity;
use crate::figures::{figure, percent};

/// The percentile of objectives that name none.
const PERCENTILE: f64 = 0.99;

/// A replica as a queue with some servers. It saturates where the measured one does, answers as soon when idle, and keeps
/// the objective up to the certified load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service {
    /// Requests that it works on at the same time.
    pub servers: NonZeroU32,
    /// Seconds that it works on one.
    pub time: f64,
    /// Coefficient of variation of that.
    pub cv: f64,
    /// The share of requests that must be in time.
    pub percentile: f64,
    /// The load that it carries, per second.
    pub certified: f64,
    /// Coefficient of variation of the arrivals with which that was found.
    pub arrival_cv: f64,
}

impl Service {
    /// Of a capacity; nothing where no trials stand behind it.
    pub fn of(capacity: &Capacity) -> Option<Service> {
        let measured = capacity.measured?;
        let parallel = (measured.saturation * measured.latency_idle).round().clamp(1.0, 1e6) as u32;
        let servers = NonZeroU32::new(parallel)?;
        Some(Service {
            servers,
            time: f64::from(servers.get()) / measured.saturation,
            cv: measured.service_scv.sqrt(),
            percentile: percentile(capacity.binding.as_deref()),
            certified: capacity.low,
            arrival_cv: measured.cv,
        })
    }

    /// The same where only the share `left` of its speed is left.
    pub(crate) fn slower(self, left: f64) -> Service {
        Service { time: self.time / left, certified: self.certified * left, ..self }
    }

    /// Of `replicas` behind one queue, the wait in seconds that the wanted share of requests does not exceed; infinite
    /// where they cannot keep up.
    pub fn wait(&self, pooled: u32, rate: f64, arrival_cv: f64) -> f64 {
        let Some(servers) = self.servers.checked_mul(NonZeroU32::new(pooled).unwrap_or(NonZeroU32::MIN))
        else {
            return 0.0;
        };
        Station::new(servers, rate, self.time)
            .map_or(f64::INFINITY, |station| station.ggc_wait_quantile(self.percentile, arrival_cv, self.cv))
    }

    /// The wait that the objective leaves room for: the one at the certified load.
    pub fn wait_allowed(&self) -> f64 {
        self.wait(1, self.certified, self.arrival_cv)
    }

    /// Whether waiting is what the objective is missed by.
    pub fn waits(&self) -> bool {
        self.wait_allowed() > 0.0
    }

    /// It in the simulator.
    pub fn engine(&self) -> Engine {
        Engine::Batch(Batch::new(BatchOptions {
            batching: Batching::Off,
            instances: self.servers,
            cost: Cost {
                per_batch: Duration::from_secs_f64(self.time.clamp(1e-9, 1e6)),
                per_item: Duration::ZERO,
                spread: Spread::gamma(self.cv).unwrap_or(Spread::EXPONENTIAL),
            },
            queue: None,
            queue_timeout: None,
            accelerator: Accelerator::default(),
            seed: Seed(0),
        }))
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        format!(
            "a replica as {} x {} ms, {} busy at its certified load",
            self.servers,
            figure(self.time * 1e3),
            percent(self.certified * self.time / f64::from(self.servers.get()))
        )
    }
}

/// The share that an objective wants: 0.95 of `ttft.p95<1s`.
fn percentile(objective: Option<&str>) -> f64 {
    let found = objective.and_then(|text| {
        let (_, rest) = text.split_once(".p")?;
        let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        digits.parse::<f64>().ok().map(|percent| percent / 100.0)
    });
    found.filter(|share| (0.5..1.0).contains(share)).unwrap_or(PERCENTILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::certified;

    #[test]
    fn a_service_saturates_and_idles_as_measured() {
        let capacity = certified(60.0, 62.0);
        let service = Service::of(&capacity).unwrap();
        let measured = capacity.measured.unwrap();
        assert!((f64::from(service.servers.get()) / service.time - measured.saturation).abs() < 1e-9);
        assert!((service.time / measured.latency_idle - 1.0).abs() < 0.2, "{service:?}");
        assert!(service.wait(1, measured.saturation, 1.0).is_infinite());
        assert_eq!(Service::of(&Capacity::typed(5.0)), None);
    }

    #[test]
    fn the_percentile_is_that_of_the_objective() {
        for (text, share) in [
            (Some("ttft.p95<=1s"), 0.95),
            (Some("latency.p99.9<2s"), 0.999),
            (Some("error_rate<1%"), 0.99),
            (None, 0.99),
        ] {
            assert!((percentile(text) - share).abs() < 1e-12, "{text:?}");
        }
    }
}
