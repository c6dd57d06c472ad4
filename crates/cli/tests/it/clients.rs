//! The clients that people use talk to the simulated server without complaint: openai, tritonclient, curl.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::servers::Sim;

/// Runs a script of `tests/clients` in the environment of `scripts/clients`, which its first run installs.
fn python(script: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join("../../scripts/clients/run.sh"))
        .arg(root.join("tests/clients").join(script))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_openai_client_has_no_complaint() {
    let sim = Sim::start("ttft=5ms&itl=1ms&model=a/b&strict_model=true");
    python("openai_client.py", &[&sim.url, "a/b"]);
}

#[test]
fn the_openai_client_takes_faults_for_what_they_are() {
    for (kind, options) in [
        ("rate_limit", "error_429_rate=1"),
        ("error", "error_rate=1"),
        ("stream_error", "stream_error_rate=1"),
        ("truncate", "truncate_rate=1"),
        ("loading", "starts_cold=true&load=1h"),
    ] {
        let sim = Sim::start(&format!("ttft=0&itl=0&{options}"));
        python("openai_faults.py", &[kind, &sim.url]);
    }
}

#[test]
fn the_triton_client_has_no_complaint() {
    let sim = Sim::start(
        "ttft=5ms&flavour=triton&model=batched&strict_model=true&inputs=INPUT0:FP32[-1,16];TEXT:BYTES[-1,1]\
         &outputs=OUTPUT0:FP32[-1,16];TEXT_OUT:BYTES[-1,1];COUNT:INT64[1]",
    );
    python("triton_client.py", &[&sim.url]);
}

/// What curl printed: status, content type, body. `{}` in an argument is the server's address.
fn curl(sim: &Sim, arguments: &[&str]) -> (u16, String, String) {
    let arguments = arguments.iter().map(|argument| argument.replace("{}", &sim.url));
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--write-out",
            "\n%{http_code} %{content_type}",
        ])
        .args(arguments)
        .output()
        .expect("curl is installed (Debian and Ubuntu: apt-get install curl)");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, last) = text.rsplit_once('\n').unwrap();
    let (status, kind) = last.split_once(' ').unwrap();
    (status.parse().unwrap(), kind.to_owned(), body.to_owned())
}

/// The JSON that curl printed, and the status.
fn curl_json(sim: &Sim, arguments: &[&str]) -> (u16, Value) {
    let (status, kind, body) = curl(sim, arguments);
    assert_eq!(kind, "application/json", "{arguments:?}: {body}");
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn curl_reads_streams_as_they_come() {
    let sim = Sim::start("ttft=5ms&itl=1ms");
    let openai = r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":3,"stream":true}"#;
    for (path, body, mark, events, done) in [
        ("/v1/chat/completions", openai, "data: ", 5, true),
        ("/v1/completions", r#"{"prompt":"hi","max_tokens":3,"stream":true}"#, "data: ", 4, true),
        ("/generate_stream", r#"{"inputs":"hi","parameters":{"max_new_tokens":3}}"#, "data:", 3, false),
        ("/v2/models/m/generate_stream", r#"{"text_input":"hi","max_tokens":3}"#, "data: ", 3, false),
    ] {
        let (status, kind, text) = curl(&sim, &["--no-buffer", &format!("{{}}{path}"), "--data", body]);
        assert_eq!((status, kind.as_str()), (200, "text/event-stream"), "{path}");
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(lines.iter().all(|line| line.starts_with(mark)), "{path}: {text}");
        assert_eq!(lines.last() == Some(&"data: [DONE]"), done, "{path}: {text}");
        assert_eq!(lines.len() - usize::from(done), events, "{path}: {text}");
    }
}

#[test]
fn curl_sends_what_torchserve_takes() {
    let sim = Sim::start("ttft=5ms&flavour=torchserve&model=mlp&strict_model=true");
    assert_eq!(curl_json(&sim, &["{}/ping"]), (200, json!({"status": "Healthy"})));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let length = std::fs::metadata(file).unwrap().len();
    let form = format!("data=@{file}");
    for (arguments, bytes) in [
        (&["{}/predictions/mlp", "--json", "[1,2]"][..], json!({"body": 5})),
        (&["{}/predictions/mlp/1.0", "--upload-file", file], json!({"body": length})),
        (&["{}/predictions/mlp", "--form", &form, "--form", "more=xyz"], json!({"data": length, "more": 3})),
    ] {
        assert_eq!(curl_json(&sim, arguments), (200, json!({"bytes": bytes})), "{arguments:?}");
    }
    let (status, error) = curl_json(&sim, &["{}/predictions/nobody", "--data", "x"]);
    assert_eq!(
        (status, &error["code"], &error["type"]),
        (404, &json!(404), &json!("ModelNotFoundException"))
    );
    let (status, models) = curl_json(&sim, &["{}/models/mlp"]);
    assert_eq!((status, &models[0]["workers"][0]["status"]), (200, &json!("READY")));
}

#[test]
fn curl_asks_kserve_in_its_first_version() {
    let sim = Sim::start("ttft=5ms&flavour=kserve&model=tiny&strict_model=true");
    assert_eq!(curl_json(&sim, &["{}/v1/models"]), (200, json!({"models": ["tiny"]})));
    assert_eq!(curl_json(&sim, &["{}/v1/models/tiny"]), (200, json!({"name": "tiny", "ready": true})));
    let predict = ["{}/v1/models/tiny:predict", "--json", r#"{"instances":[[1.5],[2]]}"#];
    assert_eq!(curl_json(&sim, &predict), (200, json!({"predictions": [[1.5], [2]]})));
    assert_eq!(curl_json(&sim, &["{}/v2/health/live"]), (200, json!({"live": true})));
    let (status, error) = curl_json(&sim, &["{}/v1/models/nobody:predict", "--json", "{}"]);
    assert!(status == 404 && error["error"].is_string(), "{status} {error}");
}
