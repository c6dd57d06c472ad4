//! Rules about all kinds, and about what several manifests say together.

use super::document::{Document, Kind};
use super::triggers::of;
use super::{Report, Rule, hpa};
use crate::yaml::Node;

pub(super) fn bounds(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for document in documents {
        let spec = |key| document.node.at(&["spec", key]);
        let (min, max) = match document.kind {
            Kind::Hpa => (spec("minReplicas"), spec("maxReplicas")),
            Kind::ScaledObject => (spec("minReplicaCount"), spec("maxReplicaCount")),
            Kind::InferenceService => {
                let predictor = |key| document.node.at(&["spec", "predictor", key]);
                (predictor("minReplicas"), predictor("maxReplicas"))
            }
            Kind::LlmInferenceService => {
                let scaling = |key| document.node.at(&["spec", "scaling", key]);
                (scaling("minReplicas"), scaling("maxReplicas"))
            }
            _ => continue,
        };
        if document.kind == Kind::Hpa && max.is_none() {
            let what = "no maxReplicas".to_owned();
            report.add(rule, document, document.node.line, what, "say how many replicas there may be");
        }
        let (Some(least), Some(most)) = (min.and_then(Node::number), max.and_then(Node::number)) else {
            continue;
        };
        // KServe takes 0 for no limit.
        let unlimited = document.kind == Kind::InferenceService && most == 0.0;
        if least > most && !unlimited {
            let what = format!("at least {least} replicas, and at most {most}");
            report.add(
                rule,
                document,
                max.map_or(1, |max| max.line),
                what,
                "raise the one or lower the other",
            );
        }
    }
}

/// The workload that an autoscaler scales: namespace, kind, name.
fn scaled(document: &Document) -> Option<(String, String, String)> {
    let target = |fallback: &str| {
        let target = document.node.at(&["spec", "scaleTargetRef"])?;
        let kind = target.text_at(&["kind"]).unwrap_or(fallback).to_owned();
        Some((document.namespace().to_owned(), kind, target.text_at(&["name"])?.to_owned()))
    };
    match document.kind {
        Kind::Hpa => target(""),
        Kind::ScaledObject => target("Deployment"),
        Kind::InferenceService => {
            let own = ["hpa", "keda"].contains(&document.autoscaler_class()) && !document.is_in_knative();
            let name = format!("{}-predictor", document.name());
            own.then(|| (document.namespace().to_owned(), "Deployment".to_owned(), name))
        }
        _ => None,
    }
}

pub(super) fn two_autoscalers(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    let mut seen: Vec<((String, String, String), &Document)> = Vec::new();
    for document in documents {
        let Some(workload) = scaled(document) else { continue };
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == workload) {
            let line =
                document.node.at(&["spec", "scaleTargetRef"]).map_or(document.node.line, |node| node.line);
            let what = format!(
                "{} {} is scaled already, by {} in {} from line {}",
                workload.1,
                workload.2,
                first.name(),
                first.file,
                first.node.line
            );
            let todo =
                "keep one of them; of several metrics or triggers in one autoscaler the greatest counts";
            report.add(rule, document, line, what, todo);
        } else {
            seen.push((workload, document));
        }
    }
}

pub(super) fn cpu(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    const ADVICE: &str =
        "scale on requests in flight, in the queue or per second; CPU only for models that run on it";
    for metric in hpa::metrics(documents) {
        if ["Resource", "ContainerResource"].contains(&metric.kind) {
            let name = metric.name().and_then(Node::text).unwrap_or_default();
            report.add(rule, metric.document, metric.node.line, format!("it scales on {name}"), ADVICE);
        }
    }
    for document in documents {
        for trigger in of(document).iter().filter(|trigger| ["cpu", "memory"].contains(&trigger.kind())) {
            report.add(rule, document, trigger.node.line, format!("it scales on {}", trigger.kind()), ADVICE);
        }
        let Some(predictor) = document.node.at(&["spec", "predictor"]) else { continue };
        if document.kind != Kind::InferenceService {
            continue;
        }
        if let Some(metric) =
            predictor.get("scaleMetric").filter(|m| ["cpu", "memory"].contains(&m.text().unwrap_or("")))
        {
            let what = format!("it scales on {}", metric.text().unwrap_or_default());
            report.add(rule, document, metric.line, what, ADVICE);
        }
        for metric in predictor.at(&["autoScaling", "metrics"]).map(Node::items).unwrap_or_default() {
            if metric.text_at(&["type"]) == Some("Resource") {
                let name = metric.text_at(&["resource", "name"]).unwrap_or_default();
                report.add(rule, document, metric.line, format!("it scales on {name}"), ADVICE);
            }
        }
        let says = predictor.get("scaleMetric").is_some() || predictor.get("autoScaling").is_some();
        if !says && document.autoscaler_class() == "hpa" && !document.is_in_knative() {
            let what = "without a metric, KServe scales on 80 % CPU".to_owned();
            report.add(rule, document, predictor.line, what, ADVICE);
        }
    }
}
