//! KServe: the older protocol (V1), the Open Inference Protocol (V2) in JSON and binary, and by gRPC.

use super::server::{Server, ask_forty, assert_alike, complaints, free_port, recognised};
use crate::program::Place;

const READY: &str = "/v2/health/ready";

/// The server with gRPC, and the URL of that.
fn with_grpc() -> (Server, String) {
    let ports = [free_port(), free_port()];
    (Server::start_on("kserve", READY, &ports), format!("http://127.0.0.1:{}", ports[1]))
}

#[test]
fn is_recognised() {
    let server = Server::start("kserve", READY);
    let found = "found KServe 0.21.0 serving tiny; asking infer, not streaming";
    assert_eq!(recognised(&server.url), found);
}

#[test]
fn answers_in_every_form() {
    let (server, grpc) = with_grpc();
    let place = Place::new();
    place.write("rows.json", &format!("{{\"instances\":[{0},{0}]}}", format!("{:?}", [0.5; 16])));
    let rows = place.path().join("rows.json");
    for (url, more, tensors) in [
        (&server.url, "--provider kserve", "INPUT0:1x16:FP32"),
        (&server.url, "--provider kserve --tensor-encoding json --batch-size 3", "INPUT0:3x16:FP32"),
        (&server.url, "--provider kserve --output output-0", "INPUT0:1x16:FP32"),
        (&server.url, "--provider kserve-v1", "instances 16:FP32"),
        (&server.url, "--provider kserve-v1 --batch-size 3", "instances 16:FP32"),
        (&server.url, &format!("--provider kserve-v1 --input-data {}", rows.display()), "rows.json"),
        (&grpc, "--provider triton-grpc -m tiny --batch-size 2", "INPUT0:2x16:FP32"),
    ] {
        let (ended, ..) = ask_forty(url, more);
        assert!(ended.stderr.contains(tensors), "{more}: {ended:?}");
    }
}

#[test]
fn what_it_refuses_is_one_readable_class() {
    let (server, grpc) = with_grpc();
    let wrong = "{\"instances\":[[1,2,3]]}";
    let place = Place::new();
    place.write("wrong.json", wrong);
    let wrong = place.path().join("wrong.json");
    for (line, expected) in [
        (
            format!("run {} --provider kserve-v1 -m nobody --shape 16", server.url),
            "http_4xx 404 HTTP 404: Model with name nobody does not exist.",
        ),
        (
            format!("run {} --provider kserve -m nobody --shape INPUT0:1x16:FP32", server.url),
            "http_4xx 404 HTTP 404: Model with name nobody does not exist.",
        ),
        (
            format!("run {} --provider kserve-v1 --input-data {}", server.url, wrong.display()),
            "http_5xx 500 HTTP 500: ValueError : matmul:",
        ),
        (
            format!("run {grpc} --provider triton-grpc -m nobody --shape INPUT0:1x16:FP32"),
            "http_4xx 200 gRPC NOT_FOUND: Model with name nobody does not exist.",
        ),
    ] {
        let complaints = complaints(&line);
        assert!(complaints.len() == 1 && complaints[0].starts_with(expected), "{line}: {complaints:?}");
    }
    for (more, part) in [
        ("--provider kserve -m nobody", "Model with name nobody does not exist."),
        ("--provider kserve --shape INPUT0:1x15", "does not fit the model's INPUT0:-1x16:FP32"),
    ] {
        let ended = Place::new().line(&format!("run {} {more} --max-requests 1", server.url));
        assert!(ended.code != Some(0) && ended.stderr.contains(part), "{more}: {ended:?}");
    }
}

#[test]
fn answers_alike_by_both_of_its_protocols() {
    let server = Server::start("kserve", READY);
    let v1 = format!("run {} --provider kserve-v1", server.url);
    let v2 = format!("run {} --provider kserve --tensor-encoding json", server.url);
    assert_alike("KServe", ["V1", "V2"], [&v1, &v2]);
}
