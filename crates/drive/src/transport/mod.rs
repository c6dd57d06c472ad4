//! Connections, HTTP/1.1 and HTTP/2: bytes out on time, bytes in with their arrival.

mod answer;
mod connection;
mod conversation;
mod courier;
mod dial;
mod endpoint;
mod exchange;
mod fetch;
mod http1;
mod http2;
mod kept;
mod page;
#[cfg(test)]
mod page_tests;
mod rehearsal;
mod settle;
mod stamped;
mod target;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(test)]
mod tls_tests;
mod wire;

pub use conversation::Conversation;
pub use courier::Destination;
pub(crate) use courier::{Courier, Posted};
pub(crate) use dial::Dialer;
pub use endpoint::HttpRequest;
pub use fetch::{ANSWER_LIMIT, FetchError, Fetched, HttpVersion, negotiate, post, reach};
pub use http2::{Called, Http2Request, call};
pub(crate) use http2::{Http2, Http2Head};
pub(crate) use page::{GotPage, PageAddress, PageReader};
pub use rehearsal::{Rehearsal, RehearsalError};
/// The client's side of TLS.
pub use rustls::ClientConfig as TlsConfig;
pub(crate) use target::RequestHead;
pub use target::{Origin, OriginError};
pub(crate) use tls::for_http2;
pub(crate) use tls::for_postgresql;
pub use tls::{TlsError, client_config};
pub(crate) use wire::{Answers, Wire};
