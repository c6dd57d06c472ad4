//! TorchServe: bodies of any form, its management port, and a queue that is full.

use plimsoll_core::record::Outcome;
use plimsoll_core::stress::{Mode, StressVerdict};

use super::server::{Server, all_servers_wanted, ask_forty, complaints, free_port, recognised};
use crate::program::{Place, count};
use crate::servers::{get, neighbours};
use crate::stress::stressed;

/// The server with both models ready. Its management is on the port after that of its predictions, as by default.
fn start() -> Option<Server> {
    if !all_servers_wanted("TorchServe") {
        return None;
    }
    let ports = {
        let (first, next) = neighbours();
        [first.local_addr().unwrap().port(), next.local_addr().unwrap().port(), free_port()]
    };
    let mut server = Server::start_on("torchserve", "/ping", &ports);
    let management = format!("http://127.0.0.1:{}", ports[1]);
    for model in ["mlp", "refusing"] {
        let is_ready =
            || get(&management, &format!("/models/{model}")).is_ok_and(|(_, page)| page.contains("READY"));
        server.wait_for(&format!("worker of {model}"), is_ready);
    }
    Some(server)
}

#[test]
fn is_recognised() {
    let Some(server) = start() else { return };
    let found =
        "found TorchServe 0.12.0 serving mlp and another model (-m names one); asking predict, not streaming";
    assert_eq!(recognised(&server.url), found);
}

#[test]
fn answers_bodies_of_every_form() {
    let Some(server) = start() else { return };
    let place = Place::new();
    let row = format!("{:?}", [0.5; 16]);
    place.write("row.json", &row);
    let (json, raw) = (place.path().join("row.json"), place.path().join("row.bin"));
    std::fs::write(&raw, [0x3f_u8; 64]).unwrap();
    let (json, raw) = (json.display(), raw.display());
    for more in [
        "-m mlp --shape 16".to_owned(),
        "-m mlp --model-version 1.0".to_owned(),
        format!("-m mlp --input-data {json}"),
        format!("-m mlp --input-data {raw} --content-type application/octet-stream"),
        format!("-m mlp --input-data {json} --multipart-field data"),
        format!("-m mlp --input-data {raw} --multipart-field data"),
    ] {
        ask_forty(&server.url, &format!("--provider torchserve {more}"));
    }
}

#[test]
fn a_full_queue_is_told_from_a_broken_handler() {
    let Some(server) = start() else { return };
    let run = format!("run {} --provider torchserve", server.url);
    let nobody = complaints(&format!("{run} -m nobody --shape 16"));
    assert_eq!(nobody, ["http_4xx 404 HTTP 404: Model not found: nobody"]);
    let broken = complaints(&format!("{run} -m mlp --shape 3"));
    assert_eq!(broken, ["http_5xx 503 HTTP 503: Prediction failed"]);

    let place = Place::new();
    let ended = place.line(&format!("{run} -m refusing -u 8 -r 100000 --max-requests 20"));
    let errors = place.summary().errors;
    assert!(count(&place.records(), Outcome::Ok) >= 20, "{ended:?}");
    assert_eq!((errors.len(), errors[0].status), (1, Some(503)), "{errors:?}");
    assert!(
        errors[0].example.starts_with("HTTP 503: queue full: Model \"refusing\" has no worker"),
        "{errors:?}"
    );
}

#[test]
fn sheds_at_once_what_is_too_much() {
    let Some(server) = start() else { return };
    // A request takes 50 ms, one after the other, and one may wait.
    let report =
        stressed(&format!("{} --provider torchserve -m refusing --shape 16 --capacity 16", server.url));
    assert_eq!(
        (report.verdict, report.modes.as_slice()),
        (StressVerdict::Graceful, &[Mode::Sheds][..]),
        "{report:#?}"
    );
    let overload = &report.steps[1];
    assert!(overload.refusal.p50.unwrap() < 0.5 * overload.response_time.p50.unwrap(), "{report:#?}");
}
