//! Servers that take payloads in place of prompts: what they are asked, and what is refused.

use plimsoll_core::record::Outcome;

use crate::program::{Place, count};
use crate::servers::{remembering, response};

const JSON: &str = "application/json";

/// The metadata of a model with one input.
const METADATA: &str =
    r#"{"name":"m","inputs":[{"name":"x","datatype":"INT32","shape":[-1,2]}],"outputs":[]}"#;

#[test]
fn the_models_metadata_makes_the_tensors() {
    let (url, seen) = remembering(|path| match path {
        "/v2/repository/index" => response("200 OK", JSON, r#"[{"name":"m","version":"1","state":"READY"}]"#),
        "/v2/models/m" => response("200 OK", JSON, METADATA),
        "/v2/models/m/config" => response("200 OK", JSON, r#"{"max_batch_size":4}"#),
        _ => {
            response("200 OK", JSON, r#"{"outputs":[{"name":"y","datatype":"INT8","shape":[1],"data":[1]}]}"#)
        }
    });
    let place = Place::new();
    let ended = place.line(&format!("run {url} --provider triton --batch-size 4 --max-requests 6"));
    let records = place.records();
    assert_eq!(count(&records, Outcome::Ok), records.len(), "{ended:?}");
    assert!(records.iter().all(|record| record.max_tokens.is_none()), "{records:?}");
    assert!(ended.stderr.contains("tensors x:4x2:INT32 of random values"), "{ended:?}");
    assert!(!ended.stdout.contains("tokens"), "{ended:?}");
    let seen = seen.lock().unwrap();
    let (infer, _) = seen.iter().find(|(head, _)| head.starts_with("POST /v2/models/m/infer ")).unwrap();
    // 4 x 2 numbers of 4 bytes stand after the JSON.
    let number = |name: &str| {
        let line = infer.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse::<u32>().unwrap()
    };
    assert_eq!(number("Content-Length:") - number("Inference-Header-Content-Length:"), 32, "{infer}");
    assert!(infer.contains("Content-Type: application/octet-stream\r\n"), "{infer}");
}

#[test]
fn predictions_are_asked_of_kserve_and_torchserve() {
    let (url, seen) = remembering(|path| match path {
        "/v1/models/m:predict" => response("200 OK", JSON, r#"{"predictions":[[1],[2]]}"#),
        _ => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n".to_owned(),
    });
    let place = Place::new();
    let ended = place
        .line(&format!("run {url} --provider kserve-v1 -m m --shape 16 --batch-size 2 --max-requests 3"));
    assert!(place.records().iter().all(|record| record.outcome == Outcome::Ok), "{ended:?}");
    assert_eq!(place.summary().run.items_per_request, Some(2.0), "{ended:?}");

    let place = Place::new();
    let ended = place.line(&format!(
        "run {url} --provider torchserve -m n --model-version 1.0 --input-data '[1,2]' --multipart-field data -k secret \
         --stream --max-requests 3"
    ));
    let records = place.records();
    assert!(records.iter().all(|record| record.outcome == Outcome::Ok), "{ended:?}");
    assert!(
        records.iter().all(|record| record.deltas.len() == 2 && record.usage.output_tokens.is_none()),
        "{records:?}"
    );
    let summary = place.summary();
    assert!(summary.metrics.contains_key("ttft") && summary.metrics.contains_key("chunk_gap"), "{ended:?}");
    assert!(!summary.metrics.contains_key("itl") && summary.rates.output_token_rate == 0.0, "{ended:?}");
    let seen = seen.lock().unwrap();
    let (asked, _) = seen.last().unwrap();
    assert!(
        asked.starts_with("POST /predictions/n/1.0 ") && asked.contains("Authorization: Bearer secret"),
        "{asked}"
    );
    assert!(asked.contains("Content-Type: multipart/form-data; boundary="), "{asked}");
}

#[test]
fn what_means_nothing_is_refused_with_what_to_do() {
    for (line, part) in [
        (
            "--provider triton -m m -p 64",
            "--prompt-tokens is for prompts and texts, and triton is asked with payloads",
        ),
        (
            "--provider vllm -m m --batch-size 2",
            "--batch-size is for payloads, and vllm is asked with prompts",
        ),
        ("--provider kserve-v1 -m m", "--shape 16"),
        ("--provider torchserve -m m --shape 16 --batch-size 2", "--batch-size means nothing to torchserve"),
        ("--provider triton -m m --input-data none.npy", "none.npy is not there"),
        ("--provider triton -m m --stream", "triton does not stream"),
        ("--provider triton -m m --api chat", "use --api infer"),
        ("--provider triton -m m --shape x:0", "every dimension 1 or more"),
    ] {
        let (url, _) = remembering(|_| response("404 Not Found", JSON, "{}"));
        let ended = Place::new().line(&format!("run {url} {line} --max-requests 1"));
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(ended.stderr.contains(part), "{line}: {ended:?}");
    }
}
