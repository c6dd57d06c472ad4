//! Queries that scale something, wherever a manifest has them, and rules about all of them.

use super::document::{Document, Kind};
use super::query::{Expr, parse};
use super::{Report, Rule};
use crate::yaml::Node;

/// A query that scales something.
pub(super) struct Trigger<'a> {
    pub(super) document: &'a Document,
    /// The trigger of KEDA, or the metric of KServe.
    pub(super) node: &'a Node,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Keda,
    KServe,
}

impl<'a> Trigger<'a> {
    pub(super) fn is_keda(&self) -> bool {
        self.form == Form::Keda
    }

    /// Its type: `prometheus`, `cpu`.
    pub(super) fn kind(&self) -> &'a str {
        match self.form {
            Form::Keda => self.node.text_at(&["type"]).unwrap_or_default(),
            Form::KServe => self.node.text_at(&["external", "metric", "backend"]).unwrap_or_default(),
        }
    }

    pub(super) fn is_prometheus(&self) -> bool {
        self.kind() == "prometheus"
    }

    pub(super) fn name(&self) -> &'a str {
        self.node.text_at(&["name"]).unwrap_or_default()
    }

    pub(super) fn query(&self) -> Option<&'a Node> {
        match self.form {
            Form::Keda => self.node.at(&["metadata", "query"]),
            Form::KServe => self.node.at(&["external", "metric", "query"]),
        }
    }

    /// What a replica shall have.
    pub(super) fn threshold(&self) -> Option<&'a Node> {
        match self.form {
            Form::Keda => self.node.at(&["metadata", "threshold"]),
            Form::KServe => self.node.at(&["external", "target", "value"]),
        }
    }

    fn expr(&self) -> Option<(&'a Node, Expr)> {
        let query = self.query().filter(|_| self.is_prometheus())?;
        Some((query, parse(query.text()?)?))
    }

    pub(super) fn reads_servers_only(&self) -> bool {
        let of_server = |(name, _): &(&str, bool)| SERVERS.iter().any(|prefix| name.starts_with(prefix));
        self.expr().is_some_and(|(_, expr)| {
            let metrics = expr.metrics();
            !metrics.is_empty() && metrics.iter().all(of_server)
        })
    }
}

/// How the metrics of model servers begin.
const SERVERS: [&str; 7] = ["vllm:", "sglang:", "tgi_", "nv_inference", "nv_gpu", "ts_", "DCGM_"];

/// All triggers of ScaledObjects and LLMInferenceServices, and all External metrics of InferenceServices.
pub(super) fn all(documents: &[Document]) -> Vec<Trigger<'_>> {
    documents.iter().flat_map(of).collect()
}

pub(super) fn of(document: &Document) -> Vec<Trigger<'_>> {
    let paths: &[&[&str]] = match document.kind {
        Kind::ScaledObject => &[&["spec", "triggers"]],
        Kind::LlmInferenceService => {
            &[&["spec", "scaling", "keda", "triggers"], &["spec", "prefill", "scaling", "keda", "triggers"]]
        }
        Kind::InferenceService => &[
            &["spec", "predictor", "autoScaling", "metrics"],
            &["spec", "transformer", "autoScaling", "metrics"],
        ],
        _ => &[],
    };
    let form = if document.kind == Kind::InferenceService { Form::KServe } else { Form::Keda };
    let items = paths.iter().filter_map(|path| document.node.at(path)).flat_map(Node::items);
    items
        .map(|node| Trigger { document, node, form })
        .filter(|trigger| trigger.is_keda() || trigger.node.text_at(&["type"]) == Some("External"))
        .collect()
}

pub(super) fn many_series(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for trigger in all(documents) {
        if let Some((query, expr)) = trigger.expr().filter(|(_, expr)| !expr.is_single()) {
            let names: Vec<&str> = expr.metrics().into_iter().map(|(name, _)| name).collect();
            let what = format!("the query has a series for each pod of {}", names.join(", "));
            report.add(rule, trigger.document, query.line, what, "put sum(…) around it, without `by`");
        }
    }
}

