//! Connections and HTTP/1.1: bytes out on time, bytes in with their arrival.

mod connection;
mod dial;
mod endpoint;
mod exchange;
mod fetch;
mod http1;
mod settle;
mod stamped;
mod target;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(test)]
mod tls_tests;
mod wire;

pub(crate) use dial::Dialer;
pub use endpoint::HttpRequest;
pub use fetch::{FetchError, Fetched, ask, fetch, reach};
/// The client's side of TLS.
pub use rustls::ClientConfig as TlsConfig;
pub(crate) use target::RequestHead;
pub use target::{Origin, OriginError};
pub use tls::{TlsError, client_config};
pub(crate) use wire::{Answers, Wire};
