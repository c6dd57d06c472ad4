//! How long trials are.

use super::outcome::TrialOutcome;
use super::settings::{Settings, Variable};
use super::standing::{INVALID_MIN, Needs, Standing};
use crate::slo::{Slo, least_requests};

/// Requests that are enough to see whether a load is far from the capacity.
const LOOK: f64 = 60.0;
/// A look takes no longer than this, however slow the requests.
const LOOK_MAX: f64 = 30.0;
/// Shares of the budget that a look and a trial that decides may take: there are some ten of the one and some five of the
/// other.
const LOOK_SHARE: f64 = 0.05;
const TRIAL_SHARE: f64 = 0.25;
/// A trial that is to decide is this many times as long as one without a single miss would have to be.
const AMPLE: f64 = 3.0;
/// Lengths of the first trial at a load after which it is too close to call, and so is one with as much of the budget as a
/// trial may take.
const PATIENCE: f64 = 30.0;

/// What trials at a load have to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lengths {
    /// Seconds of a look.
    pub(super) look: f64,
    /// Seconds of the first trial that is to decide.
    pub(super) first: f64,
    pub(super) needs: Needs,
}

impl Lengths {
    /// At `rate` requests per second.
    pub(super) fn at(settings: &Settings, rate: f64) -> Self {
        let of_budget = |share: f64| settings.budget.map_or(f64::INFINITY, |budget| share * budget);
        let longest = settings.trial_max.min(of_budget(TRIAL_SHARE)).max(settings.trial_min);
        let within = |seconds: f64| seconds.clamp(settings.trial_min, longest);
        let rate = rate.max(1e-6);
        let guard = match settings.variable {
            Variable::Rate => settings.guard.seconds(rate),
            Variable::Concurrency => 0.0,
        };
        let first = within(guard.max(AMPLE * requests(settings) / rate));
        let guard = guard.min(first);
        let look_max = LOOK_MAX.min(of_budget(LOOK_SHARE)).max(settings.trial_min);
        let look = (LOOK / rate).clamp(settings.trial_min, look_max).min(first);
        let patience = (PATIENCE * first).min(of_budget(TRIAL_SHARE).max(first));
        Lengths { look, first, needs: Needs { guard, patience, invalid_min: INVALID_MIN } }
    }

    /// The next trial at a load that is to be decided.
    pub(super) fn next(&self, settings: &Settings, so_far: &Standing) -> f64 {
        let wanted = so_far.more.map_or(self.first, |more| 1.1 * more);
        wanted.clamp(self.first, so_far.seconds.clamp(self.first, settings.trial_max.max(self.first)))
    }
}

/// Requests that the strictest objective needs to pass without a miss.
fn requests(settings: &Settings) -> f64 {
    let tiers = settings.tiers.iter();
    let each = tiers.flat_map(|tier| {
        let confidence = tier.slos.confidence().value();
        tier.slos
            .iter()
            .filter_map(Slo::allowed)
            .map(move |allowed| least_requests(0, 1.0 - allowed, confidence))
    });
    each.max().unwrap_or(100) as f64
}

/// Completions per second at a load, as far as trials at other loads tell.
pub(super) fn rate_at(settings: &Settings, load: f64, trials: &[TrialOutcome]) -> f64 {
    match settings.variable {
        Variable::Rate => load,
        Variable::Concurrency => {
            let answered = trials.iter().filter(|trial| trial.throughput > 0.0);
            let nearest = answered.min_by(|a, b| (a.load - load).abs().total_cmp(&(b.load - load).abs()));
            nearest.map_or(1.0, |trial| trial.throughput * (load / trial.load).min(1.0))
        }
    }
}
