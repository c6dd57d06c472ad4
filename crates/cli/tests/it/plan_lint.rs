//! `plimsoll plan lint` as a user meets it.

use serde_json::Value;

use crate::program::{Ended, Place};

/// What somebody copied from a page, with several traps.
const COPIED: &str = "\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: llama
spec:
  scaleTargetRef:
    name: llama
  cooldownPeriod: 900
  minReplicaCount: 1
  triggers:
  - type: prometheus
    name: waiting
    metadata:
      serverAddress: http://prometheus:9090
      query: vllm:num_requests_waiting{model_name=\"llama\"}
      threshold: 5
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: other
";

/// An autoscaler of the same Deployment, in a file of its own.
const SECOND: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: llama
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llama}
  minReplicas: 0
  maxReplicas: 10
  metrics:
  - type: External
    external:
      metric: {name: vllm_in_flight}
      target: {type: AverageValue, averageValue: \"52\"}
";

fn lint(place: &Place, args: &[&str]) -> Ended {
    place.run(&[&["plan", "lint"], args].concat())
}

#[test]
fn traps_are_told_with_their_place_and_what_to_do() {
    let place = Place::new();
    place.write("keda.yaml", COPIED);
    place.write("hpa.yaml", SECOND);
    let found = lint(
        &place,
        &["keda.yaml", "hpa.yaml", "--kubernetes-version", "1.31", "--capacity", "vllm_in_flight=53.6"],
    );
    assert_eq!(found.code, Some(99), "{found:?}");
    insta::assert_snapshot!(found.stdout);
    let json = lint(&place, &["keda.yaml", "--json"]);
    assert_eq!(json.code, Some(99), "{json:?}");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["known"], &json["unknown"]), (&1.into(), &1.into()));
    assert!(
        json["findings"].as_array().unwrap().iter().any(|f| f["rule"] == "many-series" && f["line"] == 15)
    );
}

#[test]
fn nothing_found_is_code_0_and_nothing_readable_code_2() {
    let place = Place::new();
    place.write("good.yaml", &SECOND.replace("minReplicas: 0", "minReplicas: 1"));
    place.write("broken.yaml", "a: [1, 2\n");
    let good = lint(&place, &["good.yaml"]);
    assert_eq!(
        (good.code, good.stdout.as_str()),
        (Some(0), "nothing found; 1 document looked at\n"),
        "{good:?}"
    );
    place.write("values.yaml", "image: nginx\n");
    let other = lint(&place, &["values.yaml"]);
    assert!(
        other.code == Some(0) && other.stdout.starts_with("nothing was looked at: of 1 document"),
        "{other:?}"
    );
    let rules = lint(&place, &["--rules"]);
    assert_eq!(rules.code, Some(0), "{rules:?}");
    let mut refused = String::new();
    for args in [
        &["broken.yaml"][..],
        &["absent.yaml"],
        &[],
        &["good.yaml", "--kubernetes-version", "latest"],
        &["good.yaml", "--capacity", "53.6"],
    ] {
        let ended = lint(&place, args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        refused.push_str(&format!("{}\n", ended.stderr.trim_end()));
    }
    insta::assert_snapshot!(refused);
    insta::assert_snapshot!(rules.stdout);
}
