//! All manifests of all engines: what users see, what lint says, and whether the types of Kubernetes and KEDA take
//! them whole.

use serde_json::{Map, Number, Value as Json, json};

use super::*;
use crate::capacity::{Capacity, Measured};
use crate::figures::figure;
use crate::lint::{File, Options, Version, lint};
use crate::proof::{Replica, Scene, Start, Traffic};
use crate::yaml::{Kind, Node, read};

fn capacity() -> Capacity {
    let measured = Measured {
        cv: 1.0,
        service_scv: 0.4,
        latency_idle: 1.9,
        latency: 3.3,
        latency_p99: Some(7.1),
        in_flight: 53.6,
        saturation: 18.2,
        saturation_seen: true,
        burst: None,
    };
    Capacity {
        source: "runs/capacity-llama/certificate.json".to_owned(),
        measured: Some(measured),
        ..Capacity::typed(16.25)
    }
}

fn thresholds() -> Thresholds {
    let scene = Scene::new(Replica::of(&capacity(), 0.99), Start::constant(60.0, 120.0), 0.99);
    let traffic = Traffic::of_rates((0..600).map(|minute| 60.0 + 0.1 * f64::from(minute)), 60.0, 1.0, 1.0);
    let bounds = Bounds {
        min: Explained::new(4, "The quietest hour needs 4 replicas."),
        max: Explained::new(12, "The plan has 9 replicas at the peak, and a third more for surprises."),
        spare: 1,
    };
    Thresholds::derive(&capacity(), &scene, &traffic, &bounds)
}

fn service(engine: Engine) -> Service {
    Service {
        namespace: "models".to_owned(),
        model: "org/llama \"8b\"".to_owned(),
        storage_uri: Some("hf://org/llama".to_owned()),
        ..Service::new("llama", engine)
    }
}

fn all(engine: Engine) -> Vec<Manifest> {
    manifests(&service(engine), &thresholds())
}

fn json(node: &Node) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => json!(value),
        Kind::Number(value) if value.fract() == 0.0 => json!(*value as i64),
        Kind::Number(value) => Json::Number(Number::from_f64(*value).unwrap()),
        Kind::Text(value) => json!(value),
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => {
            entries.iter().map(|(key, value)| (key.name.clone(), json(value))).collect::<Map<_, _>>().into()
        }
    }
}

#[test]
fn manifests_explain_themselves() {
    for engine in [Engine::Vllm, Engine::Triton] {
        for manifest in all(engine) {
            let name = format!("{}-{}", engine.name(), manifest.name.replace('/', "-"));
            insta::assert_snapshot!(name, manifest.text);
        }
    }
}

#[test]
fn what_nobody_said_of_the_model_is_marked_where_it_cannot_be_known() {
    for (engine, format, placeholder) in [
        (Engine::Vllm, "huggingface", false),
        (Engine::Triton, "triton", true),
        (Engine::TorchServe, "pytorch", true),
        (Engine::KServe, "sklearn", true),
    ] {
        let service = Service { model: "org/llama".to_owned(), ..Service::new("llama", engine) };
        let files = manifests(&service, &thresholds());
        let text = |name: &str| &files.iter().find(|file| file.name == name).unwrap().text;
        let kserve = text("kserve/standard-keda.yaml");
        assert!(kserve.contains(&format!("name: {format}\n")), "{engine:?}: {kserve}");
        assert_eq!(kserve.contains("storageUri: \"hf://org/llama\"\n"), !placeholder, "{engine:?}: {kserve}");
        assert_eq!(kserve.contains("# PLACEHOLDER"), placeholder, "{engine:?}: {kserve}");
        assert_eq!(text("README.md").contains("PLACEHOLDER"), placeholder, "{engine:?}");
        let said = Service {
            model_format: Some("onnx".to_owned()),
            storage_uri: Some("s3://models/llama".to_owned()),
            ..service
        };
        for file in manifests(&said, &thresholds()) {
            assert!(!file.text.contains("PLACEHOLDER") && !file.text.contains("SUPPOSED"), "{}", file.text);
        }
    }
}

