//! What a fleet costs.

mod compare;
mod fit;
mod mix;
pub(crate) mod unit;

pub use compare::{Candidate, Cheapest, Comparison, compare};
pub use fit::{Fit, FitError, FitQuestion, fit};
pub use mix::{Mix, mixes};
pub use unit::{At, UnitCost, unit_costs};

use serde::{Deserialize, Serialize};

use crate::prices::{HOURS_PER_MONTH, Instance, PriceBook};

/// What the fleet of a plan costs. Prices are in the currency of the price book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Money {
    /// The currency.
    pub currency: String,
    /// The day of the prices.
    pub as_of: String,
    /// Where the prices of the instance type were found.
    pub source: String,
    /// The instance type.
    pub instance: String,
    /// Machines of the plan.
    pub machines: u32,
    /// All of them for an hour, on demand.
    pub per_hour: f64,
    /// And for a month.
    pub per_month: f64,
    /// What a million inferences and tokens cost at several utilisations.
    pub units: Vec<UnitCost>,
    /// The same fleet bought in other ways.
    pub mixes: Vec<Mix>,
}

impl Money {
    /// Of a number of replicas, on demand; `units` and `mixes` are computed by their own functions.
    pub fn of(
        book: &PriceBook,
        instance: &Instance,
        replicas: u32,
        units: Vec<UnitCost>,
        mixes: Vec<Mix>,
    ) -> Money {
        let machines = instance.machines(replicas);
        let per_hour = f64::from(machines) * instance.on_demand;
        Money {
            currency: book.currency.clone(),
            as_of: book.as_of.clone(),
            source: instance.source.clone(),
            instance: instance.name.clone(),
            machines,
            per_hour,
            per_month: per_hour * HOURS_PER_MONTH,
            units,
            mixes,
        }
    }
}
