//! Rules about KEDA's ScaledObjects.

use super::document::{Document, Kind};
use super::triggers::{Trigger, all, of};
use super::{Report, Rule};
use crate::yaml::{Kind as Value, Node};

/// The `spec` of ScaledObjects, and `scaling.keda` of LLMInferenceServices, which has the same fields.
fn specs(documents: &[Document]) -> impl Iterator<Item = (&Document, &Node)> {
    documents.iter().filter_map(|document| {
        let spec = match document.kind {
            Kind::ScaledObject => document.node.get("spec"),
            Kind::LlmInferenceService => document.node.at(&["spec", "scaling", "keda"]),
            _ => None,
        };
        Some((document, spec?))
    })
}

/// The least number of replicas: 0 where a ScaledObject does not say, 1 where an LLMInferenceService does not.
fn least(document: &Document) -> f64 {
    match document.kind {
        Kind::ScaledObject => document.node.number_at(&["spec", "minReplicaCount"]).unwrap_or(0.0),
        _ => document.node.number_at(&["spec", "scaling", "minReplicas"]).unwrap_or(1.0),
    }
}

fn prometheus(documents: &[Document]) -> impl Iterator<Item = Trigger<'_>> {
    all(documents).into_iter().filter(|trigger| trigger.is_keda() && trigger.is_prometheus())
}

pub(super) fn null_is_zero(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for trigger in prometheus(documents) {
        let ignored = trigger.node.at(&["metadata", "ignoreNullValues"]);
        let refused = matches!(ignored.map(|node| &node.kind), Some(Value::Bool(false)))
            || ignored.and_then(Node::text) == Some("false");
        if !refused {
            let line = ignored.map_or(trigger.node.line, |node| node.line);
            let what = "a query without a result counts as 0".to_owned();
            report.add(rule, trigger.document, line, what, "set ignoreNullValues: \"false\", and a fallback");
        }
    }
}

pub(super) fn metadata_not_text(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for trigger in all(documents).iter().filter(|trigger| trigger.is_keda()) {
        let Some(metadata) = trigger.node.get("metadata") else { continue };
        for (key, value) in metadata.entries() {
            if value.text().is_none() {
                let what = format!("`{}` is no text", key.name);
                report.add(rule, trigger.document, value.line, what, "put it in quotes");
            }
        }
    }
}

pub(super) fn zero_loses_its_metric(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, spec) in specs(documents) {
        let triggers = of(document);
        let asleep = least(document) == 0.0 || spec.get("idleReplicaCount").is_some();
        if asleep && !triggers.is_empty() && triggers.iter().all(Trigger::reads_servers_only) {
            let line = spec.get("minReplicaCount").map_or(spec.line, |min| min.line);
            let what = "it scales to zero, and all its queries ask servers that are then gone".to_owned();
            let todo = "add a trigger on a metric of the gateway, or set minReplicaCount: 1";
            report.add(rule, document, line, what, todo);
        }
    }
}

pub(super) fn cooldown(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, spec) in specs(documents) {
        let Some(cooldown) = spec.get("cooldownPeriod") else { continue };
        if least(document) > 0.0 && spec.get("idleReplicaCount").is_none() {
            let what = format!("cooldownPeriod does nothing with a minimum of {}", least(document));
            let todo =
                "remove it; how slowly it scales down is behavior.scaleDown.stabilizationWindowSeconds";
            report.add(rule, document, cooldown.line, what, todo);
        }
    }
}

pub(super) fn idle(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, spec) in specs(documents) {
        let Some(idle) = spec.get("idleReplicaCount") else { continue };
        let count = idle.number().unwrap_or(0.0);
        if count != 0.0 || count >= least(document) {
            let what = format!("idleReplicaCount is {count}, minReplicaCount {}", least(document));
            report.add(
                rule,
                document,
                idle.line,
                what,
                "write 0, and a minReplicaCount above it; or remove it",
            );
        }
    }
}

pub(super) fn no_fallback(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, spec) in specs(documents) {
        let asks = of(document).iter().any(Trigger::is_prometheus);
        if asks && spec.get("fallback").is_none() {
            let what = "there is no fallback".to_owned();
            let todo = "add fallback: {failureThreshold: 3, replicas: N, behavior: currentReplicasIfHigher} with the \
                        replicas of a usual peak";
            report.add(rule, document, spec.line, what, todo);
        }
    }
}

pub(super) fn fallback_needs_average(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, spec) in specs(documents) {
        if spec.get("fallback").is_none() {
            continue;
        }
        for trigger in of(document) {
            if let Some(kind) =
                trigger.node.get("metricType").filter(|kind| kind.text() != Some("AverageValue"))
            {
                let what = format!(
                    "a trigger with metricType {} has no fallback before KEDA 2.18",
                    kind.text().unwrap_or_default()
                );
                report.add(rule, document, kind.line, what, "use AverageValue");
            }
        }
    }
}

pub(super) fn fallback_out_of_bounds(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, spec) in specs(documents) {
        let Some(replicas) = spec.at(&["fallback", "replicas"]) else { continue };
        let most = match document.kind {
            Kind::ScaledObject => spec.number_at(&["maxReplicaCount"]).unwrap_or(100.0),
            _ => document.node.number_at(&["spec", "scaling", "maxReplicas"]).unwrap_or(f64::INFINITY),
        };
        if let Some(count) = replicas.number().filter(|count| *count > most) {
            let what = format!("the fallback asks for {count} replicas, and there are {most} at most");
            report.add(rule, document, replicas.line, what, "raise maxReplicaCount, or lower the fallback");
        }
    }
}
