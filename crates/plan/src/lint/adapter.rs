//! Rules about prometheus-adapter.

use super::document::{Document, Kind};
use super::{Report, Rule};
use crate::yaml::Node;

/// The rules for single pods of a configuration, or of the values of its Helm chart. With `external` those for the
/// fleet too.
fn rules(documents: &[Document], external: bool) -> Vec<(&Document, &Node)> {
    let mut all = Vec::new();
    for document in documents.iter().filter(|document| document.kind == Kind::Adapter) {
        let mut lists = vec![document.node.get("rules"), document.node.at(&["rules", "custom"])];
        if external {
            lists.extend([document.node.get("externalRules"), document.node.at(&["rules", "external"])]);
        }
        all.extend(lists.into_iter().flatten().flat_map(Node::items).map(|rule| (document, rule)));
    }
    all
}

pub(super) fn keeps_colon(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, entry) in rules(documents, true) {
        let series = entry.text_at(&["seriesQuery"]).unwrap_or_default();
        let metric = series.split('{').next().unwrap_or_default();
        let renamed = entry.text_at(&["name", "as"]);
        let colon = renamed.map_or(metric.contains(':'), |name| name.contains(':'));
        if colon {
            let what = format!("the metric keeps its name `{}`", renamed.unwrap_or(metric));
            let todo = "add name: {matches: \"^vllm:(.*)$\", as: \"vllm_$1\"}, or with another prefix";
            report.add(rule, document, entry.line, what, todo);
        }
    }
}

pub(super) fn ungrouped(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for (document, entry) in rules(documents, false) {
        let Some(query) = entry.get("metricsQuery") else { continue };
        if query.text().is_some_and(|text| !text.contains("<<.GroupBy>>")) {
            let what = "metricsQuery has no <<.GroupBy>>".to_owned();
            report.add(rule, document, query.line, what, "write sum(…) by (<<.GroupBy>>)");
        }
    }
}
