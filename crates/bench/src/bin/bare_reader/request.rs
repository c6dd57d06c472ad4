//! The bytes of the requests, the same each time.

use crate::options::{Mode, Options};

/// A request of this mode: a chat that is streamed, or a text completion of one token.
pub(crate) fn request(options: &Options) -> Vec<u8> {
    let tokens = options.tokens;
    let (path, body) = match options.mode {
        Mode::Sse => (
            "/v1/chat/completions",
            format!(
                "{{\"model\":\"sim\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello there\"}}],\
                 \"max_tokens\":{tokens},\"stream\":true}}"
            ),
        ),
        Mode::Post | Mode::Open => (
            "/v1/completions",
            format!("{{\"model\":\"sim\",\"prompt\":\"hello there\",\"max_tokens\":{tokens}}}"),
        ),
    };
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        options.server,
        body.len()
    )
    .into_bytes()
}
