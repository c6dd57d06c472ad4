//! TLS: what to trust, and who we are.

use std::fs;
use std::sync::Arc;

use plimsoll_core::spec::TransportSpec;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use thiserror::Error;

/// The name of HTTP/1.1 in ALPN.
const HTTP1: &[u8] = b"http/1.1";
/// The name of HTTP/2 in ALPN.
pub(super) const HTTP2: &[u8] = b"h2";
/// The name of PostgreSQL in ALPN.
const POSTGRESQL: &[u8] = b"postgresql";

/// Certificates or keys that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A PEM file cannot be read.
    #[error("cannot read the {what} in `{path}` ({reason}): give a PEM file")]
    File {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The configuration is refused.
    #[error("the TLS settings cannot be used: {0}")]
    Config(String),
}

/// The client's side of TLS by the user's settings, for HTTP/1.1.
///
/// # Errors
/// A certificate or key cannot be read or does not fit.
pub fn client_config(spec: &TransportSpec) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = trusting(spec.insecure, spec.cacert.as_deref())?;
    let mut config = match (&spec.cert, &spec.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates("client certificate", cert)?;
            let bytes = read("client key", key)?;
            let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| TlsError::File {
                what: "client key",
                path: key.clone(),
                reason: error.to_string(),
            })?;
            builder.with_client_auth_cert(chain, key).map_err(refused)?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(Arc::new(config))
}

/// The client's side of TLS to a PostgreSQL server: `insecure` accepts any certificate, `cacert` is a PEM file with
/// those to trust in place of the system's.
///
/// # Errors
/// A certificate cannot be read or does not fit.
pub(crate) fn for_postgresql(insecure: bool, cacert: Option<&str>) -> Result<ClientConfig, TlsError> {
    let mut config = trusting(insecure, cacert)?.with_no_client_auth();
    config.alpn_protocols = vec![POSTGRESQL.to_vec()];
    Ok(config)
}

/// The part of the settings that says whom to trust.
fn trusting(
    insecure: bool,
    cacert: Option<&str>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    if insecure {
        return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider))));
    }
    let Some(path) = cacert else { return builder.with_platform_verifier().map_err(refused) };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("certificates to trust", path)? {
        roots.add(certificate).map_err(refused)?;
    }
    Ok(builder.with_root_certificates(roots))
}

fn refused(error: rustls::Error) -> TlsError {
    TlsError::Config(error.to_string())
}

/// The same settings for HTTP/2 alone.
pub(crate) fn for_http2(config: &ClientConfig) -> Arc<ClientConfig> {
    offering(config, &[HTTP2])
}

/// The same settings for both versions, of which the server chooses.
pub(super) fn for_either(config: &ClientConfig) -> Arc<ClientConfig> {
    offering(config, &[HTTP2, HTTP1])
}

fn offering(config: &ClientConfig, versions: &[&[u8]]) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = versions.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

fn read(what: &'static str, path: &str) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::File { what, path: path.to_owned(), reason: error.to_string() })
}

fn certificates(what: &'static str, path: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(what, path)?;
    let fail = |reason: String| TlsError::File { what, path: path.to_owned(), reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| fail(error.to_string()))?;
    if found.is_empty() { Err(fail("no certificate in it".into())) } else { Ok(found) }
}

/// Accepts any certificate (`--insecure`), but still checks that the server holds its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
