//! An LLMInferenceService of KServe, whose `scaling.keda` takes all that a ScaledObject does.

use super::hpa::metadata;
use super::keda::with_rules;
use super::kserve::storage;
use super::{Service, Thresholds, head};
use crate::autoscale::keda::KedaSpec;
use crate::yaml::{map, write as yaml};

pub(super) fn write(service: &Service, thresholds: &Thresholds, law: &KedaSpec) -> String {
    let keda = with_rules(map().with("pollingInterval", law.polling), service, thresholds, law);
    let scaling = map()
        .noted("minReplicas", law.min, &thresholds.min.why)
        .noted("maxReplicas", law.max, &thresholds.max.why)
        .noted("keda", keda, "KServe makes a ScaledObject of it as it stands.");
    let (uri, note) = storage(service);
    let model = map().noted("uri", uri, note).with(
        "name",
        match service.model.as_str() {
            "" => service.name.as_str(),
            model => model,
        },
    );
    let router = map().with("scheduler", map()).with("route", map()).with("gateway", map());
    let spec = map()
        .with("model", model)
        .noted(
            "router",
            router,
            "KServe's scheduler, which knows how busy each replica is. GPUs, probes and the like go into `template`.",
        )
        .noted("scaling", scaling, "In place of `replicas`, which KServe refuses beside it.");
    let document = map()
        .with("apiVersion", "serving.kserve.io/v1alpha2")
        .with("kind", "LLMInferenceService")
        .with("metadata", metadata(service))
        .with("spec", spec);
    yaml(
        &head(
            "KServe's LLMInferenceService, scaled by KEDA. It needs KServe 0.21 or later, and KEDA.",
            thresholds,
        ),
        &document,
    )
}
