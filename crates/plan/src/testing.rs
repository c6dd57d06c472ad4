//! What the tests of several modules begin with.

use crate::capacity::{Capacity, Measured};
use crate::prices::Instance;

/// A replica that carries `low`, fails at `high`, saturates a tenth above `low` and answers after 50 ms; measured with
/// Poisson arrivals.
pub(crate) fn certified(low: f64, high: f64) -> Capacity {
    Capacity {
        instance: "small".to_owned(),
        model: "resnet".to_owned(),
        source: "certificate.json".to_owned(),
        high: Some(high),
        confidence: Some(0.95),
        slos: vec!["latency.p99<200ms".to_owned()],
        binding: Some("latency.p99<200ms".to_owned()),
        measured: Some(Measured {
            cv: 1.0,
            service_scv: 0.2,
            latency_idle: 0.05,
            latency: 0.08,
            latency_p99: Some(0.19),
            in_flight: 0.08 * low,
            saturation: 1.1 * high,
            saturation_seen: true,
            burst: None,
        }),
        ..Capacity::typed(low)
    }
}

/// A machine of this price, 0.6 of it reserved, 0.3 as spot.
pub(crate) fn instance(name: &str, price: f64) -> Instance {
    Instance {
        name: name.to_owned(),
        source: "a price of the tests".to_owned(),
        on_demand: price,
        spot: Some(0.3 * price),
        spot_interruptions_per_month: Some(0.1),
        reserved: Some(0.6 * price),
        reserved_term: Some("1 year".to_owned()),
        accelerator: None,
        accelerators: 1,
        replicas: 1,
    }
}
