//! What a client's request is to an engine.

use plimsoll_core::workload::{Prompt, RequestSpec};

use crate::engine::Ask;
use crate::prefix::{block_hashes, text_tokens};

/// A request, as a simulated server takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What it asks of the engine.
    pub ask: Ask,
    /// Cancel it after its first token.
    pub cancel: bool,
    /// How its answer ends.
    pub end: CallEnd,
}

/// How the answer to a request ends, unless the engine itself gives it up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallEnd {
    /// With its last token.
    #[default]
    Whole,
    /// Before it began: the engine never sees the request.
    Refused(Refusal),
    /// With an error event after its last token.
    StreamError(String),
    /// With the connection, after its last token.
    Cut,
}

/// An answer that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Why, in words.
    pub why: String,
}

impl Call {
    /// The call of a request. Its prompt has the tokens that were counted, or else one for every four bytes, as the
    /// simulated server counts them; a body of the user's own counts as a whole.
    pub fn of(spec: &RequestSpec) -> Call {
        let text: &[u8] = match &spec.prompt {
            Prompt::Text(text) => text.as_bytes(),
            Prompt::Members(members) => &members.json,
            Prompt::Payload(payload) => payload.body.pieces.first().map_or(&[], |piece| piece),
        };
        let estimate = || u32::try_from(text_tokens(text)).unwrap_or(u32::MAX);
        Call {
            ask: Ask {
                prompt_tokens: spec.prompt_tokens.unwrap_or_else(estimate),
                output_tokens: spec.max_tokens,
                items: 1,
                prefix: block_hashes([text]),
            },
            cancel: spec.cancel,
            end: CallEnd::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plimsoll_core::record::RequestId;

    use super::*;

    #[test]
    fn a_prompt_has_the_tokens_that_were_counted_or_one_for_four_bytes() {
        let text = "x".repeat(130);
        let mut spec = RequestSpec {
            id: RequestId(3),
            prompt: Prompt::Text(text.as_str().into()),
            images: Arc::default(),
            max_tokens: 7,
            prompt_tokens: Some(99),
            cancel: true,
        };
        let call = Call::of(&spec);
        let ask = &call.ask;
        assert_eq!((ask.prompt_tokens, ask.output_tokens, ask.prefix.len(), call.cancel), (99, 7, 2, true));
        spec.prompt_tokens = None;
        assert_eq!(Call::of(&spec).ask.prompt_tokens, 33);
    }
}
