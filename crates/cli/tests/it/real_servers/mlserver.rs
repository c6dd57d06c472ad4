//! MLServer: the Open Inference Protocol by HTTP and by gRPC.

use super::server::{Server, ask_forty, assert_alike, complaints, free_port, recognised};
use crate::program::Place;

/// The server, and the URL of its gRPC.
fn start() -> (Server, String) {
    let ports = [free_port(), free_port(), free_port()];
    (Server::start_on("mlserver", "/v2/health/ready", &ports), format!("http://127.0.0.1:{}", ports[1]))
}

#[test]
fn is_recognised() {
    let (server, _) = start();
    let found = "found MLServer 1.7.1 serving tiny; asking infer, not streaming";
    assert_eq!(recognised(&server.url), found);
}

#[test]
fn answers_by_http_and_by_grpc() {
    let (server, grpc) = start();
    for (url, more, tensors) in [
        (&server.url, "--provider mlserver", "INPUT0:1x16:FP32"),
        (&server.url, "--provider mlserver -m tiny --batch-size 3 --output OUTPUT0", "INPUT0:3x16:FP32"),
        (&server.url, "--provider mlserver --input-data zero", "of zeros"),
        (&grpc, "--provider triton-grpc", "(triton-grpc, model tiny)"),
        (&grpc, "--provider triton-grpc -m tiny --batch-size 2", "INPUT0:2x16:FP32"),
    ] {
        let (ended, ..) = ask_forty(url, more);
        assert!(ended.stderr.contains(tensors), "{more}: {ended:?}");
    }
}

#[test]
fn what_it_refuses_is_one_readable_class() {
    let (server, grpc) = start();
    for (line, expected) in [
        (
            format!("run {} --provider mlserver -m nobody --shape INPUT0:1x16:FP32", server.url),
            "http_4xx 404 HTTP 404: Model nobody not found",
        ),
        // It has no extension for bytes after the JSON.
        (
            format!("run {} --provider mlserver --tensor-encoding binary", server.url),
            "http_5xx 500 HTTP 500: Internal Server Error",
        ),
        (
            format!("run {grpc} --provider triton-grpc -m nobody --shape INPUT0:1x16:FP32"),
            "http_4xx 200 gRPC NOT_FOUND: Model nobody with version",
        ),
    ] {
        let complaints = complaints(&line);
        assert!(complaints.len() == 1 && complaints[0].starts_with(expected), "{line}: {complaints:?}");
    }
    let ended =
        Place::new().line(&format!("run {} --provider mlserver -m nobody --max-requests 1", server.url));
    assert!(ended.code != Some(0) && ended.stderr.contains("Model nobody not found"), "{ended:?}");
}

#[test]
fn answers_alike_by_http_and_by_grpc() {
    let (server, grpc) = start();
    let http = format!("run {} --provider mlserver", server.url);
    let grpc = format!("run {grpc} --provider triton-grpc -m tiny");
    assert_alike("MLServer", ["HTTP", "gRPC"], [&http, &grpc]);
}
