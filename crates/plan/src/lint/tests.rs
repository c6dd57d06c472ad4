//! Each rule with an example that it catches and one that it lets pass.

use super::*;

const HPA: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: m}\n";
const KEDA: &str = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: m}\n";
const ISVC: &str = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n";
const LLM: &str = "apiVersion: serving.kserve.io/v1alpha1\nkind: LLMInferenceService\nmetadata: {name: m}\n";

fn hpa(spec: &str) -> String {
    format!("{HPA}spec: {{scaleTargetRef: {{kind: Deployment, name: m}}, maxReplicas: 9, {spec}}}\n")
}

fn external(target: &str) -> String {
    hpa(&format!("metrics: [{{type: External, external: {{metric: {{name: rps}}, target: {target}}}}}]"))
}

/// A ScaledObject that is well but for what is given.
fn keda(spec: &str, metadata: &str, trigger: &str) -> String {
    format!(
        "{KEDA}spec:\n  scaleTargetRef: {{name: m}}\n  {spec}\n  triggers:\n  - {{type: prometheus, {trigger} \
         metadata: {{serverAddress: \"http://p:9090\", {metadata}}}}}\n"
    )
}

const FALLBACK: &str =
    "fallback: {failureThreshold: 3, replicas: 4}\n  minReplicaCount: 2\n  maxReplicaCount: 9";

fn query(query: &str) -> String {
    keda(FALLBACK, &format!("query: '{query}', threshold: \"5\", ignoreNullValues: \"false\""), "")
}

/// An InferenceService in the mode Standard, of a class.
fn isvc(class: &str, predictor: &str) -> String {
    format!(
        "{ISVC}metadata: {{name: m, annotations: {{serving.kserve.io/deploymentMode: Standard, \
         serving.kserve.io/autoscalerClass: {class}}}}}\nspec: {{predictor: {{{predictor}}}}}\n"
    )
}

fn scaled_isvc(scaling: &str) -> String {
    isvc(
        "keda",
        &format!(
            "autoScaling: {{metrics: [{{type: External, external: {{metric: {{backend: prometheus, query: sum(x)}}, target: {{type: Value, value: \"5\"}}}}}}]{scaling}}}"
        ),
    )
}

fn options() -> Options {
    Options { kubernetes: None, capacities: vec![("rps".to_owned(), 10.0)] }
}

fn older(minor: u32) -> Options {
    Options { kubernetes: Some(Version(1, minor)), ..options() }
}

fn look(text: &str, options: &Options) -> Vec<Finding> {
    let files = [File { name: "m.yaml".to_owned(), text: text.to_owned() }];
    lint(&files, options).unwrap_or_else(|error| panic!("{error}\n{text}")).findings
}

