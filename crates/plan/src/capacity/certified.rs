//! A certificate as a capacity to plan with, or why it cannot be one.

use plimsoll_core::certificate::Certificate;
use plimsoll_core::search::{Ceiling, Doom, RateLimit, TierCapacity, TrialOutcome, Variable};
use thiserror::Error;

use super::{BurstCapacity, Capacity, Measured};
use crate::figures::{figure, percent};

/// A certificate that no plan can rest on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum NotUsable {
    /// The client measured itself.
    #[error(
        "{certificate} is INVALID: this client could not put {}/s on the server without measuring itself \
         ({reason}); measure again from a stronger or quieter host",
        figure(*.load)
    )]
    Invalid {
        /// Where it lies.
        certificate: String,
        /// The load.
        load: f64,
        /// Why.
        reason: String,
    },
    /// No load passes.
    #[error("{certificate} certifies no load{tier}: {why}")]
    NoCapacity {
        /// Where it lies.
        certificate: String,
        /// Of which tier.
        tier: String,
        /// Why, and what to do.
        why: String,
    },
    /// It counts users.
    #[error(
        "{certificate} is about users of a closed loop, and a demand is a rate: search again with --search rate"
    )]
    Users {
        /// Where it lies.
        certificate: String,
    },
    /// There are several tiers, or not the one asked for.
    #[error("{certificate} has the tiers {tiers}: say with --tier which one the plan is for")]
    Tier {
        /// Where it lies.
        certificate: String,
        /// Their names.
        tiers: String,
    },
    /// It was measured with another model.
    #[error(
        "{certificate} is of the model `{found}`, not `{wanted}`: a capacity holds for the model it was measured with; \
         leave --model out, or give the certificate of `{wanted}`"
    )]
    Model {
        /// Where it lies.
        certificate: String,
        /// Its model.
        found: String,
        /// The one asked for.
        wanted: String,
    },
    /// It has one tier without a name, and another was asked for.
    #[error("{certificate} has one set of objectives and no tier `{wanted}`: leave --tier out")]
    NoTiers {
        /// Where it lies.
        certificate: String,
        /// The one asked for.
        wanted: String,
    },
    /// What is in it cannot be.
    #[error("{certificate} holds {what}: the file was changed or cut short; measure again")]
    Broken {
        /// Where it lies.
        certificate: String,
        /// What cannot be.
        what: String,
    },
}

/// An interval whose ends are further apart than this is told as a doubt.
pub const WIDE: f64 = 1.25;

/// Saturation is at least so far above the least load that fails, where no trial saw it.
const SUPPOSED: f64 = 1.05;

impl Capacity {
    /// Reads a certificate. `tier` names one of several sets of objectives, `model` the model that is to be planned for;
    /// `instance` is what it was measured on, and `source` where the certificate lies.
    ///
    /// # Errors
    /// No plan can rest on it.
    pub fn certified(
        certificate: &Certificate,
        tier: Option<&str>,
        model: Option<&str>,
        instance: &str,
        source: &str,
    ) -> Result<Capacity, NotUsable> {
        let named = || source.to_owned();
        if certificate.variable == Variable::Concurrency {
            return Err(NotUsable::Users { certificate: named() });
        }
        if let Some(wanted) = model.filter(|wanted| *wanted != certificate.run.model) {
            return Err(NotUsable::Model {
                certificate: named(),
                found: certificate.run.model.clone(),
                wanted: wanted.to_owned(),
            });
        }
        let index = tier_of(certificate, tier, source)?;
        let found = &certificate.capacity.tiers[index];
        let Some(low) = found.low else { return Err(no_capacity(certificate, found, source)) };
        let high = found.high.map(|high| high.load);
        for load in [Some(low.load), high].into_iter().flatten() {
            if !(load.is_finite() && load > 0.0) {
                let what = format!("a load of {load}, which is none");
                return Err(NotUsable::Broken { certificate: named(), what });
            }
        }
        if let Some(high) = high.filter(|high| *high <= low.load) {
            let what = format!(
                "a load that fails ({}/s) below one that passes ({}/s)",
                figure(high),
                figure(low.load)
            );
            return Err(NotUsable::Broken { certificate: named(), what });
        }
        Ok(Capacity {
            instance: instance.to_owned(),
            model: certificate.run.model.clone(),
            provider: certificate.run.provider.clone(),
            source: named(),
            low: low.load,
            high,
            confidence: Some(certificate.method.confidence),
            slos: certificate.tiers.get(index).map_or_else(Vec::new, |tier| tier.slos.clone()),
            binding: found.binding.clone(),
            measured: measured(certificate, index, low.load, high),
            cold_start: None,
            derating: None,
            doubts: doubts(certificate, index, low.load, high),
        })
    }
}

