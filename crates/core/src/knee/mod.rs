//! Where more load stops being worth it, from trials at several loads: three definitions, each with an interval.
//!
//! The first is the boundary of the objectives, which a search finds ([`crate::search`]). The other two are here: the power
//! point (Kleinrock), where throughput over latency is greatest, and what the server can do at most: the universal
//! scalability law where it fits, else the throughput that no further load exceeds.

mod power;
mod saturation;
mod usl;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use crate::seed::{Rng, Seed};

pub use saturation::{Plateau, Saturation};
pub use usl::{Usl, UslError};

/// One trial, as far as knees are concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KneePoint {
    /// The load asked for: requests per second, or users.
    pub load: f64,
    /// Seconds measured: how much it counts.
    pub seconds: f64,
    /// `ok` completions per second.
    pub throughput: f64,
    /// Mean latency, seconds.
    pub latency: f64,
    /// Mean number of requests in flight.
    pub concurrency: f64,
    /// The load could be held: the backlog did not grow.
    pub steady: bool,
}

/// A figure with the interval in which 95 % of its bootstrap values lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The knees of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Knees {
    /// The load with the greatest throughput over latency; `null` where that is the greatest or the least that was tried.
    pub power: Option<Interval>,
    /// The universal scalability law, where it fits.
    pub usl: Option<Usl>,
    /// The throughput that no further load exceeds; `null` where no load was beyond it.
    pub saturation: Option<Saturation>,
}

/// Resamples behind each interval.
const RESAMPLES: u64 = 400;

impl Knees {
    /// The knees of a server after these trials.
    pub fn of(points: &[KneePoint], seed: Seed) -> Self {
        Knees {
            power: interval(points, seed, power::point),
            usl: Usl::fit(points, seed).ok(),
            saturation: Saturation::of(points, seed),
        }
    }
}

/// A figure of the points, and its interval by resampling them. Trials are independent of each other, so they are what is
/// drawn; a resample that has no such figure is left out.
fn interval(points: &[KneePoint], seed: Seed, figure: fn(&[KneePoint]) -> Option<f64>) -> Option<Interval> {
    let value = figure(points)?;
    let mut values: Vec<f64> = (0..RESAMPLES)
        .filter_map(|number| figure(&resampled(points, &mut seed.keyed("knee", number))))
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((share * values.len() as f64) as usize).copied().unwrap_or(value);
    Some(Interval { value, low: at(0.025).min(value), high: at(0.975).max(value) })
}

fn resampled(points: &[KneePoint], rng: &mut Rng) -> Vec<KneePoint> {
    (0..points.len()).map(|_| points[rng.random_range(0..points.len())]).collect()
}