/// Every rule with a bad and a good example.
fn examples() -> Vec<(&'static str, Options, String, String)> {
    let good_query = query("sum(vllm:num_requests_running) + sum(vllm:num_requests_waiting)");
    let cpu = "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]";
    let both = |first: &str, second: &str| format!("{first}---\n{second}");
    let average = |value: &str| external(&format!("{{type: AverageValue, averageValue: \"{value}\"}}"));
    let tolerance = hpa("behavior: {scaleUp: {tolerance: \"0.05\"}}");
    let zero = "minReplicas: 0, metrics: [{type: External, external: {metric: {name: q}, target: {type: AverageValue, averageValue: \"1\"}}}]";
    let knative = |limit: u32| {
        format!(
            "{ISVC}metadata: {{name: m}}\nspec: {{predictor: {{scaleMetric: concurrency, scaleTarget: 48, containerConcurrency: {limit}}}}}\n"
        )
    };
    let llm = |scaling: &str| format!("{LLM}spec: {{{scaling}}}\n");
    let llm_keda = "keda: {fallback: {failureThreshold: 3, replicas: 4}, triggers: [{type: prometheus, metadata: {query: sum(x), threshold: \"5\", ignoreNullValues: \"false\"}}]}";
    let series = "seriesQuery: 'vllm:num_requests_running{pod!=\"\"}'";
    let grouped = "metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'";
    let renamed = "name: {as: running}";
    vec![
        ("bounds", options(), hpa("minReplicas: 10"), hpa("minReplicas: 9")),
        (
            "two-autoscalers",
            options(),
            both(&average("5"), &good_query),
            both(&average("5"), &good_query.replace("{name: m}", "{name: other}")),
        ),
        ("scales-on-cpu", options(), hpa(cpu), average("5")),
        ("api-removed", options(), hpa("").replace("autoscaling/v2", "autoscaling/v2beta2"), hpa("")),
        (
            "metric-name-colon",
            options(),
            average("5").replace("name: rps", "name: \"vllm:running\""),
            average("5"),
        ),
        ("value-times-ready", options(), external("{type: Value, value: \"5\"}"), average("5")),
        ("tolerance-version", older(34), tolerance.clone(), hpa("")),
        ("tolerance-over-capacity", options(), average("9.5"), average("9")),
        ("zero-replicas", older(36), hpa(zero), hpa(&zero.replace("minReplicas: 0", "minReplicas: 1"))),
        (
            "null-is-zero",
            options(),
            keda(FALLBACK, "query: sum(x), threshold: \"5\"", ""),
            good_query.clone(),
        ),
        (
            "metadata-not-text",
            options(),
            keda(FALLBACK, "query: sum(x), threshold: 5, ignoreNullValues: \"false\"", ""),
            good_query.clone(),
        ),
        (
            "zero-loses-its-metric",
            options(),
            good_query.replace("minReplicaCount: 2", "minReplicaCount: 0"),
            good_query.clone(),
        ),
        (
            "cooldown-is-about-zero",
            options(),
            good_query.replace("minReplicaCount: 2", "minReplicaCount: 2\n  cooldownPeriod: 900"),
            query("sum(gateway_requests)")
                .replace("minReplicaCount: 2", "minReplicaCount: 0\n  cooldownPeriod: 900"),
        ),
        (
            "idle-replicas",
            options(),
            query("sum(x)").replace("minReplicaCount: 2", "minReplicaCount: 2\n  idleReplicaCount: 1"),
            query("sum(x)").replace("minReplicaCount: 2", "minReplicaCount: 2\n  idleReplicaCount: 0"),
        ),
        (
            "no-fallback",
            options(),
            keda("minReplicaCount: 2", "query: sum(x), threshold: \"5\", ignoreNullValues: \"false\"", ""),
            good_query.clone(),
        ),
        (
            "fallback-needs-average",
            options(),
            keda(
                FALLBACK,
                "query: sum(x), threshold: \"5\", ignoreNullValues: \"false\"",
                "metricType: Value,",
            ),
            keda(
                FALLBACK,
                "query: sum(x), threshold: \"5\", ignoreNullValues: \"false\"",
                "metricType: AverageValue,",
            ),
        ),
        (
            "fallback-out-of-bounds",
            options(),
            good_query.replace("replicas: 4", "replicas: 40"),
            good_query.clone(),
        ),
        ("many-series", options(), query("vllm:num_requests_waiting{model=\"m\"}"), good_query.clone()),
        (
            "metric-gone",
            options(),
            query("max(vllm:gpu_cache_usage_perc) + sum(x)"),
            query("max(vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc) + sum(x)"),
        ),
        (
            "counter-without-rate",
            options(),
            query("sum(nv_inference_queue_duration_us)"),
            query("sum(rate(nv_inference_request_success[1m])) + sum(nv_inference_pending_request_count)"),
        ),
        (
            "scales-on-latency",
            options(),
            query("histogram_quantile(0.95, sum(rate(vllm:time_to_first_token_seconds_bucket[1m])) by (le))"),
            good_query.clone(),
        ),
        ("scales-on-gpu-utilisation", options(), query("avg(DCGM_FI_DEV_GPU_UTIL)"), good_query.clone()),
        ("scales-on-cache-alone", options(), query("avg(vllm:kv_cache_usage_perc)"), good_query.clone()),
        ("mode-renamed", options(), scaled_isvc("").replace("Standard", "RawDeployment"), scaled_isvc("")),
        (
            "scale-metric-with-keda",
            options(),
            isvc("keda", "scaleMetric: rps, scaleTarget: 5"),
            scaled_isvc(""),
        ),
        (
            "class-hpa-wants-resources",
            options(),
            scaled_isvc("").replace("Class: keda", "Class: hpa"),
            scaled_isvc(""),
        ),
        (
            "external-incomplete",
            options(),
            scaled_isvc("").replace("query: sum(x)", "query: ''"),
            scaled_isvc(""),
        ),
        (
            "behavior-dropped",
            options(),
            scaled_isvc(", behavior: {scaleDown: {policies: []}}"),
            scaled_isvc(", behavior: {scaleDown: {stabilizationWindowSeconds: 600}}"),
        ),
        ("field-dropped", options(), scaled_isvc(", pollingInterval: 5"), scaled_isvc("")),
        ("class-hpa-min-zero", options(), isvc("hpa", "minReplicas: 0"), isvc("hpa", "minReplicas: 1")),
        (
            "memory-over-100",
            options(),
            isvc("hpa", "scaleMetric: memory, scaleTarget: 120"),
            isvc("hpa", "scaleMetric: memory, scaleTarget: 90"),
        ),
        ("class-in-knative", options(), scaled_isvc("").replace("Standard", "Knative"), scaled_isvc("")),
        ("limit-below-target", options(), knative(40), knative(64)),
        (
            "llm-scaling",
            options(),
            llm(&format!("replicas: 2, scaling: {{minReplicas: 2, {llm_keda}}}")),
            llm(&format!("scaling: {{minReplicas: 2, {llm_keda}}}")),
        ),
        (
            "rule-keeps-colon",
            options(),
            format!("rules:\n- {series}\n  {grouped}\n"),
            format!("rules:\n- {series}\n  {renamed}\n  {grouped}\n"),
        ),
        (
            "rule-ungrouped",
            options(),
            format!("rules:\n  custom:\n  - {series}\n    {renamed}\n    metricsQuery: 'sum(<<.Series>>)'\n"),
            format!("rules:\n  custom:\n  - {series}\n    {renamed}\n    {grouped}\n"),
        ),
    ]
}

