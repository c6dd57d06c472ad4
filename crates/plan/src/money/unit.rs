//! What a million inferences cost, and a million tokens.

use serde::{Deserialize, Serialize};

use crate::demand::Tokens;

/// At which utilisation a cost is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Every replica carries all that it can: the least that an inference can cost.
    Capacity,
    /// The plan's replicas carry the peak.
    Plan,
    /// The plan's replicas stand all the time, and the trace passes over them.
    TraceFixed,
    /// As many replicas as each moment needs, foreseen by the time that one takes to start.
    TraceScaled,
}

impl At {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            At::Capacity => "at capacity",
            At::Plan => "at the plan, all day at its peak",
            At::TraceFixed => "over the demand, fixed fleet",
            At::TraceScaled => "over the demand, scaled fleet",
        }
    }
}

/// What a million of something costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitCost {
    /// At which utilisation.
    pub at: At,
    /// The share of the replicas' capacity that is in use.
    pub utilisation: f64,
    /// A million inferences.
    pub inferences: f64,
    /// A million tokens, of prompts and answers alike; `null` where requests have none or nobody said how many.
    pub tokens: Option<f64>,
    /// A million tokens of prompts, were they to pay for everything.
    pub input_tokens: Option<f64>,
    /// A million tokens of answers, were they to pay for everything.
    pub output_tokens: Option<f64>,
}

/// The first seed's formula: `cost per hour / (rate * 3600) * 1,000,000`. `rate` is in requests per second.
pub fn per_million(cost_per_hour: f64, rate: f64) -> f64 {
    cost_per_hour / (rate * 3600.0) * 1e6
}

/// What is known of a fleet for its unit costs. Rates are per second, costs per hour.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// At which utilisation.
    pub at: At,
    /// What all of it costs.
    pub cost: f64,
    /// What all of it could carry.
    pub capacity: f64,
    /// What it carries.
    pub rate: f64,
}

/// The unit costs of each use.
pub fn unit_costs(uses: &[Use], tokens: Option<Tokens>) -> Vec<UnitCost> {
    let of = |each: &Use| {
        let of_tokens = |count: f64| (count > 0.0).then(|| per_million(each.cost, each.rate * count));
        UnitCost {
            at: each.at,
            utilisation: each.rate / each.capacity,
            inferences: per_million(each.cost, each.rate),
            tokens: tokens.and_then(|tokens| of_tokens(tokens.input + tokens.output)),
            input_tokens: tokens.and_then(|tokens| of_tokens(tokens.input)),
            output_tokens: tokens.and_then(|tokens| of_tokens(tokens.output)),
        }
    };
    uses.iter().filter(|each| each.rate > 0.0 && each.capacity > 0.0).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_inferences_cost_what_the_formula_says() {
        // 1.006 $/h at 65/s: 1.006 / 234,000 * 1e6.
        assert!((per_million(1.006, 65.0) - 4.299_145).abs() < 1e-6);
        let tokens = Some(Tokens { input: 900.0, output: 100.0 });
        let all = unit_costs(&[Use { at: At::Plan, cost: 9.0, capacity: 585.0, rate: 500.0 }], tokens);
        let [one] = all[..] else { panic!("{all:?}") };
        assert!((one.inferences - 5.0).abs() < 1e-12 && (one.utilisation - 500.0 / 585.0).abs() < 1e-12);
        assert!((one.tokens.unwrap() - 0.005).abs() < 1e-12);
        assert!((one.output_tokens.unwrap() - 0.05).abs() < 1e-12);
        let nothing = Use { at: At::Plan, cost: 9.0, capacity: 585.0, rate: 0.0 };
        assert!(unit_costs(&[nothing], None).is_empty(), "nobody is served, so nothing has a price");
    }
}
