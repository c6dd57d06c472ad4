//! Limits with their units, and how they are compared.

use std::fmt;

/// A limit with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// A time in whole nanoseconds, above 0.
    Time(u64),
    /// A share in percent, above 0 and below 100.
    Share(f64),
    /// An amount per second, above 0 and finite.
    Rate(f64),
}

impl Limit {
    /// The limit in seconds, as a share from 0 to 1, or per second.
    pub fn value(self) -> f64 {
        match self {
            Limit::Time(nanos) => nanos as f64 / 1e9,
            Limit::Share(percent) => percent / 100.0,
            Limit::Rate(rate) => rate,
        }
    }
}

/// As it is parsed: `500ms`, `1.5%`, `5000`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Limit::Time(nanos) => {
                let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
                let (size, unit) =
                    units.into_iter().find(|(size, _)| nanos.is_multiple_of(*size)).unwrap_or((1, "ns"));
                write!(f, "{}{unit}", nanos / size)
            }
            Limit::Share(percent) => write!(f, "{percent}%"),
            Limit::Rate(rate) => write!(f, "{rate}"),
        }
    }
}

/// How a figure must stand to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Whether `value` stands so to `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Comparison::Below => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::Above => value > limit,
            Comparison::AtLeast => value >= limit,
        }
    }

    /// Whether small figures are the good ones.
    pub const fn is_upper(self) -> bool {
        matches!(self, Comparison::Below | Comparison::AtMost)
    }

    /// The sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Comparison::Below => "<",
            Comparison::AtMost => "<=",
            Comparison::Above => ">",
            Comparison::AtLeast => ">=",
        }
    }
}
