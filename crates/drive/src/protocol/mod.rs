//! Wire formats, sans I/O: a request becomes bytes, bytes become events with their arrival times.

use plimsoll_core::record::{Delta, ServerTimes, Stamps, Usage};
use plimsoll_core::time::Offset;
use plimsoll_core::workload::{Body, RequestSpec};
use thiserror::Error;

/// A way to ask a server for an answer and to read it.
pub trait Protocol: Send + Sync {
    /// Path of the request, to be appended to the target's base path; begins with a slash.
    fn path(&self) -> &str;

    /// The body of a request. Large shared parts are shared, not copied.
    fn encode(&self, request: &RequestSpec) -> Body;

    /// A reader for one response with HTTP status 200.
    fn decoder(&self) -> Box<dyn Decoder>;
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

/// What has been understood of a response so far.
#[derive(Debug, Default)]
pub struct Reply {
    /// The events that carried content, in order (streamed responses only).
    pub deltas: Vec<Delta>,
    /// Token counts reported so far.
    pub usage: Usage,
    /// Why generation ended (`stop`, `length` …), once the server said so.
    pub finish_reason: Option<String>,
    /// An error that the server reported under HTTP 200.
    pub error: Option<String>,
    /// The protocol's own end was seen: `[DONE]`, a final event, a whole JSON document.
    pub complete: bool,
    /// All events, with or without content.
    pub events: u32,
    /// Events that shared their arrival with an earlier event of the same read.
    pub coalesced_events: u32,
    /// Characters of generated text, reasoning included.
    pub chars: u32,
    /// The generated text, kept only if `Api::keep_text`.
    pub text: Option<String>,
    /// What the server says of its own times.
    pub server: ServerTimes,
    /// The embedded server's stamps.
    pub stamps: Option<Stamps>,
}

/// Bytes that are not of the protocol, with the offending excerpt.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{what}: `{excerpt}`")]
pub struct Malformed {
    /// What was expected.
    pub what: String,
    /// The first characters of what came instead.
    pub excerpt: String,
}
