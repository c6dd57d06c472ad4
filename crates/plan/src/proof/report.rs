//! What a proof says: part of the schema of `plan.json`. Times in seconds from the beginning of the traffic.

use serde::{Deserialize, Serialize};

/// What an autoscaler did over the traffic, and what it is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Share of all requests that shall keep their objectives.
    pub goal: f64,
    /// Whether they did, in each replay.
    pub kept: bool,
    /// The share that did in each replay; the other figures are those of the first.
    pub attainments: Vec<f64>,
    /// What the autoscaler did.
    pub figures: Figures,
    /// Its changes, in order.
    pub events: Vec<Event>,
    /// Where it missed, and why.
    pub misses: Vec<Miss>,
    /// Minute by minute.
    pub minutes: Vec<Minute>,
    /// The smallest fleet of constant size that reaches the goal.
    pub static_peak: Baseline,
    /// The best that could be done by somebody who knows the traffic, but not faster than a cold start.
    pub oracle: Baseline,
    /// Replica-hours beyond the oracle's, as a share of them; `null` if that needs none.
    pub over_oracle: Option<f64>,
    /// What was supposed rather than measured, in words.
    pub assumptions: Vec<String>,
}

/// Something that the autoscaler is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it did.
    pub figures: Figures,
    /// Whether it reaches the goal.
    pub kept: bool,
}

/// What a fleet did and what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Requests that arrived.
    pub requests: f64,
    /// The share of them that kept their objectives; 1 if there were none.
    pub attainment: f64,
    /// Hours that replicas had machines.
    pub replica_hours: f64,
    /// What these cost, in the currency of the price book; `null` without a price.
    pub cost: Option<f64>,
    /// Changes to more replicas.
    pub scale_ups: u32,
    /// Changes to fewer.
    pub scale_downs: u32,
    /// The most replicas that were ready at once.
    pub most_ready: u32,
    /// Replicas that were ready, on average.
    pub mean_ready: f64,
    /// The most requests that waited at once.
    pub most_waiting: f64,
}

/// A change of the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: f64,
    /// From so many.
    pub from: u32,
    /// To so many.
    pub to: u32,
}

/// One minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// Which, from 0.
    pub minute: u32,
    /// Requests a second that arrived.
    pub rate: f64,
    /// The share of them that kept their objectives; 1 if there were none.
    pub attainment: f64,
    /// Replicas that were ready, on average.
    pub ready: f64,
    /// Replicas that were asked for, at its end.
    pub wanted: u32,
    /// The most requests that waited at once.
    pub waiting: f64,
}

/// Minutes in a row in which fewer requests than the goal kept their objectives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Miss {
    /// The first minute, from 0.
    pub from: u32,
    /// The last.
    pub to: u32,
    /// Requests that missed.
    pub requests: f64,
    /// What most of them missed for.
    pub cause: Cause,
}

/// Why requests missed their objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There was no replica at all.
    NoReplica,
    /// Enough were asked for, and waited for machines.
    Machines,
    /// Enough were asked for, and were loading.
    Loading,
    /// The greatest number that is allowed was asked for, and is too few.
    Limit,
    /// Replicas had been sent away not long before.
    ScaledDown,
    /// The autoscaler had not asked for enough yet: old figures, its tolerance, its windows, its policies.
    Late,
    /// There were enough replicas for the traffic of the last seconds: a burst, chance, or work that was left over.
    Burst,
}

impl Cause {
    /// In words, for a report.
    pub fn words(self) -> &'static str {
        match self {
            Cause::NoReplica => "no replica was there",
            Cause::Machines => "enough replicas were asked for, and waited for machines",
            Cause::Loading => "enough replicas were asked for, and were loading",
            Cause::Limit => "the greatest number of replicas is too few",
            Cause::ScaledDown => "replicas had been sent away less than ten minutes before",
            Cause::Late => "the autoscaler had not asked for enough replicas yet",
            Cause::Burst => "a burst within seconds",
        }
    }
}
