//! What is searched for, and how much a search may take.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::slo::Slos;

/// What is raised until an objective is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// Requests per second in an open loop.
    Rate,
    /// Users of a closed loop, each with a request in flight.
    Concurrency,
}

/// Objectives for which a capacity is searched. Several tiers share the trials of one search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tier {
    /// Its name; empty where there is only one.
    pub name: String,
    /// Its objectives.
    pub slos: Slos,
}

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// What is searched.
    pub variable: Variable,
    /// The load to begin with; per second, or users.
    pub start: f64,
    /// The least load to try.
    pub min: f64,
    /// The greatest load to try.
    pub max: f64,
    /// How far the certified load may lie below the capacity, relative: 0.01 to 0.5. Loads are tried on a grid in log
    /// space whose steps are 0.7 of it.
    pub precision: f64,
    /// The largest share of the seconds at a load that may belong to trials which fail on their own, for the load to pass
    /// (RFC 9971, exceed ratio).
    pub exceed_ratio: f64,
    /// Seconds of a trial, at least.
    pub trial_min: f64,
    /// Seconds of a trial, at most.
    pub trial_max: f64,
    /// Seconds for everything, if limited.
    pub budget: Option<f64>,
    /// Seconds that it takes to see a slow overload.
    pub guard: Guard,
    /// For whom.
    pub tiers: Vec<Tier>,
}

/// What decides how long a slow overload can stay unseen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Squared coefficient of variation of the gaps between arrivals: 0 constant, 1 Poisson.
    pub arrivals: f64,
    /// The same of service times; 1 where it is not known.
    pub service: f64,
    /// The relative overload that must be seen.
    pub overload: f64,
}

/// Standard deviations by which the drift of a backlog must exceed its random walk.
const DRIFT: f64 = 3.0;

impl Guard {
    /// Seconds after which an overload of this size shows at `rate` per second: the backlog of a queue that gets
    /// `overload` more than it can do drifts up by `overload * rate` per second, and its random walk has a variance of
    /// `(arrivals + service) * rate` per second (W. Whitt, Planning queueing simulations, Management Science 35, 1989).
    pub fn seconds(&self, rate: f64) -> f64 {
        DRIFT * DRIFT * (self.arrivals + self.service) / (self.overload * self.overload * rate)
    }

    /// The overload that shows after `seconds` at `rate`.
    pub fn visible_after(&self, seconds: f64, rate: f64) -> f64 {
        DRIFT * ((self.arrivals + self.service) / (rate * seconds)).sqrt()
    }
}

/// A search that makes no sense.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SettingsError {
    /// The loads are not in order.
    #[error("the least load {min} is not below the greatest, {max}")]
    Range {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// A precision out of range.
    #[error("a precision of {0} is out of range: give 0.01 to 0.5, such as 0.05 for 5 %")]
    Precision(f64),
    /// An exceed ratio out of range.
    #[error("an exceed ratio of {0} is out of range: give 0 to 0.5, such as 0.2")]
    ExceedRatio(f64),
    /// Nothing is asked of the server.
    #[error("there is no objective to search for")]
    NoObjective,
}

impl Settings {
    /// Checks them.
    ///
    /// # Errors
    /// They make no search.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if !(self.min > 0.0 && self.min < self.max && self.max.is_finite()) {
            return Err(SettingsError::Range { min: self.min, max: self.max });
        }
        if !(0.01..=0.5).contains(&self.precision) {
            return Err(SettingsError::Precision(self.precision));
        }
        if !(0.0..=0.5).contains(&self.exceed_ratio) {
            return Err(SettingsError::ExceedRatio(self.exceed_ratio));
        }
        if self.tiers.is_empty() || self.tiers.iter().any(|tier| tier.slos.is_empty()) {
            return Err(SettingsError::NoObjective);
        }
        Ok(())
    }
}
