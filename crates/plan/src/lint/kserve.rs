//! Rules about KServe's InferenceServices and LLMInferenceServices, and about Knative.

use super::document::{Document, Kind};
use super::{Report, Rule};
use crate::yaml::Node;

/// The parts of an InferenceService that scale.
fn components(documents: &[Document]) -> impl Iterator<Item = (&Document, &Node)> {
    documents.iter().filter(|document| document.kind == Kind::InferenceService).flat_map(|document| {
        ["predictor", "transformer", "explainer"]
            .into_iter()
            .filter_map(move |part| Some((document, document.node.at(&["spec", part])?)))
    })
}

fn metrics(component: &Node) -> &[Node] {
    component.at(&["autoScaling", "metrics"]).map(Node::items).unwrap_or_default()
}

pub(super) fn mode_renamed(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for document in documents {
        let Some(mode) = document.annotation("serving.kserve.io/deploymentMode") else { continue };
        let new = match mode.text() {
            Some("RawDeployment") => "Standard",
            Some("Serverless") => "Knative",
            _ => continue,
        };
        let what = format!("the mode {} is called {new} now", mode.text().unwrap_or_default());
        report.add(rule, document, mode.line, what, &format!("write {new}"));
    }
}

pub(super) fn scale_metric_with_keda(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        let Some(metric) = component.get("scaleMetric") else { continue };
        if document.autoscaler_class() == "keda" {
            let what = "scaleMetric with the class keda".to_owned();
            report.add(rule, document, metric.line, what, "use autoScaling.metrics with a query");
        }
    }
}

pub(super) fn class_hpa(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        if document.autoscaler_class() != "hpa" || document.is_in_knative() {
            continue;
        }
        for metric in metrics(component) {
            let kind = metric.text_at(&["type"]).unwrap_or_default();
            if kind != "Resource" {
                let what = format!("a metric of the type {kind} with the class hpa");
                let todo = "set the annotation serving.kserve.io/autoscalerClass: keda, or external with an \
                            autoscaler of your own for the deployment NAME-predictor";
                report.add(rule, document, metric.line, what, todo);
            }
        }
    }
}

pub(super) fn external_incomplete(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        for metric in metrics(component).iter().filter(|metric| metric.text_at(&["type"]) == Some("External"))
        {
            let query = metric.text_at(&["external", "metric", "query"]).unwrap_or_default();
            if query.trim().is_empty() {
                report.add(rule, document, metric.line, "no query".to_owned(), "give external.metric.query");
            }
            if metric.number_at(&["external", "target", "value"]).is_none() {
                let what = "no target.value".to_owned();
                let todo =
                    "write target: {type: Value, value: …}; KEDA takes it as what each replica shall have";
                report.add(rule, document, metric.line, what, todo);
            }
        }
    }
}

pub(super) fn behavior_dropped(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        if document.autoscaler_class() != "keda" {
            continue;
        }
        let Some(behavior) = component.at(&["autoScaling", "behavior"]) else { continue };
        for (key, _) in behavior.entries().iter().flat_map(|(_, rules)| rules.entries()) {
            if key.name != "stabilizationWindowSeconds" {
                let what = format!("`{}` is dropped", key.name);
                let todo = "remove it, or use the class external with a ScaledObject of your own";
                report.add(rule, document, key.line, what, todo);
            }
        }
    }
}

pub(super) fn field_dropped(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        let Some(scaling) = component.get("autoScaling") else { continue };
        for (key, _) in scaling.entries() {
            if !["metrics", "behavior"].contains(&key.name.as_str()) {
                let what = format!("autoScaling has no `{}`", key.name);
                let todo = "remove it, or use the class external with a ScaledObject of your own";
                report.add(rule, document, key.line, what, todo);
            }
        }
    }
}

