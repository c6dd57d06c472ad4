//! How sure a number of replicas is: capacity and peak drawn again and again.

use rand::RngExt as _;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{Facts, Settings, events, normal};
use crate::capacity::Capacity;
use crate::demand::{Demand, Traffic};

/// Draws.
const DRAWS: u64 = 2000;

/// How sure a number of replicas is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Lower end of the 95 % interval of the replicas that are needed if the worst event happens.
    pub low: u32,
    /// Upper end.
    pub high: u32,
    /// The probability that the plan's replicas suffice while nothing happens.
    pub calm: f64,
    /// The probability that they suffice in the worst event.
    pub in_event: f64,
    /// Whether the capacity's own interval is in it; it is not where there is none.
    pub with_capacity: bool,
    /// Whether the forecast's error is in it: one that was given, or what a trace leaves open.
    pub with_demand: bool,
}

impl Confidence {
    /// Draws capacities from their interval and peaks from their forecast.
    pub(super) fn of(
        capacity: &Capacity,
        demand: &Demand,
        settings: &Settings,
        facts: &Facts,
        replicas: u32,
    ) -> Confidence {
        let rising = events::rising(demand, facts);
        let spread = spread(capacity);
        let mut needed = Vec::with_capacity(DRAWS as usize);
        let (mut calm_enough, mut enough) = (0_u64, 0_u64);
        for index in 0..DRAWS {
            let mut rng = settings.seed.keyed("plan bootstrap", index);
            let z: f64 = rng.sample(StandardNormal);
            let carried = capacity.middle() * (spread.unwrap_or(0.0) * z).exp();
            let peak = demand.draw_peak(settings.peak_quantile, &mut rng);
            let calm = facts.calm(peak, carried);
            let in_event = events::needed(settings, calm, facts.calm(peak * rising, carried));
            calm_enough += u64::from(calm <= replicas);
            enough += u64::from(in_event <= replicas);
            needed.push(in_event);
        }
        needed.sort_unstable();
        let at = |share: f64| needed[((share * DRAWS as f64) as usize).min(needed.len() - 1)];
        Confidence {
            low: at(0.025),
            high: at(0.975),
            calm: calm_enough as f64 / DRAWS as f64,
            in_event: enough as f64 / DRAWS as f64,
            with_capacity: spread.is_some(),
            with_demand: demand.forecast_error > 0.0 || matches!(demand.traffic, Traffic::Trace(_)),
        }
    }
}

/// Standard deviation of the logarithm of the capacity: each end of its interval is passed with the probability that is
/// left of its confidence.
fn spread(capacity: &Capacity) -> Option<f64> {
    let (high, confidence) = capacity.high.zip(capacity.confidence)?;
    let ends = normal(confidence.clamp(0.55, 0.999_999));
    Some((high / capacity.low).ln() / (2.0 * ends))
}
