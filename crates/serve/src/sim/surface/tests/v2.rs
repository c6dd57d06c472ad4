//! Triton and KServe V2: tensors in both encodings, metadata, health.

use super::*;

const INFER: &str = "/v2/models/m/infer";

fn input(shape: &str, data: &str) -> String {
    format!(r#"{{"inputs":[{{"name":"INPUT0","datatype":"FP32","shape":{shape},"data":{data}}}]}}"#)
}

/// A body with tensors behind its JSON.
fn binary(bench: &Bench, json: &str, behind: &[u8]) -> (Surface, Result<Understood, Refusal>) {
    let body = [json.as_bytes(), behind].concat();
    let request =
        Request { method: "POST", path: INFER, content_type: "", json_length: Some(json.len()), body: &body };
    bench.send(&request)
}

/// The answer to such a body: its JSON, and the bytes behind it.
fn binary_answer(bench: &Bench, json: &str, behind: &[u8]) -> (Value, Vec<u8>) {
    let (_, Ok(Understood::Work(work))) = binary(bench, json, behind) else { panic!("no work: {json}") };
    let document = bench.conclude(work);
    let length = document.headers.strip_prefix("inference-header-content-length: ").unwrap();
    let (json, tensors) = document.body.split_at(length.trim_end().parse().unwrap());
    (serde_json::from_slice(json).unwrap(), tensors.to_vec())
}

#[test]
fn rows_are_items_and_values_come_back() {
    let bench = Bench::new("inputs=INPUT0:FP32[-1,2]&outputs=OUTPUT0:FP32[-1,2];COUNT:INT64[1]");
    let body = input("[3,2]", "[[1,2],[3,0.1],5,6]");
    assert_eq!(bench.work(INFER, &body).jobs[0].items, 3);
    let document = bench.answer(INFER, &body);
    assert_eq!((&document["model_name"], &document["model_version"]), (&json!("m"), &json!("1")));
    let outputs = json!([
        {"name": "OUTPUT0", "datatype": "FP32", "shape": [3, 2], "data": [1.0, 2.0, 3.0, 0.1, 5.0, 6.0]},
        {"name": "COUNT", "datatype": "INT64", "shape": [1], "data": [1]},
    ]);
    assert_eq!(document["outputs"], outputs);
    let wanted = body.replacen('{', r#"{"id":"7","outputs":[{"name":"COUNT"}],"#, 1);
    let document = bench.answer(&INFER.replace("/infer", "/versions/1/infer"), &wanted);
    assert_eq!((&document["id"], document["outputs"].as_array().unwrap().len()), (&json!("7"), 1));
}

#[test]
fn tensors_stand_behind_the_json_in_order() {
    let bench = Bench::new("inputs=A:INT16[-1];B:BYTES[1]&outputs=A2:INT16[-1];B2:BYTES[1]");
    let json = r#"{"inputs":[{"name":"B","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}},
        {"name":"A","datatype":"INT16","shape":[2],"parameters":{"binary_data_size":4}}],
        "parameters":{"binary_data_output":true},
        "outputs":[{"name":"A2"},{"name":"B2","parameters":{"binary_data":false}}]}"#;
    let (document, tensors) = binary_answer(&bench, json, b"\x02\0\0\0hi\x01\0\xff\xff");
    let outputs = json!([
        {"name": "A2", "datatype": "INT16", "shape": [2], "parameters": {"binary_data_size": 4}},
        {"name": "B2", "datatype": "BYTES", "shape": [1], "data": ["hi"]},
    ]);
    assert_eq!((&document["outputs"], tensors.as_slice()), (&outputs, &b"\x01\0\xff\xff"[..]));
}

