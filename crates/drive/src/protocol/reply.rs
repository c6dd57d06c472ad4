//! What a response says, gathered while it arrives.

use std::sync::Arc;

use plimsoll_core::record::{Delta, DeltaKind, Outcome, ServerTimes, Stamps, Usage};
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Payload;

use super::json_scan::Text;

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
    /// The outcome that this error stands for, where the protocol has codes for them and no answer came before it.
    pub failure: Option<Outcome>,
    /// The protocol's own end was seen: `[DONE]`, a final event, a whole JSON document.
    pub complete: bool,
    /// Nothing in the answer marks its end: it is whole if its transfer is. Without `complete`, of course.
    pub ends_with_transfer: bool,
    /// All events, with or without content; comments and `[DONE]` are none.
    pub events: u32,
    /// Events that shared their arrival with an earlier event of the same read.
    pub coalesced_events: u32,
    /// Generated content was seen: text, reasoning, a tool call, or an event that stands for a token.
    pub has_content: bool,
    /// The body ended within an event or within a JSON document.
    pub unreadable_end: bool,
    /// Characters of generated text, reasoning included.
    pub chars: u32,
    /// The generated text, kept only if `Api::keep_text`.
    pub text: Option<String>,
    /// What the server says of its own times.
    pub server: ServerTimes,
    /// Shares of accepted tokens by position in the draft, of a server that decodes speculatively and says so.
    pub acceptance: Vec<f64>,
    /// The embedded server's stamps: readings of the machine's monotonic clock, not yet moments of the run.
    pub stamps: Option<Stamps>,
    /// What was sent, if parts of it must not be shown should the server repeat them.
    pub sent_with: Option<Arc<Payload>>,
}

/// Most events with content of one answer that are kept: 256 MiB of them.
const MAX_DELTAS: usize = 16 << 20;
/// Most bytes of text of one answer that are kept.
const MAX_TEXT: usize = 256 << 20;

impl Reply {
    /// Whether an answer has become larger than any that is meant: a server that streams without end must not fill the
    /// client's memory.
    pub(crate) fn is_too_large(&self) -> bool {
        is_too_large(self.deltas.len(), self.text.as_ref().map_or(0, String::len))
    }

    /// Takes generated text as it stands in JSON.
    pub(super) fn take_text(&mut self, text: Text<'_>, keep: bool) {
        self.chars = self.chars.saturating_add(text.chars());
        if keep {
            self.text.get_or_insert_default().push_str(&text.unescape());
        }
    }

    /// Takes an event with generated text of an unknown number of tokens. An empty one carries nothing.
    pub(super) fn take_delta(&mut self, text: Text<'_>, kind: DeltaKind, at: Offset, keep: bool) {
        if text.is_empty() {
            return;
        }
        self.take_text(text, keep);
        self.has_content = true;
        self.deltas.push(Delta { at, tokens: 0, kind });
    }

    /// Takes generated text.
    pub(super) fn take_str(&mut self, text: &str, keep: bool) {
        self.chars = self.chars.saturating_add(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
        if keep {
            self.text.get_or_insert_default().push_str(text);
        }
    }
}

fn is_too_large(deltas: usize, text: usize) -> bool {
    deltas > MAX_DELTAS || text > MAX_TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_end_becomes_too_large() {
        for (deltas, text, expected) in
            [(MAX_DELTAS, MAX_TEXT, false), (MAX_DELTAS + 1, 0, true), (0, MAX_TEXT + 1, true)]
        {
            assert_eq!(is_too_large(deltas, text), expected, "{deltas} {text}");
        }
    }
}
