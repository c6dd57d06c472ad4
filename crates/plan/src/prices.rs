//! What machines cost: a price book that the user owns. No price comes from anywhere else.

use plimsoll_core::nearest::nearest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the price book that is read here.
pub const PRICES_VERSION: u32 = 1;

/// Hours of a month: a twelfth of 365.25 days.
pub const HOURS_PER_MONTH: f64 = 730.5;

/// A price book: `prices.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceBook {
    /// [`PRICES_VERSION`].
    pub version: u32,
    /// The currency in which all prices are: `USD`.
    pub currency: String,
    /// The day on which the prices were looked up: `2026-11-22`.
    pub as_of: String,
    /// Instance types.
    pub instance: Vec<Instance>,
}

/// What one machine costs per hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its name: `g6.xlarge`.
    pub name: String,
    /// Where the prices were found: a page, a contract.
    pub source: String,
    /// Price per hour, on demand.
    pub on_demand: f64,
    /// Price per hour where the machine may be taken away.
    #[serde(default)]
    pub spot: Option<f64>,
    /// How often one such machine is taken away in a month, on average.
    #[serde(default)]
    pub spot_interruptions_per_month: Option<f64>,
    /// Price per hour, used or not, with a contract.
    #[serde(default)]
    pub reserved: Option<f64>,
    /// How long that contract is, in words: `1 year, no upfront`.
    #[serde(default)]
    pub reserved_term: Option<String>,
    /// Its accelerator as in `plimsoll sim --list`: `h100`.
    #[serde(default)]
    pub accelerator: Option<String>,
    /// How many of them it has.
    #[serde(default = "one")]
    pub accelerators: u32,
    /// Replicas that one machine carries.
    #[serde(default = "one")]
    pub replicas: u32,
}

fn one() -> u32 {
    1
}

/// A price book that cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PriceError {
    /// Written for another version.
    #[error(
        "this price book has version {0}, and version {PRICES_VERSION} is read here: see docs/prices.sample.toml for its keys"
    )]
    Version(u32),
    /// A text that must be there.
    #[error("the price book has no {0}: prices without it say nothing; see docs/prices.sample.toml")]
    Missing(&'static str),
    /// Two of the same name.
    #[error("the price book has `{0}` twice: keep one")]
    Twice(String),
    /// A number that is no price.
    #[error("{key} of `{instance}` is {value}: {wanted}")]
    Value {
        /// The instance type.
        instance: String,
        /// The key.
        key: &'static str,
        /// What it holds.
        value: f64,
        /// What it should be.
        wanted: &'static str,
    },
    /// A spot price without what it risks.
    #[error(
        "`{0}` has a spot price and no spot_interruptions_per_month: how often machines are taken away decides what they \
         are worth; give 0 if they never are"
    )]
    NoInterruptions(String),
    /// An instance type that is not there.
    #[error("the price book has no `{name}`{}", meant(.nearest.as_deref(), .known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
}

fn meant(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(name) => format!(": did you mean `{name}`?"),
        None => format!(": it has {}; add it with its price, or name one of them", known.join(", ")),
    }
}

impl PriceBook {
    /// Checks what was read.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn validate(&self) -> Result<(), PriceError> {
        if self.version != PRICES_VERSION {
            return Err(PriceError::Version(self.version));
        }
        for (text, name) in
            [(&self.currency, "currency"), (&self.as_of, "as_of, the day its prices were looked up")]
        {
            if text.trim().is_empty() {
                return Err(PriceError::Missing(name));
            }
        }
        if self.instance.is_empty() {
            return Err(PriceError::Missing("[[instance]]"));
        }
        for (index, instance) in self.instance.iter().enumerate() {
            if self.instance[..index].iter().any(|other| other.name == instance.name) {
                return Err(PriceError::Twice(instance.name.clone()));
            }
            instance.validate()?;
        }
        Ok(())
    }

    /// The instance type of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, name: &str) -> Result<&Instance, PriceError> {
        self.instance.iter().find(|instance| instance.name == name).ok_or_else(|| {
            let names = || self.instance.iter().map(|instance| instance.name.as_str());
            PriceError::Unknown {
                name: name.to_owned(),
                nearest: nearest(name, names()).map(str::to_owned),
                known: names().map(str::to_owned).collect(),
            }
        })
    }
}

impl Instance {
    fn validate(&self) -> Result<(), PriceError> {
        if self.source.trim().is_empty() {
            return Err(PriceError::Missing("source of each instance: where its prices were found"));
        }
        let price = "give a price per hour above 0";
        for (key, value, wanted, zero) in [
            ("on_demand", Some(self.on_demand), price, false),
            ("spot", self.spot, price, false),
            ("reserved", self.reserved, price, false),
            (
                "spot_interruptions_per_month",
                self.spot_interruptions_per_month,
                "give a number, 0 or more",
                true,
            ),
        ] {
            let Some(value) = value else { continue };
            if !(value.is_finite() && (value > 0.0 || zero && value == 0.0)) {
                return Err(PriceError::Value { instance: self.name.clone(), key, value, wanted });
            }
        }
        for (key, count) in [("accelerators", self.accelerators), ("replicas", self.replicas)] {
            if count == 0 {
                let wanted = "give 1 or more";
                return Err(PriceError::Value { instance: self.name.clone(), key, value: 0.0, wanted });
            }
        }
        if self.spot.is_some() && self.spot_interruptions_per_month.is_none() {
            return Err(PriceError::NoInterruptions(self.name.clone()));
        }
        Ok(())
    }

    /// Machines that so many replicas take.
    pub fn machines(&self, replicas: u32) -> u32 {
        replicas.div_ceil(self.replicas)
    }

    /// Price per hour and replica, on demand.
    pub fn per_replica(&self) -> f64 {
        self.on_demand / f64::from(self.replicas)
    }
}
