//! What the APIs of Kubernetes and KEDA take, as far as autoscalers go: a field that is not here is one that they do not know.
//!
//! All fields of the specs in `autoscaling/v2` of Kubernetes 1.33 and in KEDA's ScaledObject (`v1alpha1`) as of June 2026. Of the
//! metadata it has what manifests are written with. Crates with all types of both take 45 s to compile.
#![expect(dead_code, reason = "what is read is whether it can be read")]

use std::collections::BTreeMap;

use serde::Deserialize;

/// Types whose fields have the names of the API, and no others.
macro_rules! of_the_api {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub(super) struct $name { $($field: $kind),* }
    )*};
}

/// `0.05`, `200m`.
type Quantity = String;

of_the_api! {
    HorizontalPodAutoscaler { api_version: String, kind: String, metadata: Metadata, spec: HpaSpec }
    Metadata {
        name: String,
        namespace: Option<String>,
        labels: Option<BTreeMap<String, String>>,
        annotations: Option<BTreeMap<String, String>>,
    }
    HpaSpec {
        scale_target_ref: Reference,
        min_replicas: Option<i32>,
        max_replicas: i32,
        metrics: Option<Vec<Metric>>,
        behavior: Option<Behavior>,
    }
    Reference { api_version: Option<String>, kind: String, name: String }
    Metric {
        r#type: String,
        resource: Option<Resource>,
        container_resource: Option<ContainerResource>,
        pods: Option<OfMetric>,
        object: Option<OfObject>,
        external: Option<OfMetric>,
    }
    Resource { name: String, target: Target }
    ContainerResource { name: String, container: String, target: Target }
    OfMetric { metric: MetricName, target: Target }
    OfObject { described_object: Reference, metric: MetricName, target: Target }
    MetricName { name: String, selector: Option<Selector> }
    Selector { match_labels: Option<BTreeMap<String, String>>, match_expressions: Option<Vec<Requirement>> }
    Requirement { key: String, operator: String, values: Option<Vec<String>> }
    Target {
        r#type: String,
        value: Option<Quantity>,
        average_value: Option<Quantity>,
        average_utilization: Option<i32>,
    }
    Behavior { scale_up: Option<Rules>, scale_down: Option<Rules> }
    Rules {
        stabilization_window_seconds: Option<i32>,
        select_policy: Option<String>,
        policies: Option<Vec<Policy>>,
        tolerance: Option<Quantity>,
    }
    Policy { r#type: String, value: i32, period_seconds: i32 }

    ScaledObject { api_version: String, kind: String, metadata: Metadata, spec: KedaSpec }
    KedaSpec {
        scale_target_ref: ScaleTarget,
        polling_interval: Option<i32>,
        cooldown_period: Option<i32>,
        initial_cooldown_period: Option<i32>,
        idle_replica_count: Option<i32>,
        min_replica_count: Option<i32>,
        max_replica_count: Option<i32>,
        advanced: Option<Advanced>,
        fallback: Option<Fallback>,
        triggers: Vec<Trigger>,
    }
    ScaleTarget {
        api_version: Option<String>,
        kind: Option<String>,
        name: String,
        env_source_container_name: Option<String>,
    }
    Advanced {
        horizontal_pod_autoscaler_config: Option<OwnHpa>,
        restore_to_original_replica_count: Option<bool>,
        scaling_modifiers: Option<Modifiers>,
    }
    OwnHpa { behavior: Option<Behavior>, name: Option<String> }
    Modifiers {
        formula: Option<String>,
        target: Option<String>,
        activation_target: Option<String>,
        metric_type: Option<String>,
    }
    Fallback { failure_threshold: i32, replicas: i32, behavior: Option<FallbackBehavior> }
    Trigger {
        r#type: String,
        name: Option<String>,
        metric_type: Option<String>,
        use_cached_metrics: Option<bool>,
        metadata: BTreeMap<String, String>,
        authentication_ref: Option<Authentication>,
    }
    Authentication { kind: Option<String>, name: String }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum FallbackBehavior {
    Static,
    CurrentReplicas,
    CurrentReplicasIfHigher,
    CurrentReplicasIfLower,
    ScalingModifiers,
}
