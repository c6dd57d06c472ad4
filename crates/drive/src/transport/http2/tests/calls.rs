//! Single requests to a server of HTTP/2, as they are made beside a run.

use super::*;
use crate::workload::GrpcServer;

/// Asks from a thread of its own, as a caller does that has no runtime.
async fn asked<T: Send + 'static>(question: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(question).await.unwrap()
}

fn nobody(address: SocketAddr) -> (Origin, Target) {
    let origin = Origin::parse(&format!("http://{address}")).unwrap();
    let target = Target { url: String::new(), ..plimsoll_core::testing::run().target };
    (origin, target)
}

#[test]
fn one_request_has_a_time_limit_for_its_whole_answer() {
    on_loopback(|listener, address| async move {
        spawn_local(async move {
            let mut served = accept(&listener, 10).await;
            let (.., mut respond) = next(&mut served).await;
            let _unfinished = answer(&mut respond, &["x"]);
            while served.accept().await.is_some() {}
        });
        let limit = Duration::from_millis(30);
        let called = asked(move || {
            let (origin, target) = nobody(address);
            call(&origin, &target, &limits(), None, &Route::json("/x", false), Outgoing::default(), limit)
        });
        let late = called.await.unwrap_err();
        assert_eq!(late.to_string(), "no whole answer to POST /x within 30ms");
    });
}

#[test]
fn a_server_of_grpc_says_whether_it_is_ready() {
    const READY: [u8; 7] = [0, 0, 0, 0, 2, 8, 1];
    for (code, message, said) in [
        ("0", &READY[..], Ok(Some(true))),
        ("0", &[0, 0, 0, 0, 0], Ok(Some(false))),
        ("12", &[], Ok(None)),
        ("14", &[], Err("ServerReady by gRPC: gRPC UNAVAILABLE: no reason given")),
    ] {
        on_loopback(|listener, address| async move {
            spawn_local(async move {
                let mut served = accept(&listener, 10).await;
                let (head, _, mut respond) = next(&mut served).await;
                assert_eq!(head.uri.path(), "/inference.GRPCInferenceService/ServerReady");
                let mut body = answer(&mut respond, &[]);
                body.send_data(Bytes::copy_from_slice(message), false).unwrap();
                let status = ("grpc-status".parse().unwrap(), code.parse().unwrap());
                body.send_trailers(HeaderMap::<HeaderValue>::from_iter([status])).unwrap();
                go_on(served);
            });
            let told = asked(move || {
                let (origin, target) = nobody(address);
                let server = GrpcServer { origin: &origin, tls: None, target: &target, limits: &limits() };
                server.is_ready().map_err(|error| error.to_string())
            });
            assert_eq!(told.await, said.map_err(str::to_owned), "grpc-status {code}");
        });
    }
}
