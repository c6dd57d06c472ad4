//! The README beside the manifests.

use super::engine::{labels, metrics};
use super::{Engine, Service, Thresholds};
use crate::figures::figure;

pub(super) fn write(service: &Service, thresholds: &Thresholds) -> String {
    let labels = labels(service);
    let queries: String =
        metrics(service.engine).iter().map(|metric| format!("   {}\n", metric.query(&labels))).collect();
    let supposed: String = thresholds
        .assumptions
        .iter()
        .map(|assumption| format!("- Supposed, not measured: {assumption}.\n"))
        .collect();
    format!(
        "# Autoscaling of {name}\n\n\
         Made from {source}: one replica carries {rate} requests/s within its objectives, and is loaded to {share:.0} % \
         of that. {why} Each file says beside each number where it comes from.\n\n\
         **Apply one of them**, never the folder (`kubectl apply -R`): each does the whole job, and two of them undo each \
         other's work.\n\n\
         | file | needs |\n|---|---|\n\
         | hpa/hpa.yaml | prometheus-adapter with hpa/prometheus-adapter-values.yaml |\n\
         | hpa/hpa-pods.yaml | the same, where external metrics are taken by KEDA or another adapter |\n\
         {cpu}| keda/scaledobject.yaml | KEDA 2.17 or later (`fallback.behavior`) |\n\
         | kserve/standard-hpa.yaml | KServe, and prometheus-adapter as above |\n\
         | kserve/standard-keda.yaml | KServe and KEDA; no fallback: read its comments |\n\
         | kserve/knative.yaml | KServe and Knative Serving |\n{llm}\n\
         ## Check first\n\n\
         1. Names: the Deployment is called `{name}` in the namespace `{namespace}` (with KServe `{name}-predictor`), and \
         Prometheus answers at {prometheus}.\n\
         2. The metrics are there, each with one number while there is traffic. In Prometheus:\n\n   ```\n{queries}   ```\n\n\
         3. Prometheus scrapes each 15 s; with longer intervals the thresholds must be lower.\n\
         4. The readiness probe of the server says ready only when the model is loaded: the router believes it.\n\
         5. The cluster can have {max} replicas: quota, nodes and GPUs.\n\
         6. `kubectl apply --dry-run=server -f FILE` and `plimsoll plan lint FILE`.\n\
         {unsaid}{supposed}",
        cpu = match service.cpu {
            Some(_) =>
                "| hpa/hpa-resource.yaml | metrics-server; a server that its CPU binds: lint warns of it, as most are not |\n",
            None => "",
        },
        llm = match service.engine {
            Engine::Vllm => "| kserve/llm.yaml | KServe 0.21 or later with LLMInferenceService, and KEDA |\n",
            _ => "",
        },
        unsaid = match (&service.storage_uri, service.engine.takes_models_by_name()) {
            (None, false) =>
                "7. The files below kserve/ have a PLACEHOLDER where nobody said where the model lies (--storage-uri), and a \
                 `modelFormat` that is supposed (--model-format).\n",
            _ => "",
        },
        name = service.name,
        namespace = service.namespace,
        prometheus = service.prometheus,
        source = thresholds.source,
        rate = figure(thresholds.rate),
        share = thresholds.utilisation.value * 100.0,
        why = thresholds.utilisation.why,
        max = thresholds.max.value,
    )
}