/// Names that engines no longer have, since when, and what came in their place.
const GONE: [(&str, &str, &str); 2] = [
    ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc", "vLLM 0.33 has no"),
    ("vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds", "vLLM 0.33 has no"),
];

pub(super) fn metric_gone(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for trigger in all(documents) {
        let Some((query, expr)) = trigger.expr() else { continue };
        let names: Vec<&str> = expr.metrics().into_iter().map(|(name, _)| name).collect();
        for (old, new, who) in GONE {
            let is = |name: &&str, wanted: &str| name.starts_with(wanted);
            let asked = names.iter().any(|name| is(name, old));
            if asked && !names.iter().any(|name| is(name, new)) {
                let todo = format!("ask for `{new} or {old}`, so that older servers count too");
                report.add(rule, trigger.document, query.line, format!("{who} {old}"), &todo);
            }
        }
    }
}

/// Counters of model servers whose names do not end in `_total`.
const COUNTERS: [&str; 10] = [
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_request_duration_us",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_infer_duration_us",
    "ts_queue_latency_microseconds",
    "ts_inference_latency_microseconds",
    "tgi_request_count",
];

pub(super) fn counter_without_rate(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for trigger in all(documents) {
        let Some((query, expr)) = trigger.expr() else { continue };
        for (name, grown) in expr.metrics() {
            let ends = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end));
            let counter = COUNTERS.contains(&name) || ends && name != "nv_inference_pending_request_count";
            if counter && !grown {
                let what = format!("{name} is a counter");
                let todo = format!("ask for sum(rate({name}[1m]))");
                report.add(rule, trigger.document, query.line, what, &todo);
            }
        }
    }
}

pub(super) fn latency(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    for trigger in all(documents) {
        let Some((query, expr)) = trigger.expr() else { continue };
        let time = |name: &str| {
            ["_seconds", "_seconds_sum", "_seconds_bucket", "_latency_microseconds"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        if expr.calls("histogram_quantile") || expr.metrics().iter().any(|(name, _)| time(name)) {
            let what = "the query is about latency".to_owned();
            let todo = "scale on requests in flight, in the queue or per second; use latency for alerts";
            report.add(rule, trigger.document, query.line, what, todo);
        }
    }
}

pub(super) fn gpu_utilisation(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    const ADVICE: &str = "scale on requests in flight or in the queue";
    let busy = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["dcgm_fi_dev_gpu_util", "nv_gpu_utilization"].iter().any(|metric| name.starts_with(metric))
    };
    for trigger in all(documents) {
        let Some((query, expr)) = trigger.expr() else { continue };
        if let Some((name, _)) = expr.metrics().into_iter().find(|(name, _)| busy(name)) {
            report.add(rule, trigger.document, query.line, format!("the query asks for {name}"), ADVICE);
        }
    }
    for metric in super::hpa::metrics(documents) {
        if let Some(name) = metric.name().filter(|name| name.text().is_some_and(busy)) {
            let what = format!("the metric is {}", name.text().unwrap_or_default());
            report.add(rule, metric.document, name.line, what, ADVICE);
        }
    }
}

pub(super) fn cache_alone(rule: &Rule, documents: &[Document], report: &mut Report<'_>) {
    let cache = |name: &str| name.contains("cache_usage_perc") || name == "sglang:token_usage";
    for document in documents {
        let triggers = of(document);
        let queries: Vec<(&Node, Expr)> = triggers.iter().filter_map(Trigger::expr).collect();
        let only = |(_, expr): &(&Node, Expr)| expr.metrics().iter().all(|(name, _)| cache(name));
        if let Some((query, _)) =
            queries.first().filter(|_| queries.iter().all(only) && triggers.len() == queries.len())
        {
            let what = "the only trigger is the usage of the KV cache".to_owned();
            report.add(
                rule,
                document,
                query.line,
                what,
                "add a trigger on requests in flight: the greatest counts",
            );
        }
    }
}
