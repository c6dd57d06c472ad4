//! What is asked of the exposition, and its answers: as much of HTTP/1.1 as readers of metrics speak. No I/O.

use super::format::Format;

/// The path of the metrics.
pub(super) const PATH: &str = "/metrics";
/// Longest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;
/// Most fields of a request.
const FIELDS_MAX: usize = 64;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Length of its head in bytes. It has no body, or it is refused and the connection ends.
    pub(super) len: usize,
    pub(super) what: What,
    pub(super) keep_alive: bool,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The metrics.
    Metrics(Format),
    /// Something else: status and explanation.
    Refused(&'static str, &'static str),
}

const BAD: What = What::Refused("400 Bad Request", "this is no request of HTTP/1.1\n");

/// Reads a request from the start of `bytes`; nothing while it is incomplete.
pub(super) fn read(bytes: &[u8]) -> Option<Asked> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let refused = |what| Some(Asked { len: bytes.len(), what, keep_alive: false });
    let len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_MAX => return None,
        Ok(httparse::Status::Partial) | Err(_) => return refused(BAD),
    };
    let field = |name: &str| {
        let found = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    let has_body =
        field("transfer-encoding").is_some() || field("content-length").is_some_and(|len| len != "0");
    if request.method != Some("GET") || has_body {
        return refused(What::Refused("405 Method Not Allowed", "metrics are read with GET\n"));
    }
    let path = request.path.unwrap_or_default();
    let what = match path.split('?').next() {
        Some(PATH) => What::Metrics(Format::for_reader(field("accept").unwrap_or_default())),
        _ => What::Refused("404 Not Found", "the metrics are at /metrics\n"),
    };
    let connection = field("connection").unwrap_or_default().to_ascii_lowercase();
    let keep_alive = match request.version {
        Some(1) => !connection.contains("close"),
        _ => connection.contains("keep-alive"),
    };
    Some(Asked { len, what, keep_alive })
}

/// A response.
pub(super) fn response(status: &str, content_type: &str, body: &[u8], keep_alive: bool) -> Vec<u8> {
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> Option<(What, bool)> {
        read(text.as_bytes()).map(|asked| (asked.what, asked.keep_alive))
    }

    #[test]
    fn requests_are_understood_or_refused() {
        let metrics = |keep_alive| Some((What::Metrics(Format::Text), keep_alive));
        assert_eq!(what("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), metrics(true));
        assert_eq!(what("GET /metrics?a=b HTTP/1.1\r\nConnection: close\r\n\r\n"), metrics(false));
        assert_eq!(what("GET /metrics HTTP/1.0\r\n\r\n"), metrics(false));
        assert_eq!(what("GET /metrics HTTP/1.1\r\nHost: x\r\n"), None, "incomplete");
        let status = |text: &str| match what(text) {
            Some((What::Refused(status, _), keep_alive)) => (&status[..3], keep_alive),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), ("404", true));
        assert_eq!(status("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), ("405", false));
        assert_eq!(status("GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\n"), ("405", false));
        assert_eq!(status("\x16\x03\x01 hello\r\n\r\n"), ("400", false));
        assert_eq!(status(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD_MAX))), ("400", false));
    }

    #[test]
    fn requests_may_follow_each_other_at_once() {
        let both = b"GET / HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n";
        let first = read(both).unwrap();
        assert_eq!(read(&both[first.len..]).unwrap().what, What::Metrics(Format::Text));
    }
}
