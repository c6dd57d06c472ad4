//! Replicas over time: what a fleet that is scaled without error would have at each moment of a trace.

use serde::{Deserialize, Serialize};

use crate::capacity::Capacity;
use crate::demand::{Demand, Traffic};
use crate::headroom::{Facts, Headroom, Settings};
use crate::models::{Service, attainment_over_time};

/// Seconds of a point where replicas start faster than that.
const POINT: f64 = 60.0;
/// Points at most: longer demands are told in longer stretches.
const POINTS: f64 = 2000.0;

/// Replicas over time. All lists are equally long, but for `attainment` where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Seconds of a point.
    pub bin: f64,
    /// Requests per second.
    pub rate: Vec<f64>,
    /// Replicas that the moment needs, with the headroom of the plan; those that must have been ordered by then, because
    /// one takes as long to start, are there.
    pub replicas: Vec<u32>,
    /// The share of requests within the objective while the plan's fleet stands, in simulation; empty where there is no
    /// certificate to simulate from or there are more requests than are simulated, and `null` where none came.
    pub attainment: Vec<Option<f64>>,
    /// Replica-hours of `replicas`.
    pub replica_hours: f64,
    /// Requests.
    pub requests: f64,
}

impl Timeline {
    /// Of a trace; nothing for a peak.
    pub fn of(
        capacity: &Capacity,
        demand: &Demand,
        settings: &Settings,
        headroom: &Headroom,
    ) -> Option<Timeline> {
        let Traffic::Trace(counts) = &demand.traffic else { return None };
        let seconds = (counts.seconds() / POINTS).max(POINT.max(counts.bin));
        let points = counts.coarser((seconds / counts.bin).round() as usize);
        let growth = demand.growth_factor();
        let rate: Vec<f64> = points.rates().map(|rate| rate * growth).collect();
        // How bursty arrivals are does not change with the minute, and what rises is looked at ahead.
        let at_rest = Demand {
            traffic: Traffic::Peak(0.0),
            ramp_per_minute: None,
            forecast_error: 0.0,
            ..demand.clone()
        };
        let facts = Facts::of(capacity, demand, settings);
        let together = (points.bin / counts.bin).round() as usize;
        let ahead = headroom.lag.map_or(0, |lag| (lag.total() / points.bin).ceil() as usize);
        let needed = |from: usize| {
            let to = (from + ahead + 1).min(rate.len());
            let peak = rate[from..to].iter().copied().fold(0.0, f64::max);
            let part = from * together..to * together;
            let seconds = facts.seconds.map(|seconds| seconds.over(counts, part, peak / growth));
            let facts = Facts { peak, seconds, ..facts.clone() };
            Headroom::replicas_at(&facts, capacity, &at_rest, settings).min(headroom.replicas)
        };
        let replicas: Vec<u32> = (0..rate.len()).map(needed).collect();
        let service = Service::of(capacity).map(|service| service.slower(headroom.left_by_drift));
        let attainment = service.and_then(|service| {
            let fine: Vec<f64> = counts.rates().map(|rate| rate * growth).collect();
            attainment_over_time(&service, &fine, counts.bin, together, settings, headroom.replicas)
        });
        Some(Timeline {
            bin: points.bin,
            replica_hours: replicas.iter().map(|&count| f64::from(count)).sum::<f64>() * points.bin / 3600.0,
            requests: rate.iter().sum::<f64>() * points.bin,
            attainment: attainment.unwrap_or_default(),
            rate,
            replicas,
        })
    }

    /// Hours that it covers.
    pub fn hours(&self) -> f64 {
        self.bin * self.rate.len() as f64 / 3600.0
    }

    /// Replicas on average.
    pub fn mean(&self) -> f64 {
        self.replica_hours / self.hours()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::ColdStart;
    use crate::demand::Counts;

    fn hour(bin: f64, rates: &[f64]) -> Demand {
        let counts = rates.iter().map(|rate| rate * bin).collect();
        let trace = Counts { source: "test".to_owned(), bin, counts, scale: 1.0 };
        Demand { traffic: Traffic::Trace(trace), cv: Some(1.0), ..Demand::peak(1.0) }
    }

    #[test]
    fn replicas_are_there_before_the_traffic_is() {
        let demand = hour(60.0, &[5.0, 5.0, 5.0, 45.0, 45.0, 5.0]);
        let capacity = Capacity { cold_start: Some(ColdStart::given(100.0)), ..Capacity::typed(10.0) };
        let settings = Settings::default();
        let headroom = Headroom::of(&capacity, &demand, &settings);
        let timeline = Timeline::of(&capacity, &demand, &settings, &headroom).unwrap();
        // 115 s are two minutes ahead; 45 / 10 and one that may fail.
        assert_eq!(timeline.replicas, [2, 6, 6, 6, 6, 2]);
        assert!((timeline.replica_hours - 28.0 / 60.0).abs() < 1e-9);
        assert!((timeline.requests - 110.0 * 60.0).abs() < 1e-9);
        assert_eq!(Timeline::of(&capacity, &Demand::peak(45.0), &settings, &headroom), None);
    }

    #[test]
    fn long_traces_are_told_in_longer_stretches() {
        let demand = hour(1.0, &vec![3.0; 130_000]);
        let capacity = Capacity::typed(10.0);
        let headroom = Headroom::of(&capacity, &demand, &Settings::default());
        let timeline = Timeline::of(&capacity, &demand, &Settings::default(), &headroom).unwrap();
        assert!(
            timeline.rate.len() <= 2000 && timeline.bin > 60.0,
            "{} x {} s",
            timeline.rate.len(),
            timeline.bin
        );
    }
}
