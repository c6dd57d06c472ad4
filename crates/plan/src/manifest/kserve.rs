//! InferenceServices of KServe, in its three ways of scaling.

use super::engine::{labels, metrics};
use super::hpa::{document as hpa_document, law_metrics, metadata};
use super::{Engine, Service, Thresholds, head};
use crate::autoscale::Source;
use crate::autoscale::hpa::{HpaSpec, Rules};
use crate::autoscale::keda::{KedaSpec, Trigger};
use crate::autoscale::knative::{KnativeMetric, KnativeSpec};
use crate::figures::figure;
use crate::yaml::{Value, list, map, write as yaml};

/// What KServe's class keda makes of an InferenceService: KEDA's defaults, and the stabilisation windows.
pub(super) fn keda_law(service: &Service, thresholds: &Thresholds) -> KedaSpec {
    let trigger = |metric| Trigger { metric, activation: 0.0, ignore_null: true };
    let triggers = law_metrics(service, thresholds, Source::Servers).into_iter().map(trigger).collect();
    KedaSpec {
        down: Rules { window: thresholds.down_window.value, ..Rules::down() },
        ..KedaSpec::new(thresholds.min.value.max(1), thresholds.max.value, triggers)
    }
}

pub(super) fn knative_law(thresholds: &Thresholds) -> KnativeSpec {
    let (min, max) = (thresholds.min.value, thresholds.max.value);
    let target = thresholds.in_flight.value.floor().max(1.0); // KServe takes whole numbers
    KnativeSpec {
        down_delay: f64::from(thresholds.down_window.value),
        ..KnativeSpec::new(min, max, KnativeMetric::Concurrency, target)
    }
}

/// `Standard`, with an autoscaler of our own.
pub(super) fn with_hpa(service: &Service, thresholds: &Thresholds, law: &HpaSpec) -> String {
    let annotations = map().with("serving.kserve.io/deploymentMode", "Standard").noted(
        "serving.kserve.io/autoscalerClass",
        "external",
        "KServe's own class hpa takes CPU and memory only. So it leaves scaling to the autoscaler below.",
    );
    let predictor = map()
        .noted("minReplicas", law.min, &thresholds.min.why)
        .with("maxReplicas", law.max)
        .with("model", model(service));
    let head = head(
        "KServe in the mode Standard with a HorizontalPodAutoscaler. It needs prometheus-adapter with the rules of \
         ../hpa/prometheus-adapter-values.yaml.",
        thresholds,
    );
    let scaler = hpa_document(service, thresholds, law, &format!("{}-predictor", service.name));
    format!("{}---\n{}", yaml(&head, &inference_service(service, annotations, predictor)), yaml("", &scaler))
}

/// `Standard`, scaled by KEDA.
pub(super) fn with_keda(service: &Service, thresholds: &Thresholds, law: &KedaSpec) -> String {
    let annotations = map()
        .with("serving.kserve.io/deploymentMode", "Standard")
        .with("serving.kserve.io/autoscalerClass", "keda");
    let labels = labels(service);
    let metrics = metrics(service.engine).into_iter().zip(&law.triggers).map(|(metric, trigger)| {
        let why = &thresholds.target(metric.signal).why;
        let source = map()
            .with("backend", "prometheus")
            .with("serverAddress", service.prometheus.as_str())
            .with("query", metric.query(&labels));
        let target = map()
            .noted("type", "Value", "KServe wants Value, and KEDA takes it as what each replica shall have.")
            .noted(
                "value",
                figure(trigger.metric.target.value()),
                &format!("{why} {}", thresholds.utilisation.why),
            );
        map()
            .noted("type", "External", metric.why)
            .with("external", map().with("metric", source).with("target", target))
    });
    let down = map().noted("stabilizationWindowSeconds", law.down.window, &thresholds.down_window.why);
    let scaling = map().with("metrics", list(metrics)).noted(
        "behavior",
        map().with("scaleDown", down),
        "KServe copies the windows only: policies, tolerance, polling, fallback and ignoreNullValues are not to be had \
         here. While Prometheus is out the fleet keeps its size, and where it answers that there is no such series it goes to \
         minReplicas; where that matters use ../keda/scaledobject.yaml with the class external.",
    );
    let predictor = map()
        .noted("minReplicas", law.min, &thresholds.min.why)
        .noted("maxReplicas", law.max, &thresholds.max.why)
        .with("autoScaling", scaling)
        .with("model", model(service));
    yaml(
        &head("KServe in the mode Standard, scaled by KEDA.", thresholds),
        &inference_service(service, annotations, predictor),
    )
}

/// `Knative`.
pub(super) fn knative(service: &Service, thresholds: &Thresholds, law: &KnativeSpec) -> String {
    let annotations = map()
        .with("serving.kserve.io/deploymentMode", "Knative")
        .noted(
            "autoscaling.knative.dev/target-utilization-percentage",
            "100",
            "The target below has its headroom already. Knative would take another 30 % off.",
        )
        .with("autoscaling.knative.dev/window", format!("{}s", law.window))
        .noted(
            "autoscaling.knative.dev/scale-down-delay",
            format!("{}s", law.down_delay),
            &thresholds.down_window.why,
        );
    let predictor = map()
        .noted("minReplicas", law.min, &thresholds.min.why)
        .noted("maxReplicas", law.max, &thresholds.max.why)
        .noted(
            "scaleMetric",
            law.metric.name(),
            "Requests in flight, counted by Knative in front of each replica.",
        )
        .noted(
            "scaleTarget",
            law.target as u32,
            &format!("{} {}", thresholds.in_flight.why, thresholds.utilisation.why),
        )
        .noted(
            "containerConcurrency",
            0_u32,
            "No limit: one below the target would keep it from ever being reached.",
        )
        .with("model", model(service));
    yaml(
        &head("KServe in the mode Knative.", thresholds),
        &inference_service(service, annotations, predictor),
    )
}

fn inference_service(service: &Service, annotations: Value, predictor: Value) -> Value {
    map()
        .with("apiVersion", "serving.kserve.io/v1beta1")
        .with("kind", "InferenceService")
        .with("metadata", metadata(service).with("annotations", annotations))
        .with("spec", map().with("predictor", predictor))
}

/// What is served, and a note at whatever nobody said and the measurement cannot know.
fn model(service: &Service) -> Value {
    let engine = service.engine;
    let format = match (&service.model_format, engine) {
        (Some(format), _) => map().with("name", format.as_str()),
        (None, Engine::KServe) => map().noted(
            "name",
            engine.model_format(),
            "SUPPOSED: put your model's own format here, such as xgboost or lightgbm (--model-format).",
        ),
        (None, _) => map().with("name", engine.model_format()),
    };
    let (uri, note) = storage(service);
    map().with("modelFormat", format).noted("storageUri", uri, note)
}

/// Where the model lies, and a note where that is a guess.
pub(super) fn storage(service: &Service) -> (String, &'static str) {
    match &service.storage_uri {
        Some(uri) => (uri.clone(), ""),
        None if service.engine.takes_models_by_name() && !service.model.is_empty() => {
            (format!("hf://{}", service.model), "")
        }
        None => (
            format!("pvc://PLACEHOLDER/{}", service.name),
            "PLACEHOLDER: put here where your model lies, such as s3://bucket/folder (--storage-uri).",
        ),
    }
}
