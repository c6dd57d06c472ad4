//! Manifests of autoscalers: each threshold derived from what was measured, and explained beside it.
//!
//! ```text
//!  Capacity, Scene, traffic --> Thresholds --> laws (autoscale) --> YAML with comments, which lint finds nothing in
//! ```

mod engine;
mod hpa;
mod keda;
mod kserve;
mod llm;
mod quantity;
mod readme;
#[cfg(test)]
mod tests;
mod thresholds;

use serde::{Deserialize, Serialize};

pub use engine::Engine;
pub use thresholds::{Bounds, Explained, Thresholds};

use crate::autoscale::{Law, Source};
use crate::figures::figure;

/// The service that is scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name: of the Deployment, the autoscaler and the InferenceService.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The server inside, which decides what there is to scale on.
    pub engine: Engine,
    /// The model as the server calls it in the labels of its metrics; empty asks for all models of the namespace.
    pub model: String,
    /// `modelFormat` of KServe; nothing where nobody said one.
    pub model_format: Option<String>,
    /// `storageUri` of KServe; nothing where nobody said one.
    pub storage_uri: Option<String>,
    /// Where KEDA finds Prometheus.
    pub prometheus: String,
    /// What a replica takes of its processors, where it is they that bind it.
    pub cpu: Option<Cpu>,
}

/// Cores of a replica that is bound by them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// Those that it uses at its certified load; above 0.
    pub at_capacity: f64,
    /// Those that its containers request; above 0.
    pub requested: f64,
}

impl Service {
    /// Where nobody says another namespace.
    pub const NAMESPACE: &str = "default";
    /// Where Prometheus is where nobody says otherwise: as its Helm chart puts it.
    pub const PROMETHEUS: &str = "http://prometheus.monitoring:9090";

    /// A service of this name with all of the above, and without a model of its own.
    pub fn new(name: &str, engine: Engine) -> Service {
        Service {
            name: name.to_owned(),
            namespace: Self::NAMESPACE.to_owned(),
            engine,
            model: String::new(),
            model_format: None,
            storage_uri: None,
            prometheus: Self::PROMETHEUS.to_owned(),
            cpu: None,
        }
    }
}

/// A file of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its name, below the folder of the manifests.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// The law that it applies, if it is an autoscaler.
    pub law: Option<Law>,
}

/// All manifests of a service, and a README that says what to check first. Each of the autoscalers does the whole job:
/// apply one of them.
pub fn manifests(service: &Service, thresholds: &Thresholds) -> Vec<Manifest> {
    let file = |name: &str, text: String, law: Option<Law>| Manifest { name: name.to_owned(), text, law };
    let hpa = hpa::law(service, thresholds, Source::Servers);
    let pods = hpa::law(service, thresholds, Source::Pods);
    let keda = keda::law(service, thresholds);
    let kserve_keda = kserve::keda_law(service, thresholds);
    let knative = kserve::knative_law(thresholds);
    let name = &service.name;
    let mut files = vec![
        file("hpa/prometheus-adapter-values.yaml", hpa::adapter(service), None),
        file("hpa/hpa.yaml", hpa::write(service, thresholds, &hpa, name), Some(Law::Hpa(hpa.clone()))),
        file("hpa/hpa-pods.yaml", hpa::write(service, thresholds, &pods, name), Some(Law::Hpa(pods))),
        file(
            "keda/scaledobject.yaml",
            keda::write(service, thresholds, &keda),
            Some(Law::Keda(keda.clone())),
        ),
        file("kserve/standard-hpa.yaml", kserve::with_hpa(service, thresholds, &hpa), Some(Law::Hpa(hpa))),
        file(
            "kserve/standard-keda.yaml",
            kserve::with_keda(service, thresholds, &kserve_keda),
            Some(Law::Keda(kserve_keda)),
        ),
        file(
            "kserve/knative.yaml",
            kserve::knative(service, thresholds, &knative),
            Some(Law::Knative(knative)),
        ),
    ];
    if let Some(cpu) = service.cpu {
        let law = hpa::cpu_law(thresholds);
        files.push(file(
            "hpa/hpa-resource.yaml",
            hpa::by_cpu(service, thresholds, &law, cpu),
            Some(Law::Hpa(law)),
        ));
    }
    if service.engine == Engine::Vllm {
        // An LLMInferenceService runs vLLM.
        files.push(file("kserve/llm.yaml", llm::write(service, thresholds, &keda), Some(Law::Keda(keda))));
    }
    files.push(file("README.md", readme::write(service, thresholds), None));
    files
}

/// The head of a file.
fn head(what: &str, thresholds: &Thresholds) -> String {
    format!(
        "{what}\n\nThe thresholds come from {}: one replica carries {} requests/s within its objectives. Measure again \
         and make this file anew when model, engine, hardware or traffic change.",
        thresholds.source,
        figure(thresholds.rate)
    )
}