fn tier_of(certificate: &Certificate, tier: Option<&str>, source: &str) -> Result<usize, NotUsable> {
    let tiers = &certificate.capacity.tiers;
    let found = match tier {
        Some(wanted) => tiers.iter().position(|tier| tier.name == wanted),
        None if tiers.len() == 1 => Some(0),
        None => None,
    };
    found.ok_or_else(|| {
        let certificate = source.to_owned();
        match (tiers.as_slice(), tier) {
            ([], _) => NotUsable::Broken { certificate, what: "no capacity".to_owned() },
            ([only], Some(wanted)) if only.name.is_empty() => {
                NotUsable::NoTiers { certificate, wanted: wanted.to_owned() }
            }
            _ => {
                let names: Vec<String> = tiers.iter().map(|tier| format!("`{}`", tier.name)).collect();
                NotUsable::Tier { certificate, tiers: names.join(", ") }
            }
        }
    })
}

fn no_capacity(certificate: &Certificate, tier: &TierCapacity, source: &str) -> NotUsable {
    let why = match &certificate.doom {
        Some(Doom::Client { load, reason }) => {
            return NotUsable::Invalid {
                certificate: source.to_owned(),
                load: *load,
                reason: reason.clone(),
            };
        }
        Some(Doom::NotSustainable { load }) => format!(
            "its objectives are missed at {}/s already, the least load tried: no number of replicas helps where \
             one cannot; a larger machine or other objectives may",
            figure(*load)
        ),
        Some(Doom::ServerGone { load, .. }) => {
            format!("the server answered nobody any more at {}/s: see why, and measure again", figure(*load))
        }
        None => "there was too little evidence for any load: measure again, with more time".to_owned(),
    };
    let name = &tier.name;
    let tier = if name.is_empty() { String::new() } else { format!(" for the tier `{name}`") };
    NotUsable::NoCapacity { certificate: source.to_owned(), tier, why }
}

/// What makes the certified load less than it seems.
fn doubts(certificate: &Certificate, index: usize, low: f64, high: Option<f64>) -> Vec<String> {
    let tier = &certificate.capacity.tiers[index];
    let mut doubts = Vec::new();
    match (tier.ceiling, high) {
        (_, Some(high)) if high / low > WIDE => doubts.push(format!(
            "the capacity is only known to lie between {} and {}/s: the plan takes the lower end, and a search \
             with more time or a finer --precision may save up to {} of the replicas",
            figure(low),
            figure(high),
            percent(((1.0 - low / high) * 100.0).round() / 100.0)
        )),
        (_, Some(_)) => {}
        (Some(Ceiling::Client { load }), None) => doubts.push(format!(
            "the client was the limit at {}/s, so the server may carry more: the plan may be too large",
            figure(load)
        )),
        (_, None) => doubts.push(
            "no load is known to fail, so the server may carry more: the plan may be too large".to_owned(),
        ),
    }
    if tier.low.is_some_and(|low| !low.confirmed) {
        doubts.push("the certified load was not confirmed by a run of its own".to_owned());
    }
    if high.is_some_and(|high| RateLimit::is_why(&certificate.trials, index, high)) {
        doubts.push(
            "what fails above the certified load are requests refused with 429: a rate limit may keep the server from \
             what it can do, and more replicas behind the same limit would not help"
                .to_owned(),
        );
    }
    if certificate.method.default_objectives {
        doubts.push(
            "the objectives are those of somebody who named none: give --slo to plan for yours".to_owned(),
        );
    }
    doubts
}

/// What the trials say of the replica at its certified load; nothing if they do not reach it.
fn measured(certificate: &Certificate, tier: usize, low: f64, high: Option<f64>) -> Option<Measured> {
    let seen = |trial: &&TrialOutcome| trial.invalid.is_none() && trial.latency.is_some();
    let at_low: Vec<&TrialOutcome> = certificate
        .trials
        .iter()
        .filter(seen)
        .filter(|trial| (trial.load / low - 1.0).abs() < 1e-6)
        .collect();
    let seconds: f64 = at_low.iter().map(|trial| trial.seconds).sum();
    if seconds <= 0.0 {
        return None;
    }
    let mean = |of: &dyn Fn(&TrialOutcome) -> f64| {
        at_low.iter().map(|trial| trial.seconds * of(trial)).sum::<f64>() / seconds
    };
    let idle = certificate.trials.iter().filter(seen).min_by(|a, b| a.load.total_cmp(&b.load))?;
    let seen_saturation = certificate.knees.saturation.map(|saturation| saturation.throughput.value);
    let supposed = SUPPOSED * high.unwrap_or(low);
    let latency = mean(&|trial| trial.latency.unwrap_or(0.0));
    Some(Measured {
        cv: certificate.traffic.cv.unwrap_or(1.0),
        service_scv: certificate.method.service_scv,
        latency_idle: idle.latency?.min(latency),
        latency,
        latency_p99: at_low.iter().filter_map(|trial| trial.latency_p99).reduce(f64::max),
        in_flight: mean(&|trial| trial.concurrency),
        saturation: seen_saturation.filter(|seen| *seen > low).unwrap_or(supposed),
        saturation_seen: seen_saturation.is_some_and(|seen| seen > low),
        burst: certificate.burst.as_ref().and_then(|burst| {
            let low = burst.capacity.tiers.get(tier)?.low?;
            Some(BurstCapacity { cv: burst.cv, low: low.load })
        }),
    })
}
