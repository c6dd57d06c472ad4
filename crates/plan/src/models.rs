//! Three answers to the same question side by side: what was measured, what queueing theory says, what a simulated fleet
//! does.

#[cfg(test)]
mod demands;
mod fleet;
mod over_trace;
mod queueing;
mod service;

use serde::{Deserialize, Serialize};

use self::fleet::{CALIBRATION, Trial, latency_allowed, within};
use self::over_trace::OverTrace;
use crate::capacity::Capacity;
use crate::demand::Demand;
use crate::figures::{figure, percent};
use crate::headroom::{Headroom, Settings};

pub(crate) use fleet::attainment_over_time;
pub use service::Service;

/// Models further apart than this share of the certificate's replicas disagree.
const APART: f64 = 0.1;

/// One model's answer: replicas that carry the peak while nothing happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Which model: `certificate`, `queueing`, `simulated fleet`.
    pub model: String,
    /// Its answer; `null` where it has none.
    pub replicas: Option<u32>,
    /// What it rests on, or why there is none.
    pub basis: String,
    /// Whether it goes beyond what was measured.
    pub extrapolated: bool,
}

/// The answers, and what to make of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// All three.
    pub answers: Vec<Answer>,
    /// In how far they disagree, in a sentence.
    pub verdict: String,
    /// The share of requests within the objective if the plan's replicas carry the peak, or the whole trace, in the simulated
    /// fleet; `null` without one.
    pub attainment: Option<f64>,
    /// The share that the objective asks for.
    pub wanted: Option<f64>,
    /// The same after the plan's worst event.
    pub attainment_in_event: Option<f64>,
}

impl Models {
    /// Asks all three.
    pub fn of(capacity: &Capacity, demand: &Demand, settings: &Settings, headroom: &Headroom) -> Models {
        let certificate = Answer {
            model: "certificate".to_owned(),
            replicas: Some(headroom.calm),
            basis: certificate_words(capacity),
            extrapolated: headroom
                .conditions
                .iter()
                .any(|line| line.basis == crate::headroom::Basis::Extrapolated),
        };
        let Some(service) = Service::of(capacity) else {
            let none = |model: &str| Answer {
                model: model.to_owned(),
                replicas: None,
                basis: "needs a certificate: a bare number says nothing of how long requests take".to_owned(),
                extrapolated: false,
            };
            return Models {
                answers: vec![certificate, none("queueing"), none("simulated fleet")],
                verdict: "only one model can answer".to_owned(),
                attainment: None,
                wanted: None,
                attainment_in_event: None,
            };
        };
        // Both look at one replica as it was measured, and lose to drift what the certificate's answer does.
        let service = service.slower(headroom.left_by_drift);
        // What lasts for seconds is in the steady rate; within a second arrivals are as somebody said, or as measured.
        let cv = demand.cv.unwrap_or(service.arrival_cv);
        let steady = headroom.seconds.map_or(1.0, |seconds| seconds.over_peak.max(1.0));
        let queueing = queueing::replicas(&service, headroom.peak * steady, cv, settings.split);
        let simulated = OverTrace::of(capacity, demand, settings, headroom).map_or_else(
            || at_peak(&service, cv, settings, headroom),
            |trace| Simulated {
                replicas: Some(trace.replicas),
                attainment: trace.attainment(headroom.replicas),
                in_event: trace.attainment(headroom.calm),
                basis: "the same replicas over the whole trace, second by second".to_owned(),
            },
        );
        let answers = vec![
            certificate,
            Answer {
                model: "queueing".to_owned(),
                replicas: queueing,
                basis: format!("Allen-Cunneen, {}; {}", service.words(), settings.split.words()),
                extrapolated: true,
            },
            Answer {
                model: "simulated fleet".to_owned(),
                replicas: simulated.replicas,
                basis: simulated.basis,
                extrapolated: true,
            },
        ];
        Models {
            verdict: verdict(&answers, &service),
            answers,
            attainment: Some(simulated.attainment),
            wanted: Some(headroom.seconds.map_or(service.percentile, |seconds| seconds.share)),
            attainment_in_event: Some(simulated.in_event),
        }
    }
}

/// What the simulated fleet says.
struct Simulated {
    replicas: Option<u32>,
    attainment: f64,
    in_event: f64,
    basis: String,
}

/// At a peak that stands, event by event.
fn at_peak(service: &Service, cv: f64, settings: &Settings, headroom: &Headroom) -> Simulated {
    let limit = latency_allowed(service, CALIBRATION, settings.seed);
    let with = |replicas| within(service, &Trial::of(service, headroom.peak, cv, settings, replicas), limit);
    Simulated {
        replicas: fleet::replicas(service, headroom.peak, cv, settings, headroom.calm, limit),
        attainment: with(headroom.replicas),
        in_event: with(headroom.calm),
        basis: format!("the same replicas, arrivals of CV {}, event by event", figure(cv)),
    }
}

fn certificate_words(capacity: &Capacity) -> String {
    match capacity.high {
        Some(high) => format!("measured: {} to {}/s a replica", figure(capacity.low), figure(high)),
        None if capacity.confidence.is_some() => {
            format!("measured: at least {}/s a replica", figure(capacity.low))
        }
        None => format!("{}/s a replica, as typed", figure(capacity.low)),
    }
}

/// In how far the models disagree.
fn verdict(answers: &[Answer], service: &Service) -> String {
    let all: Vec<u32> = answers.iter().filter_map(|answer| answer.replicas).collect();
    let (Some(&certificate), Some(least), Some(most)) = (all.first(), all.iter().min(), all.iter().max())
    else {
        return "no model answers".to_owned();
    };
    let apart = f64::from(most - least) / f64::from(certificate);
    if most == least {
        return format!("the models agree: {least}");
    }
    if apart <= APART || most - least <= 1 {
        return format!("the models agree: {least} to {most}");
    }
    let why = if service.waits() {
        "the certificate counts each replica alone; the others know how waiting is shared"
    } else {
        "the objective is missed for another reason than waiting, which queues know nothing of"
    };
    format!(
        "the models disagree by {}: {least} to {most}; {why}; the plan rests on what was measured",
        percent(apart)
    )
}
