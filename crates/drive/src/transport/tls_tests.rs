//! TLS with a real server on loopback: whom the client trusts, and whom the server does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::record::Outcome;
use plimsoll_core::spec::{HttpChoice, Provider, Target, TransportSpec};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::connection::Unsent;
use super::*;
use crate::clock::Clock;

struct Pki {
    folder: TempDir,
    server: CertifiedKey<KeyPair>,
    client: CertifiedKey<KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let made = || generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let pki = Pki { folder: tempfile::tempdir().unwrap(), server: made(), client: made() };
        for (name, text) in [
            ("server.pem", pki.server.cert.pem()),
            ("client.pem", pki.client.cert.pem()),
            ("client.key", pki.client.signing_key.serialize_pem()),
            ("empty.pem", String::new()),
        ] {
            std::fs::write(pki.path(name), text).unwrap();
        }
        pki
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spec(&self, cacert: Option<&str>, client: bool, insecure: bool) -> TransportSpec {
        let text = |name: &str| self.path(name).display().to_string();
        TransportSpec {
            cacert: cacert.map(text),
            cert: client.then(|| text("client.pem")),
            key: client.then(|| text("client.key")),
            insecure,
            ..super::tests::limits()
        }
    }

    fn acceptor(&self, wants_client: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.client.cert.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(self.server.signing_key.serialize_der()).unwrap();
        let config = builder.with_single_cert(vec![self.server.cert.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// An acceptor that has these protocols, its favourite first.
    fn acceptor_of(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut config = (**self.acceptor(false).config()).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Connects by `spec`, sends a byte and reads it back; the outcome of a failure.
fn echo(pki: &Pki, wants_client: bool, spec: &TransportSpec) -> Result<Duration, Outcome> {
    let acceptor = pki.acceptor(wants_client);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut byte = [0];
                if stream.read_exact(&mut byte).await.is_ok() {
                    let _ = stream.write_all(&byte).await;
                    let _ = stream.flush().await;
                }
            }
        });
        let clock = Clock::start();
        let receive_clock = stamped::ReceiveClock::new(clock);
        let origin = Origin::parse(&format!("https://localhost:{}", address.port())).unwrap();
        let dialer = Dialer::new(origin, Some(client_config(spec).unwrap()), spec, clock).unwrap();
        let (mut connection, times) = dialer.dial().await.map_err(|error| error.outcome)?;
        let mut unsent = Unsent::new(vec![bytes::Bytes::from_static(b"x")]);
        std::future::poll_fn(|cx| connection.poll_write(cx, &mut unsent)).await.map_err(|_| Outcome::Tls)?;
        let mut byte = [0; 8];
        let read = std::future::poll_fn(|cx| connection.poll_read(cx, &mut byte, &receive_clock)).await;
        let (len, arrival) = read.map_err(|_| Outcome::Tls)?;
        assert!((len, byte[0]) == (1, b'x') && arrival.at <= clock.now());
        server.await.unwrap();
        Ok(times.tls)
    })
}

#[test]
fn the_client_trusts_whom_it_is_told_to() {
    let pki = Pki::new();
    assert!(echo(&pki, false, &pki.spec(Some("server.pem"), false, false)).unwrap() > Duration::ZERO);
    assert!(echo(&pki, false, &pki.spec(None, false, true)).is_ok(), "--insecure");
    assert_eq!(echo(&pki, false, &pki.spec(Some("client.pem"), false, false)), Err(Outcome::Tls));
}

#[test]
fn the_client_shows_its_certificate_where_it_is_wanted() {
    let pki = Pki::new();
    assert!(echo(&pki, true, &pki.spec(Some("server.pem"), true, false)).is_ok());
    assert_eq!(echo(&pki, true, &pki.spec(Some("server.pem"), false, false)), Err(Outcome::Tls));
}

#[test]
fn files_that_hold_no_certificate_are_refused_by_name() {
    let pki = Pki::new();
    for name in ["absent.pem", "empty.pem"] {
        let error = client_config(&pki.spec(Some(name), false, false)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("PEM"), "{error}");
    }
}

/// Serves `connections` connections in a thread of its own: HTTP/2 answers `x` to everything, the rest is closed.
fn serve_tls(acceptor: TlsAcceptor, connections: usize) -> (Origin, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serve = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        for _ in 0..connections {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not like what is offered has been told so.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                // A client that only asked for the version is gone by now.
                let Ok(mut served) = h2::server::handshake(stream).await else { continue };
                while let Some(Ok((_, mut respond))) = served.accept().await {
                    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
                    body.send_data(bytes::Bytes::from_static(b"x"), true).unwrap();
                }
            }
        }
    };
    let server = std::thread::spawn(move || runtime.block_on(serve));
    (Origin::parse(&format!("https://localhost:{}", address.port())).unwrap(), server)
}

#[test]
fn the_server_chooses_the_version_of_http_unless_the_user_does() {
    let pki = Pki::new();
    let spec = |http| TransportSpec { http, ..pki.spec(Some("server.pem"), false, false) };
    let version = |protocols: &[&str], http| {
        let asked = usize::from(http == HttpChoice::Auto);
        let (origin, server) = serve_tls(pki.acceptor_of(protocols), asked);
        let tls = client_config(&spec(http)).unwrap();
        let version = negotiate(&origin, &spec(http), Some(tls)).unwrap();
        server.join().unwrap();
        version
    };
    assert_eq!(version(&["h2", "http/1.1"], HttpChoice::Auto), HttpVersion::Http2);
    assert_eq!(version(&["http/1.1"], HttpChoice::Auto), HttpVersion::Http1);
    assert_eq!(version(&[], HttpChoice::Auto), HttpVersion::Http1);
    assert_eq!(version(&["h2"], HttpChoice::Http1), HttpVersion::Http1);
    assert_eq!(version(&["http/1.1"], HttpChoice::Http2), HttpVersion::Http2);
    let plain = Origin::parse("http://127.0.0.1:1").unwrap();
    assert_eq!(negotiate(&plain, &spec(HttpChoice::Auto), None).unwrap(), HttpVersion::Http1);
}

#[test]
fn http2_is_spoken_over_tls_where_the_server_has_it() {
    let pki = Pki::new();
    let spec = TransportSpec { http: HttpChoice::Http2, ..pki.spec(Some("server.pem"), false, false) };
    let target = Target {
        url: String::new(),
        provider: Provider::Openai,
        model: String::new(),
        headers: Vec::new(),
        api_key: None,
        endpoint: None,
    };
    let ask = |protocols: &[&str]| {
        let (origin, server) = serve_tls(pki.acceptor_of(protocols), 1);
        let tls = Some(client_config(&spec).unwrap());
        let fetched = Conversation::new(&origin, &target, &spec, tls).unwrap().ask("/", None);
        server.join().unwrap();
        fetched
    };
    let fetched = ask(&["http/1.1", "h2"]).unwrap();
    assert_eq!((fetched.status, fetched.body.as_slice()), (200, &b"x"[..]));
    // A server without ALPN goes on in silence; one with other protocols refuses.
    let error = ask(&[]).unwrap_err().to_string();
    assert!(error.contains("ALPN"), "{error}");
    assert!(ask(&["http/1.1"]).is_err_and(|error| error.is_unreachable()));
}
