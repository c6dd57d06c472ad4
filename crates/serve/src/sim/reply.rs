//! Answers that are whole at once.

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

    /// A page of metrics in the text format of Prometheus.
    pub(crate) fn prometheus(page: String) -> Self {
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        Document { status: 200, kind, headers: String::new(), body: page.into_bytes() }
    }

    /// A status without content, as several servers answer to a probe.
    pub(crate) fn empty(status: u16) -> Self {
        Document { status, kind: "text/plain; charset=utf-8", headers: String::new(), body: Vec::new() }
    }

    /// JSON and behind it the bytes of tensors (the binary tensor extension of KServe's V2 protocol).
    pub(crate) fn with_tensors(json: String, tensors: &[u8]) -> Self {
        let headers = format!("inference-header-content-length: {}\r\n", json.len());
        let mut body = json.into_bytes();
        body.extend_from_slice(tensors);
        Document { status: 200, kind: "application/octet-stream", headers, body }
    }
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
        422 => "Unprocessable Content",
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
