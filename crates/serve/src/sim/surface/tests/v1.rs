//! KServe V1: instances in, instances out.

use super::*;

#[test]
fn instances_are_items_and_come_back() {
    let bench = Bench::new("");
    let body = r#"{"instances":[[1,2.5],"x",{"a":null}]}"#;
    assert_eq!(bench.work("/v1/models/m:predict", body).jobs[0].items, 3);
    assert_eq!(
        bench.answer("/v1/models/m:predict", body),
        json!({"predictions": [[1, 2.5], "x", {"a": null}]})
    );
    assert_eq!(bench.work("/v1/models/m:predict", r#"{"inputs":[1,2]}"#).jobs[0].items, 2);
}

#[test]
fn errors_are_one_text() {
    for (path, body, status) in [
        ("/v1/models/m:predict", "{", 400),
        ("/v1/models/m:predict", "{}", 400),
        ("/v1/models/m:predict", r#"{"instances":[]}"#, 400),
        ("/v1/models/m:predict", r#"{"instances":1}"#, 400),
        ("/v1/models/m:explain", r#"{"instances":[1]}"#, 501),
    ] {
        let (had, error) = Bench::new("").refusal(path, body);
        assert!(had == status && error["error"].is_string(), "{path} {body}: {had} {error}");
    }
}

#[test]
fn the_flavour_decides_whose_models_are_listed() {
    let kserve = Bench::new("flavour=kserve&model=m");
    assert_eq!(kserve.told_json("GET", "/v1/models"), (200, json!({"models": ["m"]})));
    assert_eq!(kserve.told_json("GET", "/v1/models/m"), (200, json!({"name": "m", "ready": true})));
    assert_eq!(kserve.told_json("GET", "/v1/models/x").0, 404);
    assert_eq!(kserve.told_json("GET", "/"), (200, json!({"status": "alive"})));
    assert_eq!(Bench::new("flavour=openai&model=m").told_json("GET", "/v1/models/m").1["object"], "model");
}
