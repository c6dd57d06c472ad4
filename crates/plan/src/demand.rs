//! What the fleet is for: a peak, a rate that grows, or a trace.

mod counts;
mod peak;
mod steady;

use serde::{Deserialize, Serialize};

pub use counts::Counts;
pub(crate) use steady::{Waits, steady_rate};

/// The traffic that a fleet is planned for. Rates are requests per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// The traffic today.
    pub traffic: Traffic,
    /// How it grows until the plan is to hold.
    pub growth: Option<Growth>,
    /// How fast it can rise, as a share of the peak per minute; `null` where nobody said. A trace says it itself.
    pub ramp_per_minute: Option<f64>,
    /// Coefficient of variation of the gaps between arrivals; `null` where nobody said. A trace says it itself.
    pub cv: Option<f64>,
    /// One standard deviation of the peak that comes around the one that is foreseen, as a share.
    pub forecast_error: f64,
    /// Tokens of a request on average, where requests have any.
    pub tokens: Option<Tokens>,
}

/// The traffic today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// A rate, day and night.
    Peak(f64),
    /// Requests as they came.
    Trace(Counts),
}

/// Growth by the same share each month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Share: 0.05 is 5 % more each month.
    pub per_month: f64,
    /// Months until the plan is to hold.
    pub months: f64,
}

/// Tokens of a request on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Of its prompt.
    pub input: f64,
    /// Of its answer.
    pub output: f64,
}

impl Demand {
    /// A peak, with nothing else known.
    pub fn peak(rate: f64) -> Self {
        Demand {
            traffic: Traffic::Peak(rate),
            growth: None,
            ramp_per_minute: None,
            cv: None,
            forecast_error: 0.0,
            tokens: None,
        }
    }

    /// By how much the traffic has grown when the plan is to hold.
    pub fn growth_factor(&self) -> f64 {
        self.growth.map_or(1.0, |growth| (1.0 + growth.per_month).powf(growth.months))
    }
}
