//! What there is to scale on, engine by engine.

use serde::{Deserialize, Serialize};

use super::Service;
use crate::autoscale::Signal;

/// The server inside a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// vLLM, and what shows its metrics.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face's Text Generation Inference.
    Tgi,
    /// NVIDIA Triton.
    Triton,
    /// TorchServe.
    TorchServe,
    /// KServe's own Python servers.
    KServe,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 6] =
        [Engine::Vllm, Engine::Sglang, Engine::Tgi, Engine::Triton, Engine::TorchServe, Engine::KServe];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Vllm => "vllm",
            Engine::Sglang => "sglang",
            Engine::Tgi => "tgi",
            Engine::Triton => "triton",
            Engine::TorchServe => "torchserve",
            Engine::KServe => "kserve",
        }
    }

    /// `modelFormat` by which KServe finds a runtime with this server (its ClusterServingRuntimes of August 2026); of its own
    /// servers, which are one for each kind of model, the most common.
    pub(super) fn model_format(self) -> &'static str {
        match self {
            Engine::Vllm | Engine::Sglang | Engine::Tgi => "huggingface",
            Engine::Triton => "triton",
            Engine::TorchServe => "pytorch",
            Engine::KServe => "sklearn",
        }
    }

    /// Whether its models come from Hugging Face by their names.
    pub(super) fn takes_models_by_name(self) -> bool {
        self.model_format() == "huggingface"
    }
}

/// A metric to scale on.
pub(super) struct Metric {
    /// Its name as an external metric and as a trigger.
    pub(super) name: String,
    /// What it is in the simulated fleet.
    pub(super) signal: Signal,
    /// A series that is there when the metric is.
    pub(super) series: &'static str,
    /// The query, with `{}` where labels go.
    template: &'static str,
    /// Why this one.
    pub(super) why: &'static str,
}

/// Seconds over which rates are taken: four scrapes of the usual 15 s, the least with which a missed one does no harm.
const RATE_WINDOW: f64 = 60.0;

impl Metric {
    /// The query with labels.
    pub(super) fn query(&self, labels: &str) -> String {
        self.template.replace("{}", &format!("{{{labels}}}"))
    }

    /// The same with one number for each of `group`.
    pub(super) fn query_by(&self, group: &str, labels: &str) -> String {
        self.query(labels).replace("sum(", &format!("sum by ({group}) ("))
    }
}

/// What scales a service, the most telling first: the autoscaler takes the one that asks for most replicas.
pub(super) fn metrics(engine: Engine) -> Vec<Metric> {
    const IN_FLIGHT: &str = "Requests in flight, at work and waiting: they rise as soon as traffic does, and go on \
        rising when a replica is full. Not CPU: it idles while the GPU is saturated. Not GPU utilisation: it reads 100 % \
        far below capacity. Not latency: it is flat until it is too late, and silent without traffic.";
    const RATE: &str = "Requests per second: this server does not tell how many requests are in it. A full server answers \
        no more of them, so that what is beyond a replica shows late. Not CPU: it idles while the GPU is saturated.";
    const QUEUE: &str = "Requests that wait in the server: they show what the rate of answers cannot, since a full server \
        answers no more of them.";
    let metric = |name: &str, signal, series, template, why| Metric {
        name: format!("{}_{name}", engine.name()),
        signal,
        series,
        template,
        why,
    };
    let rate = Signal::Rate { window: RATE_WINDOW };
    match engine {
        Engine::Vllm => vec![metric(
            "in_flight",
            Signal::InFlight,
            "vllm:num_requests_running",
            "sum(vllm:num_requests_running{}) + sum(vllm:num_requests_waiting{})",
            IN_FLIGHT,
        )],
        Engine::Sglang => vec![metric(
            "in_flight",
            Signal::InFlight,
            "sglang:num_running_reqs",
            "sum(sglang:num_running_reqs{}) + sum(sglang:num_queue_reqs{})",
            IN_FLIGHT,
        )],
        Engine::Tgi => vec![metric(
            "in_flight",
            Signal::InFlight,
            "tgi_batch_current_size",
            "sum(tgi_batch_current_size{}) + sum(tgi_queue_size{})",
            IN_FLIGHT,
        )],
        Engine::Triton => vec![
            metric(
                "requests_per_second",
                rate,
                "nv_inference_request_success",
                "sum(rate(nv_inference_request_success{}[1m]))",
                RATE,
            ),
            metric(
                "waiting",
                Signal::Waiting,
                "nv_inference_pending_request_count",
                "sum(nv_inference_pending_request_count{})",
                QUEUE,
            ),
        ],
        Engine::TorchServe => vec![metric(
            "requests_per_second",
            rate,
            "ts_inference_requests_total",
            "sum(rate(ts_inference_requests_total{}[1m]))",
            RATE,
        )],
        Engine::KServe => vec![metric(
            "requests_per_second",
            rate,
            "request_predict_seconds_count",
            "sum(rate(request_predict_seconds_count{}[1m]))",
            RATE,
        )],
    }
}

/// The labels of a service's series.
pub(super) fn labels(service: &Service) -> String {
    let namespace = format!("namespace=\"{}\"", escaped(&service.namespace));
    let label = match service.engine {
        Engine::Tgi => return namespace, // has no label for the model
        Engine::Triton => "model",
        Engine::Vllm | Engine::Sglang | Engine::TorchServe | Engine::KServe => "model_name",
    };
    if service.model.is_empty() {
        return namespace;
    }
    format!("{namespace},{label}=\"{}\"", escaped(&service.model))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
