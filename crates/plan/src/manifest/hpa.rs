//! A HorizontalPodAutoscaler with the rules of prometheus-adapter that bring its metrics.

use super::engine::{labels, metrics};
use super::quantity::quantity;
use super::{Cpu, Service, Thresholds, head};
use crate::autoscale::hpa::{HpaSpec, PolicyKind, Rules, Select};
use crate::autoscale::{Metric, Signal, Source, Target};
use crate::figures::figure;
use crate::yaml::{Value, list, map, write as yaml};

/// The metrics of a service as a law has them.
pub(super) fn law_metrics(service: &Service, thresholds: &Thresholds, source: Source) -> Vec<Metric> {
    let one = |metric: super::engine::Metric| Metric {
        signal: metric.signal,
        source,
        target: Target::AverageValue(thresholds.target(metric.signal).value),
    };
    metrics(service.engine).into_iter().map(one).collect()
}

/// The rules for scaling down.
pub(super) fn down(thresholds: &Thresholds) -> Rules {
    Rules { window: thresholds.down_window.value, ..Rules::down() }
}

/// By one number for all replicas, or for each pod its own.
pub(super) fn law(service: &Service, thresholds: &Thresholds, source: Source) -> HpaSpec {
    let metrics = law_metrics(service, thresholds, source);
    HpaSpec {
        down: down(thresholds),
        ..HpaSpec::new(thresholds.min.value.max(1), thresholds.max.value, metrics)
    }
}

/// Whether the metrics of a law are those of single pods.
fn is_by_pods(law: &HpaSpec) -> bool {
    law.metrics.iter().any(|metric| metric.source == Source::Pods)
}

/// The autoscaler of the Deployment `deployment`.
pub(super) fn write(service: &Service, thresholds: &Thresholds, law: &HpaSpec, deployment: &str) -> String {
    let what = match is_by_pods(law) {
        true => {
            "A HorizontalPodAutoscaler by the metrics of single pods, for clusters whose external metrics are KEDA's or \
             another adapter's. It needs prometheus-adapter with the rules beside it. Pods that still start count as idle \
             when more are asked for, so it adds fewer at a time than hpa.yaml does."
        }
        false => "A HorizontalPodAutoscaler. It needs prometheus-adapter with the rules beside it.",
    };
    yaml(&head(what, thresholds), &document(service, thresholds, law, deployment))
}

pub(super) fn document(service: &Service, thresholds: &Thresholds, law: &HpaSpec, deployment: &str) -> Value {
    let (kind, key, of_each) = match is_by_pods(law) {
        true => {
            ("Pods", "pods", "What each replica shall have: the mean over the pods that have the metric.")
        }
        false => (
            "External",
            "external",
            "What each replica shall have. Value would multiply by the ready pods, while others start.",
        ),
    };
    let metrics = metrics(service.engine).into_iter().zip(&law.metrics).map(|(metric, law)| {
        let why = &thresholds.target(metric.signal).why;
        let target = map().noted("type", "AverageValue", of_each).noted(
            "averageValue",
            quantity(law.target.value()),
            &format!("{why} {}", thresholds.utilisation.why),
        );
        let named = map().with("metric", map().with("name", metric.name.as_str())).with("target", target);
        map().noted("type", kind, metric.why).with(key, named)
    });
    scaled(service, thresholds, law, deployment, list(metrics))
}

/// Seconds over which processor time is told: two looks of metrics-server.
const CPU_WINDOW: f64 = 30.0;

/// By processor time, which follows what is answered.
pub(super) fn cpu_law(thresholds: &Thresholds) -> HpaSpec {
    let metric = Metric {
        signal: Signal::Rate { window: CPU_WINDOW },
        source: Source::Kubelets,
        target: Target::AverageValue(thresholds.per_second.value),
    };
    HpaSpec {
        down: down(thresholds),
        ..HpaSpec::new(thresholds.min.value.max(1), thresholds.max.value, vec![metric])
    }
}

/// The autoscaler of the Deployment by processor time.
pub(super) fn by_cpu(service: &Service, thresholds: &Thresholds, law: &HpaSpec, cpu: Cpu) -> String {
    let share = thresholds.per_second.value / thresholds.rate;
    let percent = (share * cpu.at_capacity / cpu.requested * 100.0).floor().max(1.0);
    let why = format!(
        "A replica at its {} requests/s uses {} cores of the {} that it requests; {:.0} % of that. {}",
        figure(thresholds.rate),
        figure(cpu.at_capacity),
        figure(cpu.requested),
        share * 100.0,
        thresholds.utilisation.why
    );
    let target = map().with("type", "Utilization").noted("averageUtilization", percent as u32, &why);
    let metric = map()
        .noted(
            "type",
            "Resource",
            "Processor time over the requests of the containers. Only for a server that is bound by its CPU.",
        )
        .with("resource", map().with("name", "cpu").with("target", target));
    let what = "A HorizontalPodAutoscaler by processor time, for a server that is bound by it and by no accelerator. It needs \
                metrics-server, and the same requests.cpu as supposed here.";
    yaml(&head(what, thresholds), &scaled(service, thresholds, law, &service.name, list([metric])))
}

fn scaled(
    service: &Service,
    thresholds: &Thresholds,
    law: &HpaSpec,
    deployment: &str,
    metrics: Value,
) -> Value {
    let target = map().with("apiVersion", "apps/v1").with("kind", "Deployment").with("name", deployment);
    let spec = map()
        .with("scaleTargetRef", target)
        .noted("minReplicas", law.min, &thresholds.min.why)
        .noted("maxReplicas", law.max, &thresholds.max.why)
        .with("metrics", metrics)
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
    let resource = |name: &str| map().with("resource", name);
    let rule =
        |metric: &super::engine::Metric, series: String, overrides: Value, query: String, why: &str| {
            map()
                .with("seriesQuery", series)
                .with("resources", map().with("overrides", overrides))
                .noted(
                    "name",
                    map().with("as", metric.name.as_str()),
                    "The metrics APIs of Kubernetes take no colons in names.",
                )
                .noted("metricsQuery", query, why)
        };
    let all = metrics(service.engine);
    let external = all.iter().map(|metric| {
        rule(
            metric,
            format!("{}{{namespace!=\"\"}}", metric.series),
            map().with("namespace", resource("namespace")),
            metric.query(&matchers),
            "One number for all replicas: the autoscaler divides it by what each shall have.",
        )
    });
    let custom = all.iter().map(|metric| {
        rule(
            metric,
            format!("{}{{namespace!=\"\",pod!=\"\"}}", metric.series),
            map().with("namespace", resource("namespace")).with("pod", resource("pod")),
            metric.query_by("<<.GroupBy>>", &matchers),
            "A number for each pod.",
        )
    });
    let rules = map()
        .noted(
            "external",
            list(external),
            "For hpa.yaml. Leave it out where KEDA serves the external metrics.",
        )
        .noted("custom", list(custom), "For hpa-pods.yaml.");
    let document = map().with("rules", rules);
    let head = "Values for the Helm chart prometheus-community/prometheus-adapter: merge them with yours.\n\nCheck that the \
                metric is there before the autoscaler is: kubectl get --raw \
                /apis/external.metrics.k8s.io/v1beta1/namespaces/NAMESPACE/METRIC, or for single pods \
                /apis/custom.metrics.k8s.io/v1beta1/namespaces/NAMESPACE/pods/*/METRIC";
    yaml(head, &document)
}
