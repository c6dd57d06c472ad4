//! The whole plan: the versioned schema of `plan.json`, and how its parts are put together.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::capacity::Capacity;
use crate::demand::{Demand, Growth, Tokens, Traffic};
use crate::figures::{figure, percent};
use crate::headroom::{Headroom, MOST, Portion, Settings};
use crate::manifest::{Manifest, Service};
use crate::models::Models;
use crate::money::unit::Use;
use crate::money::{
    At, Candidate, Cheapest, Comparison, Fit, FitError, FitQuestion, Money, compare, fit, mixes, unit_costs,
};
use crate::prices::{Instance, PriceBook, PriceError};
use crate::scaling::{Autoscaling, ScalingQuestion, autoscaling};
use crate::timeline::Timeline;

/// Version of this schema. Readers refuse a newer major version.
pub const PLAN_SCHEMA: &str = "plimsoll.plan/1";

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct Question {
    /// What a replica carries, on one instance type or on several to choose from.
    pub capacities: Vec<Capacity>,
    /// What it is for.
    pub demand: Demand,
    /// What it must bear.
    pub settings: Settings,
    /// What machines cost, where the user said it.
    pub prices: Option<PriceBook>,
    /// A model whose memory is to be looked at.
    pub fit: Option<FitQuestion>,
    /// The service that is scaled, where manifests are wanted.
    pub service: Option<Service>,
    /// Whether to search for better values than those of the manifests.
    pub improve: bool,
    /// Seconds for which the metrics are out in the proof of autoscalers.
    pub metrics_outage: Option<f64>,
}

/// A plan with the files that go with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Manifests of autoscalers, and their README; none where no service was named.
    pub manifests: Vec<Manifest>,
}

/// A question without an answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PlanError {
    /// Nothing to plan with.
    #[error("there is no capacity to plan with: give --certificate FILE, or --capacity RATE")]
    NoCapacity,
    /// A demand that is none.
    #[error("a demand of {0}/s is none: give a rate above 0")]
    Demand(f64),
    /// One zone, or none.
    #[error("--zones {0}: what is left when one is lost? Give 2 or more, or leave it out")]
    Zones(u32),
    /// A share out of range.
    #[error("a rollout that takes away {0} at a time leaves nothing: give less than 100 %")]
    Unavailable(String),
    /// More replicas than can be counted on.
    #[error(
        "a demand of {0}/s at {1}/s a replica takes more than {MOST} replicas: look at both numbers and their units"
    )]
    TooMany(String, String),
    /// A capacity without its instance type.
    #[error(
        "which instance type was {source_file} measured on? Say --certificate NAME={source_file} or --instance NAME; the price book has {known}"
    )]
    NoInstance {
        /// The certificate.
        source_file: String,
        /// The types there are.
        known: String,
    },
    /// A price book that does not do.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// A memory question that cannot be answered.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The answer in a sentence.
    pub answer: String,
    /// What makes it less than it seems, in words.
    pub doubts: Vec<String>,
    /// The capacity that was chosen.
    pub capacity: Capacity,
    /// What it is for.
    pub demand: DemandSummary,
    /// What it must bear.
    pub settings: Settings,
    /// How many replicas, and why.
    pub headroom: Headroom,
    /// What several models say.
    pub models: Models,
    /// Replicas over time, of a trace.
    pub timeline: Option<Timeline>,
    /// Autoscalers, and what each does with the traffic; `null` where no manifests were wanted.
    pub autoscaling: Option<Autoscaling>,
    /// What it costs; `null` without prices.
    pub money: Option<Money>,
    /// Instance types beside each other.
    pub comparison: Vec<Comparison>,
    /// Ranges of demand with the cheapest type in each.
    pub cheapest: Vec<Cheapest>,
    /// Larger types against more of smaller ones, in words.
    pub sizes: Vec<String>,
    /// Whether a model fits.
    pub fit: Vec<Fit>,
}

/// A demand in figures. Rates are per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandSummary {
    /// In words.
    pub words: String,
    /// The peak today.
    pub peak_today: f64,
    /// The peak that is planned for.
    pub peak: f64,
    /// The mean.
    pub mean: f64,
    /// What arrivals behave like; `null` where nobody knows.
    pub cv: Option<f64>,
    /// Growth, if any.
    pub growth: Option<Growth>,
    /// Growth within minutes, as a share of the peak per minute.
    pub ramp_per_minute: Option<f64>,
    /// One standard deviation of the peak around the one that is foreseen, as a share.
    pub forecast_error: f64,
    /// Tokens of a request on average.
    pub tokens: Option<Tokens>,
}

