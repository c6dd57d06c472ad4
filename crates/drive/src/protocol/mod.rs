//! Wire formats, sans I/O: a request becomes bytes, bytes become events with their arrival times.

mod body_reader;
mod build;
mod excerpt;
mod json_scan;
mod mask;
mod openai;
mod openai_chat;
mod openai_completions;
mod openai_decode;
mod outcome;
pub mod probe;
mod reply;
mod skeleton;
mod sse;
mod template;
mod tgi;
mod triton;

#[cfg(test)]
mod decode_tests;
#[cfg(test)]
mod encode_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod test_spec;

use plimsoll_core::time::Offset;
use plimsoll_core::workload::{Body, RequestSpec};
use thiserror::Error;

pub use build::{ProtocolError, Supports, build, supports};
pub use excerpt::error_excerpt;
pub use mask::Mask;
pub use outcome::{Ended, judge, outcome_of_status};
pub use reply::Reply;

/// A way to ask a server for an answer and to read it.
pub trait Protocol: Send + Sync {
    /// Path of the request, to be appended to the target's base path; begins with a slash.
    fn path(&self) -> &str;

    /// The body of a request. Large shared parts are shared, not copied.
    fn encode(&self, request: &RequestSpec) -> Body;

    /// A reader for the response to `request`, if its HTTP status is 200.
    fn decoder(&self, request: &RequestSpec) -> Box<dyn Decoder>;
}

/// Reads one response body as it arrives.
pub trait Decoder: Send {
    /// Takes bytes that arrived at `at` and adds what they complete to `reply`.
    ///
    /// # Errors
    /// The bytes are not of this protocol.
    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed>;

    /// Takes the end of the body at `at`: a last event may have lacked its blank line.
    ///
    /// # Errors
    /// The body as a whole is not of this protocol.
    fn finish(&mut self, at: Offset, reply: &mut Reply) -> Result<(), Malformed>;
}

/// Bytes that are not of the protocol, with the offending excerpt.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what}: `{excerpt}`")]
pub struct Malformed {
    /// What was expected.
    pub what: String,
    /// The first characters of what came instead.
    pub excerpt: String,
}