#[test]
fn a_server_that_its_cpu_binds_is_scaled_by_it_where_that_is_asked_for() {
    let cpu = Some(Cpu { at_capacity: 3.2, requested: 4.0 });
    let service = Service { cpu, ..service(Engine::TorchServe) };
    let files = manifests(&service, &thresholds());
    let file = files.iter().find(|file| file.name == "hpa/hpa-resource.yaml").unwrap();
    insta::assert_snapshot!(file.text);
    let node = &read(&file.text).unwrap()[0];
    let metric = &node.at(&["spec", "metrics"]).unwrap().items()[0];
    let target = metric.number_at(&["resource", "target", "averageUtilization"]).unwrap();
    let typed: k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler =
        serde_json::from_value(json(node)).unwrap();
    assert_eq!(serde_json::to_value(typed).unwrap()["spec"]["metrics"], json(node)["spec"]["metrics"]);
    let share = thresholds().per_second.value / thresholds().rate;
    assert_eq!(target, (share * 80.0).floor(), "the same share of what 16.25/s take");
    let found =
        lint(&[File { name: file.name.clone(), text: file.text.clone() }], &Options::default()).unwrap();
    let rules: Vec<&str> = found.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["scales-on-cpu"], "which the README says");
    assert!(files.last().unwrap().text.contains("hpa-resource.yaml"));
}

#[test]
fn lint_finds_nothing_in_them() {
    let capacities =
        vec![("vllm_in_flight".to_owned(), 53.6), ("triton_requests_per_second".to_owned(), 16.25)];
    for engine in Engine::ALL {
        for version in [Version(1, 25), Version(1, 37)] {
            let options = Options { kubernetes: Some(version), capacities: capacities.clone() };
            for manifest in all(engine).into_iter().filter(|manifest| manifest.name.ends_with(".yaml")) {
                let file = File { name: manifest.name, text: manifest.text };
                let findings = lint(&[file], &options).unwrap();
                assert_eq!(findings.findings, []);
                assert_eq!(findings.unknown, 0);
            }
        }
    }
}

/// Types know all that is written when nothing is lost on the way through them.
#[test]
fn the_types_of_kubernetes_and_keda_take_them_whole() {
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    use kcr_keda_sh::v1alpha1::scaledobjects::ScaledObject;
    let mut seen = 0;
    for engine in Engine::ALL {
        for manifest in all(engine).into_iter().filter(|manifest| manifest.name.ends_with(".yaml")) {
            for node in read(&manifest.text).unwrap() {
                let written = json(&node);
                let through = match node.text_at(&["kind"]) {
                    Some("HorizontalPodAutoscaler") => {
                        let typed: HorizontalPodAutoscaler = serde_json::from_value(written.clone()).unwrap();
                        serde_json::to_value(typed).unwrap()
                    }
                    Some("ScaledObject") => {
                        let typed: ScaledObject = serde_json::from_value(written.clone()).unwrap();
                        serde_json::to_value(typed).unwrap()
                    }
                    Some("LLMInferenceService") => {
                        // KServe makes a ScaledObject of it.
                        let mut spec = written["spec"]["scaling"]["keda"].clone();
                        spec["scaleTargetRef"] = json!({"name": "llama"});
                        let typed: ScaledObject = serde_json::from_value(json!({
                            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {}, "spec": spec.clone()
                        }))
                        .unwrap();
                        assert_eq!(serde_json::to_value(typed).unwrap()["spec"], spec);
                        written.clone()
                    }
                    _ => continue,
                };
                seen += 1;
                assert_eq!(through, written, "{}", manifest.name);
            }
        }
    }
    assert_eq!(seen, 4 * Engine::ALL.len() + 1);
}