impl DemandSummary {
    fn of(demand: &Demand, settings: &Settings) -> Self {
        let today = demand.peak_today(settings.peak_quantile);
        let words = match &demand.traffic {
            Traffic::Peak(rate) => format!("{}/s", figure(*rate)),
            Traffic::Trace(counts) => {
                let times = if counts.scale == 1.0 {
                    String::new()
                } else {
                    format!(" x {}, each second so many times", figure(counts.scale))
                };
                format!(
                    "{}{times}: {} requests in {} h, {}/s on average, {}/s at the peak",
                    counts.source,
                    figure(counts.total().round()),
                    figure((counts.seconds() / 36.0).round() / 100.0),
                    figure(counts.mean()),
                    figure(today)
                )
            }
        };
        DemandSummary {
            words,
            peak_today: today,
            peak: demand.peak_rate(settings.peak_quantile),
            mean: demand.mean_rate(),
            cv: demand.arrival_cv(),
            growth: demand.growth,
            ramp_per_minute: demand.ramp_per_minute,
            forecast_error: demand.forecast_error,
            tokens: demand.tokens,
        }
    }
}

/// Makes the plan. With prices the cheapest of several capacities is taken, without them the first.
///
/// # Errors
/// Something contradicts itself, or a capacity has no price where prices are given.
pub fn plan(question: &Question) -> Result<Planned, PlanError> {
    let Question { capacities, demand, settings, prices, .. } = question;
    check(demand, settings)?;
    let priced = priced(capacities, prices.as_ref())?;
    let candidates: Vec<Candidate<'_>> = capacities
        .iter()
        .zip(&priced)
        .filter_map(|(capacity, instance)| Some(Candidate { capacity, instance: (*instance)? }))
        .collect();
    let (comparison, cheapest, sizes) = compare(&candidates, demand, settings);
    let least =
        (0..comparison.len()).min_by(|&a, &b| comparison[a].per_hour.total_cmp(&comparison[b].per_hour));
    let index = least.unwrap_or(0);
    let Some(capacity) = capacities.get(index) else { return Err(PlanError::NoCapacity) };
    let headroom = Headroom::of(capacity, demand, settings);
    if headroom.replicas >= MOST {
        return Err(PlanError::TooMany(figure(headroom.peak), figure(capacity.low)));
    }
    let models = Models::of(capacity, demand, settings, &headroom);
    let timeline = Timeline::of(capacity, demand, settings, &headroom);
    let money = prices.as_ref().zip(priced.get(index).copied().flatten()).map(|(book, instance)| {
        let uses = uses(instance, demand, &headroom, timeline.as_ref());
        let mixes = mixes(instance, &headroom, timeline.as_ref());
        Money::of(book, instance, headroom.replicas, unit_costs(&uses, demand.tokens), mixes)
    });
    let (autoscaling, manifests) = match &question.service {
        Some(service) => {
            let (found, files) = autoscaling(&ScalingQuestion {
                service,
                capacity,
                demand,
                settings,
                headroom: &headroom,
                price: priced.get(index).copied().flatten().map(Instance::per_replica),
                goal: None,
                metrics_outage: question.metrics_outage,
                search: question.improve,
            });
            (Some(found), files)
        }
        None => (None, Vec::new()),
    };
    let fit = match (&question.fit, prices) {
        (Some(question), Some(book)) => fit(question, book)?,
        _ => Vec::new(),
    };
    let plan = Plan {
        schema: PLAN_SCHEMA.to_owned(),
        answer: answer(&headroom),
        doubts: doubts(question, capacity, &headroom, &models, autoscaling.as_ref()),
        capacity: capacity.clone(),
        demand: DemandSummary::of(demand, settings),
        settings: settings.clone(),
        headroom,
        models,
        timeline,
        autoscaling,
        money,
        comparison,
        cheapest,
        sizes,
        fit,
    };
    Ok(Planned { plan, manifests })
}

/// Checks what can be known before a capacity is.
///
/// # Errors
/// Something contradicts itself.
pub fn check(demand: &Demand, settings: &Settings) -> Result<(), PlanError> {
    let rate = demand.peak_today(settings.peak_quantile);
    if !(rate.is_finite() && rate > 0.0) {
        return Err(PlanError::Demand(rate));
    }
    if let Some(zones) = settings.zones.filter(|zones| *zones < 2) {
        return Err(PlanError::Zones(zones));
    }
    match settings.max_unavailable {
        Portion::Share(share) if !(0.0..1.0).contains(&share) => Err(PlanError::Unavailable(percent(share))),
        _ => Ok(()),
    }
}

