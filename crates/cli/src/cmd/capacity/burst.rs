//! What burstier arrivals cost: the same search again, below what was found.

use plimsoll_core::certificate::Burst;
use plimsoll_core::load::GapDistribution;
use plimsoll_core::search::{Guard, Search, Settings};

use super::bench::Bench;
use super::{Found, conduct};
use crate::exit::UsageError;
use crate::report::emit;

/// The answer need not be finer than this: it is about what a burst costs, not about a certificate.
const PRECISION: f64 = 0.1;
/// Where to begin, as a share of what was found.
const START: f64 = 0.7;

/// Searches with gaps of this coefficient of variation; nothing where no load was certified to compare with.
///
/// # Errors
/// A trial cannot be made or kept.
pub(super) fn check(
    cv: f64,
    settings: &Settings,
    found: &Found,
    bench: &mut Bench<'_>,
) -> anyhow::Result<Option<Burst>> {
    let Some(low) =
        found.capacity.tiers.iter().filter_map(|tier| tier.low).map(|low| low.load).reduce(f64::max)
    else {
        return Ok(None);
    };
    emit::note(&format!("the same with burstier arrivals (CV {cv})"));
    bench.arrive(GapDistribution::Gamma { cv });
    let mut search = Search::new(Settings {
        start: (START * low).max(settings.min),
        precision: settings.precision.max(PRECISION),
        guard: Guard { arrivals: cv * cv, ..settings.guard },
        ..settings.clone()
    })
    .map_err(|error| UsageError(error.to_string()))?;
    let bursty = conduct(&mut search, bench)?;
    let cost = found.capacity.tiers.iter().zip(&bursty.capacity.tiers).map(|(smooth, bursty)| {
        let (smooth, bursty) = smooth.low.zip(bursty.low)?;
        Some(1.0 - bursty.load / smooth.load)
    });
    let cost = cost.collect();
    Ok(Some(Burst { cv, capacity: bursty.capacity, cost, trials: search.trials().to_vec() }))
}