#[test]
fn laws_say_what_their_manifests_say() {
    for engine in Engine::ALL {
        for manifest in all(engine) {
            let Some(law) = &manifest.law else { continue };
            let documents = read(&manifest.text).unwrap();
            let document = documents.last().unwrap();
            let number = |path: &[&str]| {
                document.number_at(path).unwrap_or_else(|| panic!("{path:?}: {}", manifest.text))
            };
            let (bounds, window) = match law {
                Law::Hpa(_) => {
                    let window = number(&["spec", "behavior", "scaleDown", "stabilizationWindowSeconds"]);
                    ((number(&["spec", "minReplicas"]), number(&["spec", "maxReplicas"])), window)
                }
                Law::Keda(_) if manifest.name == "kserve/standard-keda.yaml" => {
                    let path = |key| ["spec", "predictor", key];
                    let scaling = document.at(&path("autoScaling")).unwrap();
                    let window =
                        scaling.number_at(&["behavior", "scaleDown", "stabilizationWindowSeconds"]).unwrap();
                    ((number(&path("minReplicas")), number(&path("maxReplicas"))), window)
                }
                Law::Keda(_) if manifest.name == "kserve/llm.yaml" => {
                    let scaling = document.at(&["spec", "scaling"]).unwrap();
                    let of = |key| scaling.number_at(&[key]).unwrap();
                    let behavior = ["keda", "advanced", "horizontalPodAutoscalerConfig", "behavior"];
                    let down = scaling.at(&behavior).unwrap();
                    let window = down.number_at(&["scaleDown", "stabilizationWindowSeconds"]).unwrap();
                    ((of("minReplicas"), of("maxReplicas")), window)
                }
                Law::Keda(_) => {
                    let scaler =
                        ["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown"];
                    let window =
                        document.at(&scaler).unwrap().number_at(&["stabilizationWindowSeconds"]).unwrap();
                    ((number(&["spec", "minReplicaCount"]), number(&["spec", "maxReplicaCount"])), window)
                }
                Law::Knative(spec) => {
                    let path = |key| ["spec", "predictor", key];
                    assert_eq!(number(&path("scaleTarget")), spec.target);
                    ((number(&path("minReplicas")), number(&path("maxReplicas"))), spec.down_delay)
                }
                Law::Static { .. } => panic!("no such manifest"),
            };
            assert_eq!((bounds.0 as u32, bounds.1 as u32), law.bounds(), "{}", manifest.name);
            assert_eq!(window as u32, law.down_window(), "{}", manifest.name);
            for metric in law.metrics() {
                let target = metric.target.value();
                let text = [super::quantity::quantity(target), figure(target)];
                assert!(text.iter().any(|text| manifest.text.contains(text)), "{target}: {}", manifest.text);
            }
        }
    }
}

#[test]
fn thresholds_have_their_cause() {
    let replica = Replica::of(&capacity(), 0.99);
    let bounds = |spare| Bounds { min: Explained::new(2, ""), max: Explained::new(40, ""), spare };
    let derive = |start, spare, rates: &[f64]| {
        let scene = Scene::new(replica.clone(), start, 0.99);
        let traffic = Traffic::of_rates(rates.iter().copied(), 60.0, 1.0, 1.0);
        Thresholds::derive(&capacity(), &scene, &traffic, &bounds(spare))
    };
    let quick = Start::constant(0.0, 5.0);
    let calm = [100.0; 60];
    let tolerance = derive(quick, 0, &calm);
    assert!((tolerance.utilisation.value - 1.0 / 1.1).abs() < 1e-12, "{:?}", tolerance.utilisation);
    assert_eq!(tolerance.per_second.value, 14.0, "1/1.1 of 16.25, rounded down");
    let failure = derive(quick, 2, &calm);
    assert_eq!(failure.utilisation.value, 7.0 / 9.0, "{:?}", failure.utilisation);
    let steep: Vec<f64> = (0..60).map(|minute| 100.0 + 5.0 * f64::from(minute)).collect();
    let ramp = derive(Start::constant(0.0, 600.0), 0, &steep);
    assert!(ramp.utilisation.why.starts_with("Traffic rises"), "{:?}", ramp.utilisation);
    assert!(ramp.utilisation.value < 0.9 && ramp.down_window.value == 1200, "{ramp:?}");
    let cliff = [vec![10.0; 30], vec![100.0; 30]].concat();
    assert_eq!(derive(Start::constant(0.0, 300.0), 0, &cliff).utilisation.value, 0.3);
}
