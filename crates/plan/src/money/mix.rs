//! The same fleet bought in different ways: on demand, reserved, and where machines may be taken away.

use serde::{Deserialize, Serialize};
use statrs::distribution::{DiscreteCDF, Poisson};

use crate::figures::{figure, percent};
use crate::headroom::Headroom;
use crate::prices::{HOURS_PER_MONTH, Instance};
use crate::timeline::Timeline;

/// A way to buy the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Which: `on demand`.
    pub name: String,
    /// Machines that are paid whether they are used or not, by contract.
    pub reserved: f64,
    /// Machines on demand, on average over time.
    pub on_demand: f64,
    /// Machines that may be taken away, on average over time.
    pub spot: f64,
    /// Everything for an hour.
    pub per_hour: f64,
    /// And for a month.
    pub per_month: f64,
    /// How it was divided, or what it risks.
    pub note: String,
}

/// The probability with which machines that are taken away together are made up for.
const SURE: f64 = 0.999;

/// The ways in which the price book lets the fleet be bought. `timeline` is the demand over time, where there is one.
pub fn mixes(instance: &Instance, headroom: &Headroom, timeline: Option<&Timeline>) -> Vec<Mix> {
    let machines = |replicas: u32| f64::from(instance.machines(replicas));
    let all = machines(headroom.replicas);
    let mut mixes =
        vec![mix(instance, "on demand", [0.0, all, 0.0], "the plan's fleet, all the time".to_owned())];
    if let Some(price) = instance.reserved {
        let term = instance.reserved_term.as_deref().unwrap_or("term not said");
        let note = format!("{} of the price on demand; {term}", percent(price / instance.on_demand));
        mixes.push(mix(instance, "reserved", [all, 0.0, 0.0], note));
    }
    if let Some(timeline) = timeline {
        let used: Vec<f64> = timeline.replicas.iter().map(|&replicas| machines(replicas)).collect();
        let mean = used.iter().sum::<f64>() / used.len().max(1) as f64;
        let note = "as many as each moment needs, foreseen by the time that one takes to start".to_owned();
        mixes.push(mix(instance, "on demand, scaled", [0.0, mean, 0.0], note));
        mixes.extend(reserved_base(instance, &used));
    }
    mixes.extend(spot(instance, headroom));
    mixes
}

/// Machine `k` is worth a contract if it is used for a larger share of the time than the contract's share of the price on
/// demand: the newsvendor's rule (Arrow, Harris and Marschak, Econometrica 19, 1951).
fn reserved_base(instance: &Instance, used: &[f64]) -> Option<Mix> {
    let share = instance.reserved? / instance.on_demand;
    let most = used.iter().copied().fold(0.0, f64::max) as u32;
    let in_use = |machine: u32| {
        used.iter().filter(|used| **used >= f64::from(machine)).count() as f64 / used.len() as f64
    };
    let base = (1..=most).take_while(|&machine| in_use(machine) >= share).count() as f64;
    let above = used.iter().map(|used| (used - base).max(0.0)).sum::<f64>() / used.len() as f64;
    let note = format!("a contract pays for machines in use for {} of the time or more", percent(share));
    Some(mix(instance, "reserved base, scaled on top", [base, above, 0.0], note))
}

/// What can be left to machines that may be taken away.
fn spot(instance: &Instance, headroom: &Headroom) -> Vec<Mix> {
    let Some((_, interruptions)) = instance.spot.zip(instance.spot_interruptions_per_month) else {
        return Vec::new();
    };
    let machines = |replicas: u32| f64::from(instance.machines(replicas));
    let (all, calm) = (machines(headroom.replicas), machines(headroom.calm));
    let mut found = Vec::new();
    if all > calm {
        let note =
            "what the traffic needs on demand, the headroom as spot: if it goes, nothing is missed while \
                    nothing else happens"
                .to_owned();
        found.push(mix(instance, "headroom as spot", [0.0, calm, all - calm], note));
    }
    if let Some(lag) = headroom.lag {
        // Those that are gone at any moment: each is away for the lag, so often as it is interrupted.
        let away = calm * interruptions / (HOURS_PER_MONTH * 3600.0) * lag.total();
        let more = taken_together(away).max(all - calm);
        let note = format!(
            "{} interruptions a machine and month, {} s until another answers: {} more than the traffic needs; a whole \
             pool may go at once",
            figure(interruptions),
            figure(lag.total().round()),
            figure(more)
        );
        found.push(mix(instance, "all spot", [0.0, 0.0, calm + more], note));
    }
    found
}

/// Machines that are away together no more often than [`SURE`] allows, if `mean` are on average.
fn taken_together(mean: f64) -> f64 {
    Poisson::new(mean).map_or(0.0, |law| law.inverse_cdf(SURE) as f64)
}

fn mix(instance: &Instance, name: &str, machines: [f64; 3], note: String) -> Mix {
    let [reserved, on_demand, spot] = machines;
    let per_hour = reserved * instance.reserved.unwrap_or(instance.on_demand)
        + on_demand * instance.on_demand
        + spot * instance.spot.unwrap_or(instance.on_demand);
    Mix {
        name: name.to_owned(),
        reserved,
        on_demand,
        spot,
        per_hour,
        per_month: per_hour * HOURS_PER_MONTH,
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{Capacity, ColdStart};
    use crate::demand::Demand;
    use crate::headroom::Settings;
    use crate::testing::instance;

    #[test]
    fn each_way_costs_what_its_parts_do() {
        let capacity = Capacity { cold_start: Some(ColdStart::given(285.0)), ..Capacity::typed(10.0) };
        let settings = Settings { failures: 2, ..Settings::default() };
        let headroom = Headroom::of(&capacity, &Demand::peak(80.0), &settings);
        // Half of the time 4 machines, half of the time 10.
        let replicas = [[4_u32; 50], [10; 50]].concat();
        let timeline = Timeline { replicas, ..Timeline::default() };
        let all = mixes(&instance("small", 1.0), &headroom, Some(&timeline));
        let cost = |name: &str| all.iter().find(|mix| mix.name == name).unwrap().per_hour;
        assert!((cost("on demand") - 10.0).abs() < 1e-9);
        assert!((cost("reserved") - 6.0).abs() < 1e-9);
        assert!((cost("on demand, scaled") - 7.0).abs() < 1e-9);
        // Half of the time is less than 60 %: only the first four are worth a contract.
        assert!((cost("reserved base, scaled on top") - (4.0 * 0.6 + 3.0)).abs() < 1e-9);
        assert!((cost("headroom as spot") - (8.0 + 2.0 * 0.3)).abs() < 1e-9);
        assert!((cost("all spot") - 10.0 * 0.3).abs() < 1e-9);
    }

    #[test]
    fn machines_that_are_often_taken_away_need_more_beside_them() {
        assert_eq!(taken_together(0.0), 0.0);
        assert_eq!(taken_together(1.0), 5.0);
    }
}