pub(super) fn class_hpa_min_zero(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        let Some(min) = component.get("minReplicas").filter(|min| min.number() == Some(0.0)) else {
            continue;
        };
        if document.autoscaler_class() == "hpa" && !document.is_in_knative() {
            let what = "minReplicas: 0 with the class hpa".to_owned();
            report.add(rule, document, min.line, what, "write 1, or use the class keda");
        }
    }
}

pub(super) fn memory_over_100(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, component) in components(documents) {
        if document.autoscaler_class() != "hpa" {
            continue;
        }
        let old =
            component.get("scaleTarget").filter(|_| component.text_at(&["scaleMetric"]) == Some("memory"));
        let memory = |metric: &&Node| metric.text_at(&["resource", "name"]) == Some("memory");
        let new = metrics(component)
            .iter()
            .filter(memory)
            .filter_map(|metric| metric.at(&["resource", "target", "averageUtilization"]));
        for target in old.into_iter().chain(new).filter(|target| target.number() > Some(100.0)) {
            let what = format!("a memory target of {}", target.number().unwrap_or_default());
            report.add(rule, document, target.line, what, "write 100 at most");
        }
    }
}

pub(super) fn class_in_knative(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for document in documents.iter().filter(|document| document.kind == Kind::InferenceService) {
        let Some(class) = document.annotation("serving.kserve.io/autoscalerClass") else { continue };
        if document.is_in_knative() {
            let what = format!("autoscalerClass {} in the mode Knative", class.text().unwrap_or_default());
            let todo = "remove it and use scaleMetric with scaleTarget, or write deploymentMode: Standard";
            report.add(rule, document, class.line, what, todo);
        }
    }
}

pub(super) fn limit_below_target(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    const ADVICE: &str = "raise the limit above the target, or remove it: 0 is no limit";
    let mut pairs: Vec<(&Document, Option<&Node>, Option<f64>)> = Vec::new();
    for (document, component) in components(documents) {
        if component.text_at(&["scaleMetric"]).is_none_or(|metric| metric == "concurrency") {
            pairs.push((
                document,
                component.get("containerConcurrency"),
                component.number_at(&["scaleTarget"]),
            ));
        }
    }
    for document in documents.iter().filter(|document| document.kind == Kind::Knative) {
        let Some(template) = document.node.at(&["spec", "template"]) else { continue };
        let annotation = |name| template.at(&["metadata", "annotations", name]);
        let metric = annotation("autoscaling.knative.dev/metric").and_then(Node::text);
        if metric.is_none_or(|metric| metric == "concurrency") {
            let target = annotation("autoscaling.knative.dev/target").and_then(Node::number);
            pairs.push((document, template.at(&["spec", "containerConcurrency"]), target));
        }
    }
    for (document, limit, target) in pairs {
        let (Some(node), Some(target)) = (limit, target) else { continue };
        if let Some(limit) = node.number().filter(|limit| *limit > 0.0 && *limit < target) {
            let what = format!("containerConcurrency is {limit}, the target {target}");
            report.add(rule, document, node.line, what, ADVICE);
        }
    }
}

pub(super) fn llm_scaling(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for document in documents.iter().filter(|document| document.kind == Kind::LlmInferenceService) {
        let Some(spec) = document.node.get("spec") else { continue };
        let parts = [Some(spec), spec.get("prefill")];
        for (part, scaling) in
            parts.into_iter().flatten().filter_map(|part| Some((part, part.get("scaling")?)))
        {
            if let Some(replicas) = part.get("replicas") {
                let what = "replicas beside scaling".to_owned();
                report.add(rule, document, replicas.line, what, "remove replicas");
            }
            let ways = ["wva", "keda"].into_iter().filter(|way| scaling.get(way).is_some()).count();
            if ways != 1 {
                let what = format!("{ways} of wva and keda");
                report.add(rule, document, scaling.line, what, "give exactly one of them");
            }
            if let Some(min) = scaling.get("minReplicas").filter(|min| min.number() == Some(0.0)) {
                report.add(rule, document, min.line, "minReplicas: 0".to_owned(), "write 1 or more");
            }
        }
    }
}
