//! Wire formats, sans I/O: a request becomes bytes, bytes become events with their arrival times.

mod body_reader;
mod build;
mod embeddings;
mod excerpt;
pub(crate) mod grpc;
mod http;
mod images;
mod infer_grpc;
mod json_check;
mod json_scan;
mod listing;
mod mask;
mod message;
mod messages;
pub(crate) mod open_inference;
mod openai;
mod openai_chat;
mod openai_completions;
mod openai_decode;
mod outcome;
mod payload;
mod predict;
pub mod probe;
mod refused;
mod reply;
mod rerank;
mod responses;
mod server_times;
mod skeleton;
mod sse;
mod template;
mod templated;
mod tgi;
mod torchserve;
pub mod torchserve_metadata;
mod transcriptions;
mod triton;
mod v2;
pub mod v2_metadata;
mod wav;

#[cfg(test)]
mod decode_tests;
#[cfg(test)]
mod encode_tests;
#[cfg(test)]
mod family_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
pub(crate) mod test_spec;

use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use thiserror::Error;

pub use build::{ProtocolError, Supports, build, check, supports};
pub use excerpt::error_excerpt;
pub(crate) use excerpt::excerpt;
pub use grpc::concluded;
pub use http::{PatternError, check_patterns};
pub use mask::Mask;
pub use message::{Fields, Outgoing, Route};
pub use outcome::{Ended, judge, outcome_of_status};
pub use refused::refused_members;
pub use reply::Reply;

/// A way to ask a server for an answer and to read it.
pub trait Protocol: Send + Sync {
    /// The outside of its requests.
    fn route(&self) -> &Route;

    /// A request.
    fn encode(&self, request: &RequestSpec) -> Outgoing;

    /// A reader for the response to `request`.
    fn decoder(&self, request: &RequestSpec) -> Box<dyn Decoder>;
}

/// Reads one response as it arrives.
pub trait Decoder: Send {
    /// Takes the status and the header fields, and later the trailer fields if there are any. Says of the former whether
    /// the body is an answer, rather than an explanation why there is none.
    fn fields(&mut self, fields: &Fields<'_>, _reply: &mut Reply) -> bool {
        fields.status == Some(200)
    }

    /// Takes bytes that arrived at `at` and adds what they complete to `reply`.
    ///
    /// # Errors
    /// The bytes are not of this protocol.
    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed>;

    /// A chunk of the transfer ended, of a body whose [`Route`] asks for it.
    fn part_ended(&mut self, _at: Offset, _reply: &mut Reply) {}

    /// Takes the end of the body at `at`: a last event may have lacked its blank line.
    ///
    /// # Errors
    /// The body as a whole is not of this protocol.
    fn finish(&mut self, at: Offset, reply: &mut Reply) -> Result<(), Malformed>;
}

/// Bytes that are not of the protocol, with the offending excerpt.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what}{shown}", shown = shown(excerpt))]
pub struct Malformed {
    /// What was expected.
    pub what: String,
    /// The first characters of what came instead.
    pub excerpt: String,
}

/// What came instead, where anything did.
fn shown(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(": `{excerpt}`") }
}
