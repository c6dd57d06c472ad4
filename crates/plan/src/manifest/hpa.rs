//! A HorizontalPodAutoscaler with the rules of prometheus-adapter that bring its metrics.

use super::engine::{labels, metrics};
use super::quantity::quantity;
use super::{Service, Thresholds, head};
use crate::autoscale::hpa::{HpaSpec, PolicyKind, Rules, Select};
use crate::autoscale::{Metric, Source, Target};
use crate::yaml::{Value, list, map, write as yaml};

/// The metrics of a service as a law has them.
pub(super) fn law_metrics(service: &Service, thresholds: &Thresholds) -> Vec<Metric> {
    let one = |metric: super::engine::Metric| Metric {
        signal: metric.signal,
        source: Source::Servers,
        target: Target::AverageValue(thresholds.target(metric.signal).value),
    };
    metrics(service.engine).into_iter().map(one).collect()
}

/// The rules for scaling down.
pub(super) fn down(thresholds: &Thresholds) -> Rules {
    Rules { window: thresholds.down_window.value, ..Rules::down() }
}

pub(super) fn law(service: &Service, thresholds: &Thresholds) -> HpaSpec {
    HpaSpec {
        down: down(thresholds),
        ..HpaSpec::new(thresholds.min.value.max(1), thresholds.max.value, law_metrics(service, thresholds))
    }
}

/// The autoscaler of the Deployment `deployment`.
pub(super) fn write(service: &Service, thresholds: &Thresholds, law: &HpaSpec, deployment: &str) -> String {
    yaml(
        &head("A HorizontalPodAutoscaler. It needs prometheus-adapter with the rules beside it.", thresholds),
        &document(service, thresholds, law, deployment),
    )
}

pub(super) fn document(service: &Service, thresholds: &Thresholds, law: &HpaSpec, deployment: &str) -> Value {
    let metrics = metrics(service.engine).into_iter().zip(&law.metrics).map(|(metric, law)| {
        let why = &thresholds.target(metric.signal).why;
        let target = map()
            .noted(
                "type",
                "AverageValue",
                "What each replica shall have. Value would multiply by the ready pods, while others start.",
            )
            .noted(
                "averageValue",
                quantity(law.target.value()),
                &format!("{why} {}", thresholds.utilisation.why),
            );
        let external = map().with("metric", map().with("name", metric.name.as_str())).with("target", target);
        map().noted("type", "External", metric.why).with("external", external)
    });
    let target = map().with("apiVersion", "apps/v1").with("kind", "Deployment").with("name", deployment);
    let spec = map()
        .with("scaleTargetRef", target)
        .noted("minReplicas", law.min, &thresholds.min.why)
        .noted("maxReplicas", law.max, &thresholds.max.why)
        .with("metrics", list(metrics))
        .with("behavior", behavior(thresholds, &law.up, &law.down));
    map()
        .with("apiVersion", "autoscaling/v2")
        .with("kind", "HorizontalPodAutoscaler")
        .with("metadata", metadata(service))
        .with("spec", spec)
}

pub(super) fn metadata(service: &Service) -> Value {
    map().with("name", service.name.as_str()).with("namespace", service.namespace.as_str())
}

/// `behavior` with both directions.
pub(super) fn behavior(thresholds: &Thresholds, up: &Rules, down: &Rules) -> Value {
    map()
        .with("scaleUp", rules(up, "At once: a replica takes long enough to come."))
        .with("scaleDown", rules(down, &thresholds.down_window.why))
}

fn rules(rules: &Rules, why: &str) -> Value {
    let policies = rules.policies.iter().map(|policy| {
        let kind = match policy.kind {
            PolicyKind::Pods => "Pods",
            PolicyKind::Percent => "Percent",
        };
        map().with("type", kind).with("value", policy.value).with("periodSeconds", policy.period)
    });
    let select = match rules.select {
        Select::Max => "Max",
        Select::Min => "Min",
        Select::Disabled => "Disabled",
    };
    map()
        .noted("stabilizationWindowSeconds", rules.window, why)
        .with("selectPolicy", select)
        .with("policies", list(policies))
}

/// Values for the Helm chart of prometheus-adapter.
pub(super) fn adapter(service: &Service) -> String {
    let labels = labels(service);
    let matchers = match labels.split_once(',') {
        Some((_, model)) => format!("<<.LabelMatchers>>,{model}"),
        None => "<<.LabelMatchers>>".to_owned(),
    };
    let rules = metrics(service.engine).into_iter().map(|metric| {
        let namespace = map().with("namespace", map().with("resource", "namespace"));
        map()
            .with("seriesQuery", format!("{}{{namespace!=\"\"}}", metric.series))
            .with("resources", map().with("overrides", namespace))
            .noted(
                "name",
                map().with("as", metric.name.as_str()),
                "The metrics APIs of Kubernetes take no colons in names.",
            )
            .noted(
                "metricsQuery",
                metric.query(&matchers),
                "One number for all replicas: the autoscaler divides it by what each shall have.",
            )
    });
    let document = map().with("rules", map().with("external", list(rules)));
    let head = "Values for the Helm chart prometheus-community/prometheus-adapter: merge them with yours.\n\nCheck that the \
                metric is there before the autoscaler is: kubectl get --raw \
                /apis/external.metrics.k8s.io/v1beta1/namespaces/NAMESPACE/METRIC";
    yaml(head, &document)
}
