//! Answers that are whole at once: errors, the model list, and the envelope of every JSON document.

use std::time::Duration;

use serde_json::json;

use super::options::SimOptions;

/// A request that is turned down, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// A fragment in lower case, for the reader of the client's log.
    pub(crate) message: String,
    /// When to try again, where the server knows better than its options.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: &str) -> Self {
        Refusal { status, message: message.to_owned(), retry_after: None }
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Refusal::new(400, message)
    }

    /// The document `{"error": {"message", "type", "code"}}` of the OpenAI API.
    pub(crate) fn document(&self) -> String {
        let kind = match self.status {
            429 => "rate_limit_error",
            404 => "not_found_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "code": self.status}}).to_string()
    }

    /// The answer that says it. Those who may try again are told when.
    pub(crate) fn reply(&self, options: &SimOptions) -> Document {
        let mut reply = Document::json(self.status, self.document());
        if matches!(self.status, 429 | 503) {
            let seconds = self.retry_after.unwrap_or(options.retry_after).as_secs_f64().ceil();
            reply.headers = format!("retry-after: {seconds}\r\n");
        }
        reply
    }
}

/// An answer that is whole at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The media type of the body.
    pub(crate) kind: &'static str,
    /// Further header fields, each with its line end.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Document {
    /// A JSON document without further header fields.
    pub(crate) fn json(status: u16, body: String) -> Self {
        Document { status, kind: "application/json", headers: String::new(), body: body.into_bytes() }
    }
}

/// The document of `GET /v1/models`.
pub(crate) fn models(options: &SimOptions, created: u64) -> String {
    json!({
        "object": "list",
        "data": [{"id": options.model, "object": "model", "created": created, "owned_by": options.owned_by}],
    })
    .to_string()
}

/// Whether the connection can be used after this answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
}

/// Appends a complete response.
pub(crate) fn push_document(out: &mut Vec<u8>, document: &Document, after: After) {
    let Document { status, kind, headers, body } = document;
    let head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{headers}{}\r\n",
        reason(*status),
        body.len(),
        connection_header(after),
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

/// The header that announces the end of the connection; HTTP/1.0 clients want to read `keep-alive` too.
pub(crate) fn connection_header(after: After) -> &'static str {
    match after {
        After::Keep => "connection: keep-alive\r\n",
        After::Close => "connection: close\r\n",
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