#[test]
fn a_raw_body_is_the_only_input() {
    let bench = Bench::new("inputs=A:FP32[-1,2]&outputs=A2:FP32[-1,2]");
    let send = |body: &[u8]| {
        bench.send(&Request { method: "POST", path: INFER, content_type: "", json_length: Some(0), body })
    };
    let (_, Ok(Understood::Work(work))) = send(&[0; 24]) else { panic!("no work") };
    assert_eq!(work.jobs[0].items, 3);
    for body in [&[0; 23][..], &[]] {
        assert_eq!(send(body).1.unwrap_err().status, 400);
    }
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let bench = Bench::new("");
    let sixteen = format!("{:?}", [1.0; 16]);
    let good = input("[1,16]", &sixteen);
    bench.work(INFER, &good);
    for (body, excerpt) in [
        ("{".to_owned(), "JSON"),
        (r#"{"inputs":[]}"#.to_owned(), "expected 1 inputs but got 0"),
        (input("[1,15]", &sixteen), "16 elements"),
        (input("[16]", &sixteen), "unexpected shape"),
        (input("[99999999999,99999999999]", "[]"), "beyond all bounds"),
        (input("[1,16]", "[true]"), "not FP32"),
        (good.replace("FP32", "FP64"), "datatype FP64"),
        (good.replace("FP32", "FP31"), "unknown datatype"),
        (good.replace("INPUT0", "INPUT1"), "'INPUT0' is missing"),
        (good.replace("\"data\"", "\"date\""), "neither"),
        (good.replacen('{', r#"{"outputs":[{"name":"X"}],"#, 1), "unexpected output 'X'"),
        (
            good.replacen("\"name\"", r#""parameters":{"shared_memory_region":"r"},"name""#, 1),
            "shared memory",
        ),
        (good.replacen("\"name\"", r#""parameters":{"binary_data_size":64},"name""#, 1), "both"),
    ] {
        let (status, error) = bench.refusal(INFER, &body);
        let message = error["error"].as_str().unwrap();
        assert!(status == 400 && message.contains(excerpt), "{body}: {message}");
    }
    let json = r#"{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1,16],"parameters":{"binary_data_size":64}}]}"#;
    for (behind, excerpt) in [(60, "only 60 are left"), (68, "belong to no input")] {
        let refusal = binary(&bench, json, &vec![0; behind]).1.unwrap_err();
        assert!(refusal.message.contains(excerpt), "{}", refusal.message);
    }
    let late = Request { method: "POST", path: INFER, content_type: "", json_length: Some(9), body: b"{}" };
    assert_eq!(bench.send(&late).1.unwrap_err().status, 400);
}

#[test]
fn a_text_input_asks_for_text() {
    let bench = Bench::new("");
    let body = r#"{"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1,1],"data":[["hello"]]},
        {"name":"max_tokens","datatype":"UINT32","shape":[1,1],"data":[[2]]},
        {"name":"bad_words","datatype":"BYTES","shape":[1,1],"data":[[""]]}]}"#;
    let jobs = bench.work(INFER, body).jobs;
    assert_eq!((jobs[0].prompt_tokens, jobs[0].output_tokens), (2, 2));
    let output =
        json!([{"name": "text_output", "datatype": "BYTES", "shape": [1], "data": ["hello time work"]}]);
    assert_eq!(bench.answer(INFER, body)["outputs"], output);
    let flat = r#"{"text_input":"hi","max_tokens":4,"bad_words":"","stream":false}"#;
    assert_eq!(bench.work("/v2/models/m/generate", flat).jobs[0].output_tokens, 4);
    let nested = r#"{"text_input":"hi","parameters":{"max_tokens":2}}"#;
    assert_eq!(bench.events("/v2/models/m/generate_stream", nested).len(), 2);
    for body in [r#"{"max_tokens":2}"#, r#"{"text_input":"x","max_tokens":0}"#] {
        assert!(bench.refusal("/v2/models/m/generate", body).1["error"].is_string(), "{body}");
    }
}

#[test]
fn triton_and_kserve_say_differently_how_they_are() {
    let triton = Bench::new("flavour=triton");
    for path in ["/v2/health/live", "/v2/health/ready", "/v2/models/m/ready", "/v2/models/m/versions/1/ready"]
    {
        let document = triton.told("GET", path);
        assert_eq!((document.status, document.body.len()), (200, 0), "{path}");
    }
    let kserve = Bench::new("flavour=kserve");
    assert_eq!(kserve.told_json("GET", "/v2/health/ready"), (200, json!({"ready": true})));
    assert_eq!(kserve.told_json("GET", "/v2/models/m/ready"), (200, json!({"name": "m", "ready": true})));
    assert_eq!(kserve.told_json("GET", "/v2").1["name"], "kserve");
}

#[test]
fn only_the_flavour_says_who_the_server_is() {
    for (flavour, v1_models, v2) in
        [("vllm", 200, 200), ("triton", 404, 200), ("kserve", 200, 200), ("torchserve", 404, 404)]
    {
        let bench = Bench::new(&format!("flavour={flavour}"));
        let status = |path: &str| match bench.send(&Request {
            method: "GET",
            path,
            content_type: "",
            json_length: None,
            body: b"",
        }) {
            (_, Ok(Understood::Say(document))) => document.status,
            (_, Err(refusal)) => refusal.status,
            (_, other) => panic!("{other:?}"),
        };
        assert_eq!((status("/v1/models"), status("/v2")), (v1_models, v2), "{flavour}");
    }
}

#[test]
fn the_model_is_described() {
    let bench = Bench::new("model=m&inputs=A:INT8[-1,3]");
    let tensor = json!([{"name": "A", "datatype": "INT8", "shape": [-1, 3]}]);
    assert_eq!(bench.told_json("GET", "/v2/models/m").1["inputs"], tensor);
    assert_eq!(bench.told_json("GET", "/x/v2/models/m/versions/1").1["inputs"], tensor);
    let config = json!([{"name": "A", "data_type": "TYPE_INT8", "dims": [-1, 3]}]);
    assert_eq!(bench.told_json("GET", "/v2/models/m/config").1["input"], config);
    assert_eq!(bench.told_json("GET", "/v2/models/stats").1["model_stats"][0]["name"], "m");
    let index = json!([{"name": "m", "version": "1", "state": "READY", "reason": ""}]);
    assert_eq!(bench.told_json("POST", "/v2/repository/index"), (200, index));
}
