//! Rules about HorizontalPodAutoscalers.

use super::document::{Document, Kind};
use super::{Report, Rule, Version, triggers};
use crate::autoscale::hpa::TOLERANCE;
use crate::figures::figure;
use crate::yaml::Node;

/// A metric of a HorizontalPodAutoscaler.
pub(super) struct Metric<'a> {
    pub(super) document: &'a Document,
    /// `Pods`, `Object`, `External`, `Resource`, `ContainerResource`.
    pub(super) kind: &'a str,
    /// What `pods`, `object` and so on say.
    pub(super) node: &'a Node,
}

impl<'a> Metric<'a> {
    pub(super) fn name(&self) -> Option<&'a Node> {
        self.node.at(&["metric", "name"]).or_else(|| self.node.get("name"))
    }

    fn target(&self) -> Option<&'a Node> {
        self.node.get("target")
    }
}

/// The metrics of all HorizontalPodAutoscalers.
pub(super) fn metrics(documents: &[Document]) -> Vec<Metric<'_>> {
    let mut all = Vec::new();
    for document in documents.iter().filter(|document| document.kind == Kind::Hpa) {
        let items = document.node.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
        for item in items {
            let kind = item.text_at(&["type"]).unwrap_or_default();
            let mut field = kind.to_owned();
            if let Some(first) = field.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            if let Some(node) = item.get(&field) {
                all.push(Metric { document, kind, node });
            }
        }
    }
    all
}

fn hpas(documents: &[Document]) -> impl Iterator<Item = &Document> {
    documents.iter().filter(|document| document.kind == Kind::Hpa)
}

pub(super) fn api_removed(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for document in hpas(documents) {
        let Some(version) = document.node.get("apiVersion") else { continue };
        let gone = match version.text() {
            Some("autoscaling/v2beta1") => Version(1, 25),
            Some("autoscaling/v2beta2") => Version(1, 26),
            _ => continue,
        };
        if report.older_than(gone).is_none() {
            let what = format!("{} is gone since Kubernetes {gone}", version.text().unwrap_or_default());
            report.add(rule, document, version.line, what, "write autoscaling/v2 (since Kubernetes 1.23)");
        }
    }
}

pub(super) fn colons(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for metric in metrics(documents) {
        let Some(name) = metric.name() else { continue };
        if let Some(text) = name.text().filter(|text| text.contains(':')) {
            let what = format!("the metric is called `{text}`");
            let todo = format!(
                "rename it in the adapter (name: {{matches: \"^vllm:(.*)$\", as: \"vllm_$1\"}}) and ask for `{}` here",
                text.replace(':', "_")
            );
            report.add(rule, metric.document, name.line, what, &todo);
        }
    }
}

pub(super) fn value(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    const ADVICE: &str = "use AverageValue with what one replica shall have";
    for metric in metrics(documents).iter().filter(|metric| ["External", "Object"].contains(&metric.kind)) {
        let kind = metric.target().and_then(|target| target.get("type"));
        if let Some(kind) = kind.filter(|kind| kind.text() == Some("Value")) {
            let what = format!("a metric of the type {} has the target type Value", metric.kind);
            report.add(rule, metric.document, kind.line, what, ADVICE);
        }
    }
    for trigger in triggers::all(documents).iter().filter(|trigger| trigger.is_keda()) {
        let kind = trigger.node.get("metricType");
        if let Some(kind) = kind.filter(|kind| kind.text() == Some("Value")) {
            report.add(
                rule,
                trigger.document,
                kind.line,
                "the trigger has metricType Value".to_owned(),
                ADVICE,
            );
        }
    }
}

/// The `behavior` of whatever has one, with where its tolerances are.
fn behavior(document: &Document) -> Option<&Node> {
    match document.kind {
        Kind::Hpa => document.node.at(&["spec", "behavior"]),
        Kind::ScaledObject => {
            document.node.at(&["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"])
        }
        _ => None,
    }
}

pub(super) fn tolerance_version(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    let Some(version) = report.older_than(Version(1, 35)) else { return };
    for document in documents {
        let Some(behavior) = behavior(document) else { continue };
        for (_, rules) in behavior.entries() {
            if let Some(tolerance) = rules.get("tolerance") {
                let (what, todo) = if version < Version(1, 33) {
                    (
                        format!("Kubernetes {version} has no `tolerance`"),
                        "remove it, and leave 10 % between the target and what a replica carries",
                    )
                } else {
                    (
                        format!(
                            "Kubernetes {version} drops `tolerance` without the feature gate HPAConfigurableTolerance"
                        ),
                        "enable the gate in the API server and the controller manager, or remove the field",
                    )
                };
                report.add(rule, document, tolerance.line, what, todo);
            }
        }
    }
}

/// The tolerance upwards of a document.
fn tolerance_up(document: &Document) -> f64 {
    let own = behavior(document).and_then(|behavior| behavior.number_at(&["scaleUp", "tolerance"]));
    own.unwrap_or(TOLERANCE)
}

pub(super) fn tolerance_over_capacity(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    let mut targets: Vec<(&Document, String, &Node)> = Vec::new();
    for metric in metrics(documents) {
        let name = metric.name().and_then(Node::text).unwrap_or_default();
        if let Some(target) = metric.target().and_then(|target| target.get("averageValue")) {
            targets.push((metric.document, name.to_owned(), target));
        }
    }
    for trigger in triggers::all(documents) {
        if let Some(target) = trigger.threshold() {
            targets.push((trigger.document, trigger.name().to_owned(), target));
        }
    }
    for (document, name, target) in targets {
        let known = report.options.capacities.iter().find(|(of, _)| *of == name).map(|(_, most)| *most);
        let (Some(most), Some(aim)) = (known, target.number()) else { continue };
        let tolerance = tolerance_up(document);
        let reached = aim * (1.0 + tolerance);
        if reached > most * (1.0 + 1e-9) {
            let what = format!(
                "with a target of {aim} nothing happens up to {} ({:.0} % tolerance), and a replica carries {most}",
                figure(reached),
                tolerance * 100.0
            );
            let limit = most / (1.0 + tolerance);
            let todo = format!("lower the target to {} at most", (limit * 100.0).floor() / 100.0);
            report.add(rule, document, target.line, what, &todo);
        }
    }
}

pub(super) fn zero(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for document in hpas(documents) {
        let Some(min) = document.node.at(&["spec", "minReplicas"]).filter(|min| min.number() == Some(0.0))
        else {
            continue;
        };
        if let Some(version) = report.older_than(Version(1, 37)) {
            let what = format!(
                "Kubernetes {version} takes no `minReplicas: 0` without the feature gate HPAScaleToZero"
            );
            report.add(rule, document, min.line, what, "write 1, enable the gate, or let KEDA scale to zero");
        }
        let there =
            metrics(std::slice::from_ref(document)).iter().any(|m| ["External", "Object"].contains(&m.kind));
        if !there {
            let what = "`minReplicas: 0` without an External or Object metric".to_owned();
            report.add(
                rule,
                document,
                min.line,
                what,
                "add a metric of the gateway in front of the servers, or write 1",
            );
        }
    }
}
