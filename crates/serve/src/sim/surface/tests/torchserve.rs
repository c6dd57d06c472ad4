//! TorchServe: data in any form.

use super::*;

fn predict(content_type: &str, body: &[u8]) -> Result<Value, (u16, Value)> {
    let bench = Bench::new("");
    let request =
        Request { method: "POST", path: "/predictions/m/1.0", content_type, json_length: None, body };
    match bench.send(&request) {
        (_, Ok(Understood::Work(work))) => Ok(value(&bench.conclude(work))),
        (surface, Err(refusal)) => {
            let document = surface.refuse(&refusal, &bench.script.options);
            Err((document.status, value(&document)))
        }
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn data_comes_in_any_form() {
    assert_eq!(predict("application/json", b"[1,2]"), Ok(json!({"bytes": {"body": 5}})));
    assert_eq!(predict("", b""), Ok(json!({"bytes": {"body": 0}})));
    let form =
        b"--x\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a\"\r\n\r\n\0\r\n--y\r\n--x\r\n\
        Content-Disposition: form-data; name=\"more\"\r\n\r\nabc\r\n--x--\r\n";
    assert_eq!(
        predict("multipart/form-data; boundary=x", form),
        Ok(json!({"bytes": {"data": 6, "more": 3}}))
    );
    assert_eq!(predict("Multipart/Form-Data; boundary=\"x\"", b"--x--\r\n"), Ok(json!({"bytes": {}})));
}

#[test]
fn parts_that_cannot_be_told_apart_are_refused() {
    for body in [&b""[..], b"--y--", b"--x", b"--x\r\n", b"--x\r\nhead\r\n\r\ncontent", b"--xx--"] {
        let (status, error) = predict("multipart/form-data; boundary=x", body).unwrap_err();
        assert_eq!((status, &error["type"]), (400, &json!("BadRequestException")), "{body:?}");
    }
}

#[test]
fn errors_have_code_type_and_message() {
    let bench = Bench::new("model=m&strict_model=true");
    let (status, error) = bench.refusal("/predictions/x", "");
    assert_eq!(
        (status, &error["code"], &error["type"]),
        (404, &json!(404), &json!("ModelNotFoundException"))
    );
    for (status, kind) in [(503, "ServiceUnavailableException"), (500, "InternalServerException")] {
        let refused = Surface::TorchServe.refuse(&Refusal::new(status, "no"), &SimOptions::default());
        assert_eq!(value(&refused), json!({"code": status, "type": kind, "message": "no"}));
    }
}

#[test]
fn models_and_health_are_described() {
    let bench = Bench::new("model=m&queue=9");
    assert_eq!(bench.told_json("GET", "/ping"), (200, json!({"status": "Healthy"})));
    assert_eq!(bench.told_json("GET", "/models").1["models"][0]["modelName"], "m");
    let (_, model) = bench.told_json("GET", "/models/m/1.0");
    assert_eq!(model[0]["jobQueueStatus"], json!({"remainingCapacity": 9, "pendingRequests": 0}));
    assert_eq!(bench.told_json("GET", "/models/x").0, 404);
}
