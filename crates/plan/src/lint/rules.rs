//! All rules: what each is called, how much it matters, and why.

use super::document::Document;
use super::{Report, Severity, adapter, hpa, keda, kserve, together, triggers};

/// A rule.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// Why there is such a rule, in a sentence.
    pub why: &'static str,
    check: fn(&Rule, &[Document], &mut Report<'_>),
}

impl Rule {
    pub(super) fn check(&self, documents: &[Document], report: &mut Report<'_>) {
        (self.check)(self, documents, report);
    }
}

const fn error(
    name: &'static str,
    why: &'static str,
    check: fn(&Rule, &[Document], &mut Report<'_>),
) -> Rule {
    Rule { name, severity: Severity::Error, why, check }
}

const fn warning(
    name: &'static str,
    why: &'static str,
    check: fn(&Rule, &[Document], &mut Report<'_>),
) -> Rule {
    Rule { name, severity: Severity::Warning, why, check }
}

/// All rules.
pub const RULES: &[Rule] = &[
    // For all of them.
    error("bounds", "Fewer replicas at most than at least are refused, or never scale.", together::bounds),
    error(
        "two-autoscalers",
        "Two autoscalers of one workload undo each other's work.",
        together::two_autoscalers,
    ),
    warning(
        "scales-on-cpu",
        "A server that is bound by its GPU is saturated while its CPU idles, and its memory says nothing of load.",
        together::cpu,
    ),
    // HorizontalPodAutoscaler.
    error(
        "api-removed",
        "autoscaling/v2beta1 is gone since Kubernetes 1.25, autoscaling/v2beta2 since 1.26.",
        hpa::api_removed,
    ),
    error(
        "metric-name-colon",
        "The metrics APIs of Kubernetes take no colons in names: the request for such a metric fails.",
        hpa::colons,
    ),
    warning(
        "value-times-ready",
        "`Value` multiplies the ratio by the ready pods: while pods start, it asks for more again and again, or for too few.",
        hpa::value,
    ),
    error(
        "tolerance-version",
        "`tolerance` is alpha in Kubernetes 1.33, on by default since 1.35, and dropped in silence where it is off.",
        hpa::tolerance_version,
    ),
    error(
        "tolerance-over-capacity",
        "Nothing happens within the tolerance (10 % unless said otherwise): the target must lie so far below what a replica carries.",
        hpa::tolerance_over_capacity,
    ),
    error(
        "zero-replicas",
        "`minReplicas: 0` needs Kubernetes 1.37, or the feature gate HPAScaleToZero, and a metric that is there without pods.",
        hpa::zero,
    ),
    // KEDA.
    error(
        "null-is-zero",
        "By default a query without a result counts as 0: an outage of the metrics scales the fleet down.",
        keda::null_is_zero,
    ),
    error(
        "metadata-not-text",
        "All values in `metadata` of a trigger are texts: a number without quotes is refused.",
        keda::metadata_not_text,
    ),
    error(
        "zero-loses-its-metric",
        "Without replicas there are no series of servers: nothing wakes the first replica.",
        keda::zero_loses_its_metric,
    ),
    warning(
        "cooldown-is-about-zero",
        "`cooldownPeriod` is about the way to zero (or idle) alone; with a minimum above 0 it does nothing.",
        keda::cooldown,
    ),
    error(
        "idle-replicas",
        "`idleReplicaCount` must be less than `minReplicaCount`, and KEDA allows 0 only.",
        keda::idle,
    ),
    warning(
        "no-fallback",
        "Without a fallback a fleet keeps its size while its metrics are gone, however traffic grows.",
        keda::no_fallback,
    ),
    warning(
        "fallback-needs-average",
        "Before KEDA 2.18 a fallback counts for triggers with AverageValue only.",
        keda::fallback_needs_average,
    ),
    error(
        "fallback-out-of-bounds",
        "More replicas of a fallback than `maxReplicaCount` never come.",
        keda::fallback_out_of_bounds,
    ),
    // Queries, wherever they are.
    error(
        "many-series",
        "A query with several series is an error: it works with one pod, and breaks with the second.",
        triggers::many_series,
    ),
    error(
        "metric-gone",
        "Engines rename metrics; a query for the old name has no result.",
        triggers::metric_gone,
    ),
    error(
        "counter-without-rate",
        "A counter only grows: whoever scales on it never scales down.",
        triggers::counter_without_rate,
    ),
    warning(
        "scales-on-latency",
        "Latency is flat until it is too late, rises with each retry, and has no value without traffic.",
        triggers::latency,
    ),
    warning(
        "scales-on-gpu-utilisation",
        "GPU utilisation counts the time in which any kernel runs: it reads 100 % far below capacity.",
        triggers::gpu_utilisation,
    ),
    warning(
        "scales-on-cache-alone",
        "KV cache usage stays flat where the number of sequences binds, and the prefix cache keeps it high without load.",
        triggers::cache_alone,
    ),
    // KServe.
    warning(
        "mode-renamed",
        "KServe calls its deployment modes Standard and Knative now.",
        kserve::mode_renamed,
    ),
    error(
        "scale-metric-with-keda",
        "KServe refuses `scaleMetric` with the autoscaler class keda.",
        kserve::scale_metric_with_keda,
    ),
    error(
        "class-hpa-wants-resources",
        "KServe's class hpa takes metrics of the type Resource only.",
        kserve::class_hpa,
    ),
    error(
        "external-incomplete",
        "An External metric of KServe needs a query and `target.value`.",
        kserve::external_incomplete,
    ),
    warning(
        "behavior-dropped",
        "Of `behavior` KServe's class keda copies the stabilisation windows only.",
        kserve::behavior_dropped,
    ),
    error(
        "field-dropped",
        "KServe has no such field beside `autoScaling`'s own: it is dropped in silence, or refused.",
        kserve::field_dropped,
    ),
    warning(
        "class-hpa-min-zero",
        "KServe's class hpa makes at least one replica of `minReplicas: 0`.",
        kserve::class_hpa_min_zero,
    ),
    error(
        "memory-over-100",
        "KServe refuses memory targets over 100 with class hpa.",
        kserve::memory_over_100,
    ),
    warning(
        "class-in-knative",
        "In the mode Knative the annotation autoscalerClass is Knative's business; KServe's classes do nothing.",
        kserve::class_in_knative,
    ),
    error(
        "limit-below-target",
        "A replica that takes fewer requests at once than its target never reaches it, so nothing scales.",
        kserve::limit_below_target,
    ),
    error(
        "llm-scaling",
        "`scaling` of an LLMInferenceService excludes `replicas`, and has exactly one of `wva` and `keda`.",
        kserve::llm_scaling,
    ),
    // prometheus-adapter.
    error(
        "rule-keeps-colon",
        "A rule without `name` calls its metric as the series: with a colon nobody can ask for it.",
        adapter::keeps_colon,
    ),
    error(
        "rule-ungrouped",
        "A rule for pods that is not grouped by `<<.GroupBy>>` gives all pods the same number, or none.",
        adapter::ungrouped,
    ),
];
