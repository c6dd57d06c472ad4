//! Autoscaling as a part of a plan: thresholds, manifests, and the proof of each, beside what a search proposes.

use plimsoll_core::slo::{Slo, Stat};
use serde::{Deserialize, Serialize};

use crate::autoscale::Law;
use crate::capacity::Capacity;
use crate::demand::Demand;
use crate::figures::figure;
use crate::headroom::{Headroom, Settings};
use crate::manifest::{Bounds, Explained, Manifest, Service, Thresholds, manifests};
use crate::proof::{Ground, Outage, Proof, Proposal, Replica, Scene, Start, Traffic, improve};

/// What the autoscaling of a plan is made from.
#[derive(Clone, Debug)]
pub struct ScalingQuestion<'a> {
    /// What is scaled.
    pub service: &'a Service,
    /// What a replica carries.
    pub capacity: &'a Capacity,
    /// What it is for.
    pub demand: &'a Demand,
    /// What it must bear.
    pub settings: &'a Settings,
    /// What the plan says.
    pub headroom: &'a Headroom,
    /// Price of a replica per hour.
    pub price: Option<f64>,
    /// Share of all requests that shall keep their objectives; nothing takes it from the objectives.
    pub goal: Option<f64>,
    /// Seconds for which Prometheus is out while traffic climbs to its peak, in all proofs.
    pub metrics_outage: Option<f64>,
    /// Whether to search for better values. The manifests take them where their own do not reach the goal.
    pub search: bool,
}

/// The autoscaling of a plan: part of the schema of `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Autoscaling {
    /// The numbers of the manifests.
    pub thresholds: Thresholds,
    /// What the manifests have from a search, in words; empty where the derived numbers reach the goal.
    pub adopted: Vec<String>,
    /// The laws of the manifests over the traffic.
    pub proven: Vec<Proven>,
    /// What the traffic and the scene rest on, in words.
    pub assumptions: Vec<String>,
}

/// The law of a manifest over the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proven {
    /// The file.
    pub manifest: String,
    /// What it says.
    pub law: Law,
    /// What it did.
    pub proof: Proof,
    /// Better values, if a search found any.
    pub proposal: Option<Proposal>,
}

/// The autoscaling of a plan, and its files. Each distinct law is proven once.
pub fn autoscaling(question: &ScalingQuestion<'_>) -> (Autoscaling, Vec<Manifest>) {
    let (traffic, mut assumptions) = traffic(question.demand);
    let mut scene = scene(question, &mut assumptions);
    if let Some(seconds) = question.metrics_outage {
        let outage = Outage::before_the_peak(&traffic, seconds);
        assumptions.push(format!(
            "Prometheus is out from minute {} to {}, about the busiest minute, as asked for",
            figure(outage.from / 60.0),
            figure(outage.to / 60.0)
        ));
        scene.outage = Some(outage);
    }
    let thresholds = Thresholds::derive(question.capacity, &scene, &traffic, &bounds(question, &traffic));
    let (thresholds, adopted) = adopt(question, thresholds, &traffic, &scene);
    let files = manifests(question.service, &thresholds);
    let ground = Ground::new(&traffic, &scene);
    let mut proven: Vec<Proven> = Vec::new();
    for file in &files {
        let Some(law) = &file.law else { continue };
        if proven.iter().any(|before| before.law == *law) {
            continue;
        }
        proven.push(Proven {
            manifest: file.name.clone(),
            proof: ground.prove(law),
            proposal: if question.search { improve(law, &traffic, &scene) } else { None },
            law: law.clone(),
        });
    }
    (Autoscaling { thresholds, adopted, proven, assumptions }, files)
}

/// The thresholds with what a search found, if they do not reach the goal by themselves and it does.
fn adopt(
    question: &ScalingQuestion<'_>,
    thresholds: Thresholds,
    traffic: &Traffic,
    scene: &Scene,
) -> (Thresholds, Vec<String>) {
    let files = manifests(question.service, &thresholds);
    let law = files.iter().find_map(|file| file.law.as_ref()).filter(|_| question.search);
    let found = law.and_then(|law| improve(law, traffic, scene));
    match found {
        Some(proposal) if proposal.kept && !proposal.was_kept => {
            (thresholds.tuned(&proposal), proposal.changes)
        }
        _ => (thresholds, Vec::new()),
    }
}

/// The share of requests that objectives are about: that of the highest percentile; 99 % where there is none.
pub fn share_of(slos: &[String]) -> f64 {
    let share = |slo: &String| match slo.parse() {
        Ok(Slo::Statistic(statistic)) => match statistic.stat {
            Some(Stat::Percentile(percentile)) => Some(percentile / 100.0),
            _ => None,
        },
        Ok(Slo::EachRequest(each)) => Some(each.percent / 100.0),
        Err(_) => None,
    };
    slos.iter().filter_map(share).reduce(f64::max).unwrap_or(0.99)
}

fn scene(question: &ScalingQuestion<'_>, assumptions: &mut Vec<String>) -> Scene {
    let share = share_of(&question.capacity.slos);
    let loading = question.capacity.cold_start.map_or_else(
        || {
            assumptions.push("no cold start was measured: supposed two minutes".to_owned());
            120.0
        },
        |cold| cold.worst + cold.warm_up,
    );
    Scene {
        routing: question.settings.split.routing(),
        price: question.price,
        seed: question.settings.seed,
        ..Scene::new(
            Replica::of(question.capacity, share),
            Start::constant(question.settings.provisioning, loading),
            question.goal.unwrap_or(share),
        )
    }
}

