//! What burstier arrivals cost: the same search again, below what was found.

use plimsoll_core::certificate::Burst;
use plimsoll_core::load::GapDistribution;
use plimsoll_core::search::{Guard, Search, Settings};

use super::bench::Bench;
use super::{Found, conduct};
use crate::exit::UsageError;
use crate::report::emit;
use crate::session::Interrupted;

/// The answer need not be finer than this: it is about what a burst costs, not about a certificate.
const PRECISION: f64 = 0.1;
/// Where to begin, as a share of what was found.
const START: f64 = 0.7;

/// What of a budget is kept for the bursts: a search would use it up.
pub(super) const SHARE: f64 = 0.3;

/// What burstier arrivals cost, as far as the user let that be found out.
pub(super) struct Bursty {
    pub(super) burst: Burst,
    pub(super) interrupted: Interrupted,
}

/// Searches with gaps of this coefficient of variation, in what is left of `budget` seconds; nothing where no load was certified
/// to compare with.
///
/// # Errors
/// A trial cannot be made or kept.
pub(super) fn check(
    cv: f64,
    settings: &Settings,
    budget: Option<f64>,
    found: &Found,
    bench: &mut Bench<'_>,
) -> anyhow::Result<Option<Bursty>> {
    let Some(low) = found.greatest() else { return Ok(None) };
    emit::note(&format!("the same with burstier arrivals (CV {cv})"));
    bench.arrive(GapDistribution::Gamma { cv });
    let mut search = Search::new(Settings {
        start: (START * low).max(settings.min),
        precision: settings.precision.max(PRECISION),
        budget: budget.map(|budget| (budget - found.capacity.seconds).max(0.0)),
        guard: Guard { arrivals: cv * cv, ..settings.guard },
        ..settings.clone()
    })
    .map_err(|error| UsageError(error.to_string()))?;
    let Found { capacity, doom, interrupted } = conduct(&mut search, bench)?;
    let cost = found.capacity.tiers.iter().zip(&capacity.tiers).map(|(smooth, bursty)| {
        let (smooth, bursty) = smooth.low.zip(bursty.low)?;
        Some(1.0 - bursty.load / smooth.load)
    });
    let cost = cost.collect();
    let burst = Burst { cv, capacity, doom, cost, trials: search.trials().to_vec() };
    Ok(Some(Bursty { burst, interrupted }))
}
