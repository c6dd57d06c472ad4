//! A ScaledObject of KEDA.

use super::engine::{labels, metrics};
use super::hpa::{behavior, down, law_metrics, metadata};
use super::{Service, Thresholds, head};
use crate::autoscale::Source;
use crate::autoscale::keda::{Fallback, FallbackBehavior, KedaSpec, Trigger};
use crate::figures::figure;
use crate::yaml::{Value, list, map, write as yaml};

pub(super) fn law(service: &Service, thresholds: &Thresholds) -> KedaSpec {
    let trigger = |metric| Trigger { metric, activation: 0.0, ignore_null: false };
    let triggers = law_metrics(service, thresholds, Source::Servers).into_iter().map(trigger).collect();
    KedaSpec {
        polling: 15,
        fallback: Some(Fallback {
            failures: 3,
            replicas: thresholds.fallback.value,
            behavior: FallbackBehavior::CurrentReplicasIfHigher,
        }),
        down: down(thresholds),
        // From zero nothing wakes a fleet by metrics of its own servers.
        ..KedaSpec::new(thresholds.min.value.max(1), thresholds.max.value, triggers)
    }
}

pub(super) fn write(service: &Service, thresholds: &Thresholds, law: &KedaSpec) -> String {
    let target =
        map().with("apiVersion", "apps/v1").with("kind", "Deployment").with("name", service.name.as_str());
    let spec = map()
        .with("scaleTargetRef", target)
        .with("pollingInterval", law.polling)
        .noted(
            "minReplicaCount",
            law.min,
            &format!(
                "{} Not 0: without replicas the servers' series are gone, and nothing would wake the first. Scale to \
                 zero with a metric of the gateway only.",
                thresholds.min.why
            ),
        )
        .noted("maxReplicaCount", law.max, &thresholds.max.why);
    let spec = with_rules(spec, service, thresholds, law);
    let document = map()
        .with("apiVersion", "keda.sh/v1alpha1")
        .with("kind", "ScaledObject")
        .with("metadata", metadata(service))
        .with("spec", spec);
    yaml(
        &head("A ScaledObject of KEDA. It makes a HorizontalPodAutoscaler by itself.", thresholds),
        &document,
    )
}

/// What follows the bounds: fallback, behaviour and triggers, which KServe takes as they are.
pub(super) fn with_rules(
    mut spec: Value,
    service: &Service,
    thresholds: &Thresholds,
    law: &KedaSpec,
) -> Value {
    if let Some(fallback) = law.fallback {
        let value = map()
            .with("failureThreshold", fallback.failures)
            .noted("replicas", fallback.replicas, &thresholds.fallback.why)
            .with("behavior", fallback.behavior.name());
        spec = spec.noted("fallback", value, "While Prometheus cannot be asked.");
    }
    let scaler = map().with("behavior", behavior(thresholds, &law.up, &law.down));
    let advanced =
        map().with("restoreToOriginalReplicaCount", false).with("horizontalPodAutoscalerConfig", scaler);
    spec.with("advanced", advanced).with("triggers", triggers(service, thresholds, law))
}

fn triggers(service: &Service, thresholds: &Thresholds, law: &KedaSpec) -> Value {
    let labels = labels(service);
    list(metrics(service.engine).into_iter().zip(&law.triggers).map(|(metric, trigger)| {
        let why = &thresholds.target(metric.signal).why;
        let metadata = map()
            .with("serverAddress", service.prometheus.as_str())
            .noted("query", metric.query(&labels), "One series: a query with several is an error.")
            .noted(
                "threshold",
                figure(trigger.metric.target.value()),
                &format!("{why} {}", thresholds.utilisation.why),
            )
            .with("activationThreshold", figure(trigger.activation))
            .noted(
                "ignoreNullValues",
                "false",
                "By default a query without a result counts as 0, and an outage of Prometheus scales down.",
            );
        map()
            .noted("type", "prometheus", metric.why)
            .with("name", metric.name.as_str())
            .with("metricType", "AverageValue")
            .with("metadata", metadata)
    }))
}
