//! HTTP/2: many requests at a time on few connections, by TLS or by prior knowledge.

mod call;
mod endpoint;
mod link;
mod pool;
mod request;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

pub use call::{Called, call};
pub(crate) use endpoint::Http2;
pub(crate) use request::Http2Head;
pub use request::Http2Request;
