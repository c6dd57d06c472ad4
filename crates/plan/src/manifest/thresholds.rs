//! From what was measured to the numbers of a manifest, each with its reason.

use serde::{Deserialize, Serialize};

use super::quantity::rounded_down;
use crate::autoscale::Signal;
use crate::autoscale::hpa::TOLERANCE;
use crate::capacity::Capacity;
use crate::figures::figure;
use crate::proof::{Proposal, Scene, Traffic};

/// A number and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained<T> {
    /// It.
    pub value: T,
    /// Where it comes from, in sentences.
    pub why: String,
}

impl<T> Explained<T> {
    /// A number with its reason.
    pub fn new(value: T, why: impl Into<String>) -> Self {
        Explained { value, why: why.into() }
    }
}

/// How many replicas there may be; from the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// At least.
    pub min: Explained<u32>,
    /// At most.
    pub max: Explained<u32>,
    /// Replicas that may fail at the peak without anybody noticing.
    pub spare: u32,
}

/// The numbers of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Where they come from: the certificate.
    pub source: String,
    /// Requests/s that a replica carries within its objectives.
    pub rate: f64,
    /// To which share of that a replica is loaded.
    pub utilisation: Explained<f64>,
    /// Requests in flight that a replica shall have.
    pub in_flight: Explained<f64>,
    /// Requests/s that it shall have.
    pub per_second: Explained<f64>,
    /// Requests that may wait at it.
    pub waiting: Explained<f64>,
    /// At least so many replicas.
    pub min: Explained<u32>,
    /// At most.
    pub max: Explained<u32>,
    /// As many while nothing is known of the traffic.
    pub fallback: Explained<u32>,
    /// Seconds that hold back from scaling down.
    pub down_window: Explained<u32>,
    /// What was supposed, in words.
    pub assumptions: Vec<String>,
}

/// A replica is not loaded to less than this: below, more replicas at the least are the better answer to steep traffic.
const LEAST_UTILISATION: f64 = 0.3;

/// The shortest window for scaling down that is derived, and the longest: Kubernetes' default, and its limit.
const WINDOWS: (u32, u32) = (300, 3600);

impl Thresholds {
    /// From a capacity, the scene that laws are proven in, the traffic, and the bounds of the plan.
    pub fn derive(capacity: &Capacity, scene: &Scene, traffic: &Traffic, bounds: &Bounds) -> Thresholds {
        let rate = capacity.low;
        let peak = traffic.peak(60.0);
        let utilisation = utilisation(scene, traffic, peak, bounds.spare);
        let share = utilisation.value;
        let percent = format!("{:.0} %", share * 100.0);
        let replica = &scene.replica;
        let in_flight = rounded_down(replica.in_flight * share);
        let per_second = rounded_down(rate * share);
        let queue = replica.saturation * scene.patience(traffic.cell);
        let waiting = rounded_down((queue * share).max(1.0));
        let needed = (peak / rate).ceil().max(1.0) as u32;
        let fallback = needed.clamp(bounds.min.value.max(1), bounds.max.value.max(1));
        let slow = scene.start.slow();
        let window = (2.0 * slow).ceil().clamp(f64::from(WINDOWS.0), f64::from(WINDOWS.1)) as u32;
        Thresholds {
            source: capacity.source.clone(),
            rate,
            in_flight: Explained::new(
                in_flight,
                format!(
                    "{percent} of the {} requests in flight that one replica had at {} requests/s.",
                    figure(replica.in_flight),
                    figure(rate)
                ),
            ),
            per_second: Explained::new(
                per_second,
                format!("{percent} of the {} requests/s that one replica carries.", figure(rate)),
            ),
            waiting: Explained::new(
                waiting,
                format!(
                    "{percent} of the {} requests that can wait at a replica (it does {}/s at most) with their objectives kept.",
                    figure(queue),
                    figure(replica.saturation)
                ),
            ),
            utilisation,
            fallback: Explained::new(
                fallback,
                format!("The peak of {} requests/s needs {needed} replicas.", figure(peak)),
            ),
            down_window: Explained::new(
                window,
                format!(
                    "Twice the {} s that a replica takes to come, within {} to {} s: one that is sent away too early \
                     costs a cold start.",
                    figure(slow),
                    WINDOWS.0,
                    WINDOWS.1
                ),
            ),
            min: bounds.min.clone(),
            max: bounds.max.clone(),
            assumptions: replica.assumptions.clone(),
        }
    }

    /// What a replica shall have of a signal.
    pub(super) fn target(&self, signal: Signal) -> &Explained<f64> {
        match signal {
            Signal::InFlight | Signal::MeanInFlight { .. } => &self.in_flight,
            Signal::Rate { .. } | Signal::MeanRate { .. } => &self.per_second,
            Signal::Waiting => &self.waiting,
        }
    }

    /// With the values that a search found.
    pub fn tuned(mut self, proposal: &Proposal) -> Thresholds {
        let Proposal { law, targets: factor, .. } = proposal;
        let note = |why: &mut String| {
            why.push_str(&format!(" Times {} by a search over the traffic of the plan.", figure(*factor)));
        };
        if *factor != 1.0 {
            for target in [&mut self.in_flight, &mut self.per_second, &mut self.waiting] {
                target.value = rounded_down(target.value * factor);
                note(&mut target.why);
            }
        }
        if law.down_window() != self.down_window.value {
            self.down_window = Explained::new(law.down_window(), "By a search over the traffic of the plan.");
        }
        let (min, _) = law.bounds();
        if min != self.min.value {
            self.min = Explained::new(min, "By a search over the traffic of the plan.");
            self.max.value = self.max.value.max(min);
        }
        self
    }
}

/// To which share of its capacity a replica may be loaded: the least of what three causes leave.
fn utilisation(scene: &Scene, traffic: &Traffic, peak: f64, spare: u32) -> Explained<f64> {
    let lag = scene.start.slow() + scene.scrape + scene.staleness + 15.0;
    let rise = traffic.steepest(lag);
    let ramp = if peak > 0.0 { 1.0 - rise / peak } else { 1.0 };
    let needed = (peak / scene.replica.rate).ceil().max(1.0);
    let failure = needed / (needed + f64::from(spare));
    let tolerance = 1.0 / (1.0 + TOLERANCE);
    let (share, why) = [
        (
            ramp,
            format!(
                "Traffic rises by {} requests/s (the peak is {}) in the {} s from a rise to a replica more.",
                figure(rise),
                figure(peak),
                figure(lag)
            ),
        ),
        (failure, format!("{spare} of {} replicas may fail at the peak.", needed + f64::from(spare))),
        (tolerance, "Nothing happens within 10 % of the target, the tolerance of Kubernetes.".to_owned()),
    ]
    .into_iter()
    .min_by(|a, b| a.0.total_cmp(&b.0))
    .unwrap_or((tolerance, String::new()));
    if share < LEAST_UTILISATION {
        let why = format!(
            "{why} That would leave less than 30 %: more replicas at the least are the better answer."
        );
        return Explained::new(LEAST_UTILISATION, why);
    }
    Explained::new(share, why)
}
