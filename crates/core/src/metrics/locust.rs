//! The metrics that the seed's load test reports as requests of type METRIC.

use super::histogram::Unit;
use super::quantities::{QUANTITIES, Quantity};
use crate::record::Record;

/// The type that such a metric has where Locust's requests have their method.
pub const LOCUST_METRIC: &str = "METRIC";

/// Their names there, and those of the quantities here.
const NAMES: [(&str, &str); 17] = [
    ("time_to_first_token", "ttft"),
    ("total_latency", "latency"),
    ("latency_per_token", "llm_bench_latency_per_token"),
    ("overall_latency_per_token", "e2e_per_token"),
    ("generation_tokens", "output_tokens"),
    ("completion_tokens", "output_tokens"),
    ("num_tokens", "output_tokens"),
    ("prompt_tokens", "input_tokens"),
    ("cached_tokens", "cached_tokens"),
    ("server_queue", "server_queue"),
    ("server_tokenize", "server_tokenize"),
    ("server_prompt", "server_prompt"),
    ("server_ttft", "server_ttft"),
    ("server_generation", "server_generation"),
    ("server_tpot", "server_tpot"),
    ("server_inference", "server_inference"),
    ("server_total", "server_total"),
];

/// One of these metrics. Its values are milliseconds where it is a time, and a number as it is otherwise.
#[derive(Clone, Copy)]
pub struct LocustMetric {
    /// Its name in the load test.
    pub name: &'static str,
    quantity: &'static Quantity,
}

impl LocustMetric {
    /// All of them, in the order of the load test.
    pub fn all() -> Vec<LocustMetric> {
        let metric = |&(name, quantity): &(&'static str, &str)| {
            let quantity = QUANTITIES.iter().find(|known| known.name == quantity)?;
            Some(LocustMetric { name, quantity })
        };
        NAMES.iter().filter_map(metric).collect()
    }

    /// The name of the quantity that it is here.
    pub fn quantity(&self) -> &'static str {
        self.quantity.name
    }

    /// What turns the samples of that quantity into its values.
    pub fn per_sample(&self) -> f64 {
        self.per_unit() / self.quantity.unit.scale()
    }

    /// Its value for one request; nothing where that is not defined. Only `ok` requests are reported.
    pub fn of(&self, record: &Record) -> Option<f64> {
        Some((self.quantity.of)(record)? * self.per_unit())
    }

    fn per_unit(&self) -> f64 {
        match self.quantity.unit {
            Unit::Time => 1e3,
            Unit::Tokens => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Phase, RequestId};
    use crate::time::Offset;

    #[test]
    fn every_name_is_a_quantity_of_its_own_unit() {
        let all = LocustMetric::all();
        let names: Vec<_> = all.iter().map(|metric| (metric.name, metric.quantity())).collect();
        assert_eq!(names, NAMES);

        let mut record = Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO);
        record.sent = Some(Offset::ZERO);
        record.done = Some(Offset::from_nanos(20_000_000));
        record.usage.output_tokens = Some(4);
        let defined: Vec<_> =
            all.iter().filter_map(|metric| Some((metric.name, metric.of(&record)?))).collect();
        assert_eq!(
            defined,
            [
                ("total_latency", 20.0),
                ("overall_latency_per_token", 5.0),
                ("generation_tokens", 4.0),
                ("completion_tokens", 4.0),
                ("num_tokens", 4.0),
            ]
        );
        let factors: Vec<_> = all.iter().take(5).map(LocustMetric::per_sample).collect();
        assert_eq!(factors, [1e-6, 1e-6, 1e-6, 1e-6, 1.0]);
    }
}