/// The instance type of each capacity, if there are prices.
fn priced<'a>(
    capacities: &[Capacity],
    prices: Option<&'a PriceBook>,
) -> Result<Vec<Option<&'a Instance>>, PlanError> {
    let Some(book) = prices else { return Ok(vec![None; capacities.len()]) };
    book.validate()?;
    let of = |capacity: &Capacity| match capacity.instance.as_str() {
        "" => Err(PlanError::NoInstance {
            source_file: capacity.source.clone(),
            known: book.instance.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
        }),
        name => Ok(Some(book.find(name)?)),
    };
    capacities.iter().map(of).collect()
}

/// `14 replicas (95 %: 13 to 15), bound by zone loss`. There is no interval where nothing says how sure anything is.
fn answer(headroom: &Headroom) -> String {
    let Headroom { replicas, confidence, bound_by, .. } = headroom;
    let noun = if *replicas == 1 { "replica" } else { "replicas" };
    let interval = if confidence.with_capacity || confidence.with_demand {
        format!(" (95 %: {} to {})", confidence.low, confidence.high)
    } else {
        String::new()
    };
    format!("{replicas} {noun}{interval}, bound by {}", bound_by.words())
}

/// In which ways the fleet is used.
fn uses(instance: &Instance, demand: &Demand, headroom: &Headroom, timeline: Option<&Timeline>) -> Vec<Use> {
    let each = headroom.per_replica;
    let fixed = f64::from(instance.machines(headroom.replicas)) * instance.on_demand;
    let whole = f64::from(headroom.replicas) * each;
    let mut uses = vec![
        Use { at: At::Capacity, cost: instance.per_replica(), capacity: each, rate: each },
        Use { at: At::Plan, cost: fixed, capacity: whole, rate: headroom.peak },
    ];
    // A bare peak has no other moments than its own.
    if let Some(timeline) = timeline {
        uses.push(Use { at: At::TraceFixed, cost: fixed, capacity: whole, rate: demand.mean_rate() });
        let machines = |count: &u32| f64::from(instance.machines(*count));
        let mean =
            timeline.replicas.iter().map(machines).sum::<f64>() / timeline.replicas.len().max(1) as f64;
        uses.push(Use {
            at: At::TraceScaled,
            cost: mean * instance.on_demand,
            capacity: timeline.mean() * each,
            rate: demand.mean_rate(),
        });
    }
    uses
}

/// What makes the answer less than it seems.
fn doubts(
    question: &Question,
    capacity: &Capacity,
    headroom: &Headroom,
    models: &Models,
    scaling: Option<&Autoscaling>,
) -> Vec<String> {
    let mut doubts = capacity.doubts.clone();
    if headroom.peak < capacity.low {
        doubts.push(format!(
            "the demand is {} of what one replica carries: the smallest fleet is mostly idle, and a smaller instance type \
             or scaling to zero may do",
            percent(headroom.peak / headroom.per_replica)
        ));
    }
    if capacity.confidence.is_none() {
        doubts.push(
            "how sure the capacity is, nothing says: plan from a certificate (`plimsoll capacity`)"
                .to_owned(),
        );
    }
    if let Some(derating) = &capacity.derating
        && let Some(within) = derating.restart_within
    {
        doubts.push(format!(
            "{} is used up {} h after a start: replicas must be restarted before",
            derating.exhausted,
            figure(within / 3600.0)
        ));
    }
    if let Some((reached, wanted)) = models.attainment.zip(models.wanted)
        && reached < wanted - 1e-3
    {
        doubts.push(format!(
            "the simulated fleet keeps the objective for {} of requests with this plan, not for {}",
            percent(reached),
            percent(wanted)
        ));
    }
    let fixed = scaling.and_then(|scaling| scaling.proven.first()).map(|proven| &proven.proof.static_peak);
    if let Some(fixed) = fixed.filter(|fixed| fixed.figures.most_ready > headroom.replicas) {
        doubts.push(format!(
            "second by second the simulated fleet needs {} replicas, more than the plan: plan for the larger number",
            fixed.figures.most_ready
        ));
    }
    if question.prices.is_none() {
        doubts.push("no prices were given, so there is no cost (--prices FILE, --instance NAME)".to_owned());
    }
    doubts
}

#[cfg(test)]
mod tests;