#[test]
fn each_rule_catches_its_bad_example_and_lets_the_good_one_pass() {
    let examples = examples();
    for rule in RULES {
        let (_, options, bad, good) = examples.iter().find(|(name, ..)| *name == rule.name).expect(rule.name);
        let names = |text| look(text, options).iter().map(|finding| finding.rule).collect::<Vec<_>>();
        assert!(names(bad).contains(&rule.name), "{}: {bad}", rule.name);
        assert!(!names(good).contains(&rule.name), "{}: {good}", rule.name);
    }
    assert_eq!(examples.len(), RULES.len());
}

#[test]
fn findings_say_where_what_and_what_to_do() {
    let mut text = String::new();
    for (_, options, bad, _) in examples() {
        for finding in look(&bad, &options) {
            let Finding { line, rule, what, todo, severity, .. } = finding;
            text.push_str(&format!("{line}: {} {rule}: {what}; {todo}\n", severity.word()));
        }
    }
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| line.split(' ').nth(2).unwrap_or_default().to_owned());
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn versions_gate() {
    let rules = |minor| look(&hpa("behavior: {scaleUp: {tolerance: \"0.05\"}}"), &older(minor)).len();
    assert_eq!((rules(32), rules(33), rules(34), rules(35)), (1, 1, 1, 0));
    let removed =
        |minor| look(&hpa("").replace("autoscaling/v2", "autoscaling/v2beta2"), &older(minor)).len();
    assert_eq!((removed(25), removed(26)), (0, 1));
}

#[test]
fn lists_and_several_files_are_looked_at_together() {
    let file = |name: &str, text: String| File { name: name.to_owned(), text };
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}\n",
        hpa("minReplicas: 10").trim_end().replace('\n', "\n  ")
    );
    let files =
        [file("a.yaml", list), file("b.yaml", query("sum(x)")), file("c.yaml", "kind: Secret\n".to_owned())];
    let findings = lint(&files, &options()).unwrap();
    assert_eq!((findings.known, findings.unknown), (2, 1));
    let rules: Vec<(&str, &str)> = findings.findings.iter().map(|f| (f.file.as_str(), f.rule)).collect();
    assert_eq!(rules, [("a.yaml", "bounds"), ("b.yaml", "two-autoscalers")]);
    let broken = lint(&[file("d.yaml", "a: [".to_owned())], &options()).unwrap_err().to_string();
    assert!(broken.starts_with("d.yaml: line "), "{broken}");
}

#[test]
fn the_page_lists_each_rule_as_it_is() {
    let page = include_str!("../../../../docs/AUTOSCALING.md");
    for rule in RULES {
        let row = format!("| `{}` | {} | {} |", rule.name, rule.severity.word(), rule.why);
        assert!(page.contains(&row), "docs/AUTOSCALING.md lacks {row}");
    }
}