/// At least what the quietest quarter of an hour needs, at most a third more than the plan has.
fn bounds(question: &ScalingQuestion<'_>, traffic: &Traffic) -> Bounds {
    let planned = question.headroom.replicas;
    let quiet = traffic.quietest(900.0);
    let spare = question.settings.failures;
    let min = (quiet / question.capacity.low).ceil() as u32 + spare;
    let min = min.clamp(1, planned.max(1));
    let max = (f64::from(planned) * 4.0 / 3.0).ceil() as u32;
    Bounds {
        min: Explained::new(
            min,
            format!("The quietest quarter of an hour has {} requests/s; {spare} may fail.", figure(quiet)),
        ),
        max: Explained::new(
            max.max(min),
            format!("The plan has {planned} replicas, and a third more for what nobody foresaw."),
        ),
        spare,
    }
}

/// How fast traffic is supposed to rise where nobody said: this share of the peak in a minute.
const SUPPOSED_RAMP: f64 = 0.05;

/// The traffic of a demand, in cells of a second or less. A peak without a trace is climbed from its half and left
/// again.
fn traffic(demand: &Demand) -> (Traffic, Vec<String>) {
    if let Some(traffic) = Traffic::of_trace(demand) {
        return (traffic, Vec::new());
    }
    let cv = demand.cv.unwrap_or(1.0).max(1.0);
    let (peak, ramp) = (demand.peak_rate(1.0), demand.ramp_per_minute.unwrap_or(SUPPOSED_RAMP));
    let climb = (0.5 / ramp).ceil().clamp(1.0, 600.0) as u32;
    let rate = |minute: u32| {
        let up = (f64::from(minute) - 30.0) / f64::from(climb);
        let down = (f64::from(2 * climb + 60) - f64::from(minute)) / f64::from(climb);
        peak * (0.5 + 0.5 * up.min(down).clamp(0.0, 1.0))
    };
    let assumption = format!(
        "without a trace, traffic is supposed to climb from half the peak to the peak in {climb} minutes, to stay for half an \
         hour and to fall again"
    );
    (Traffic::of_rates((0..2 * climb + 90).map(rate), 60.0, 1.0, cv), vec![assumption])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::{Counts, Traffic as Asked};
    use crate::manifest::Engine;

    #[test]
    fn objectives_say_how_many_requests_they_are_about() {
        let of = |slos: &[&str]| share_of(&slos.iter().map(|slo| (*slo).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["ttft.p95<500ms", "latency.mean<2s"]), 0.95);
        assert_eq!(of(&["ttft<500ms & tpot<40ms @ 97%"]), 0.97);
        assert_eq!((of(&["error_rate<1%"]), of(&[])), (0.99, 0.99));
    }

    fn scaled(demand: &Demand, goal: Option<f64>, search: bool) -> (Autoscaling, Vec<Manifest>, u32) {
        let (capacity, settings) = (Capacity::typed(10.0), Settings::default());
        let headroom = Headroom::of(&capacity, demand, &settings);
        let question = ScalingQuestion {
            service: &Service::new("m", Engine::Vllm),
            capacity: &capacity,
            demand,
            settings: &settings,
            headroom: &headroom,
            price: Some(1.0),
            goal,
            metrics_outage: None,
            search,
        };
        let (scaling, files) = autoscaling(&question);
        (scaling, files, headroom.replicas)
    }

    #[test]
    fn a_plan_gets_manifests_that_are_proven() {
        let (scaling, files, planned) = scaled(&Demand::peak(60.0), None, false);
        assert_eq!(files.len(), 9);
        let manifests: Vec<&str> = scaling.proven.iter().map(|proven| proven.manifest.as_str()).collect();
        // The others have the laws of these.
        let expected = [
            "hpa/hpa.yaml",
            "hpa/hpa-pods.yaml",
            "keda/scaledobject.yaml",
            "kserve/standard-keda.yaml",
            "kserve/knative.yaml",
        ];
        assert_eq!(manifests, expected);
        for proven in &scaling.proven {
            assert!(proven.proof.kept, "{}: {:?}", proven.manifest, proven.proof.misses);
            assert!(proven.proof.figures.most_ready <= planned * 4 / 3 + 1);
        }
        assert_eq!(scaling.assumptions.len(), 2, "{:?}", scaling.assumptions);
    }

    #[test]
    fn manifests_take_what_a_search_found_where_their_own_numbers_miss() {
        let counts = [vec![10.0; 900], vec![100.0; 900]].concat();
        let counts = Counts { source: String::new(), bin: 1.0, counts, scale: 1.0 };
        let cliff = Demand { traffic: Asked::Trace(counts), ..Demand::peak(1.0) };
        let (plain, derived, _) = scaled(&cliff, None, false);
        let (searched, files, _) = scaled(&cliff, None, true);
        assert!(
            !plain.proven[0].proof.kept && plain.adopted.is_empty(),
            "{:?}",
            plain.proven[0].proof.attainments
        );
        assert!(searched.proven[0].proof.kept && !searched.adopted.is_empty(), "{:?}", searched.adopted);
        assert_ne!(files[1].text, derived[1].text, "the numbers of the search");
    }
}
