//! Where requests go: a parsed URL and the head of every request to it.

use std::io::Write as _;

use bytes::Bytes;
use plimsoll_core::spec::{Provider, Secret, Target};
use thiserror::Error;
use url::Url;

use crate::protocol::{Outgoing, Route};

/// The version of Anthropic's API that requests are written in.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Scheme, host, port and base path of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether to speak TLS.
    pub tls: bool,
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path before the protocol's own, without a slash at its end.
    pub base_path: String,
    /// The `Host` header.
    pub authority: String,
}

/// A URL that is not a target.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OriginError {
    /// Not a URL.
    #[error("`{url}` is not a URL ({reason}): write http://host:port or https://host/base")]
    Syntax {
        /// The text.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Neither http nor https.
    #[error("cannot send to `{0}`: the scheme must be http or https (or sim, for the embedded server)")]
    Scheme(String),
    /// A path, a method or a header field that HTTP cannot carry.
    #[error("`{0}` cannot be part of a request: use letters, digits and signs that HTTP allows")]
    Request(String),
    /// No host in it.
    #[error("there is no host in `{0}`: write http://host:port or https://host/base")]
    Host(String),
}

impl Origin {
    /// Reads a URL. User, password, query and fragment are ignored: the caller has taken what it wants of them.
    ///
    /// # Errors
    /// The text is not an http or https URL with a host.
    pub fn parse(text: &str) -> Result<Origin, OriginError> {
        let url = Url::parse(text)
            .map_err(|error| OriginError::Syntax { url: text.to_owned(), reason: error.to_string() })?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(OriginError::Scheme(format!("{other}://…"))),
        };
        let host = url.host_str().ok_or_else(|| OriginError::Host(text.to_owned()))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Origin {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 }),
            base_path: url.path().trim_end_matches('/').to_owned(),
            authority,
        })
    }

    /// Another port of the same host, without a base path: that belongs to the port it was given for.
    pub fn on_port(&self, port: u16) -> Origin {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let authority = format!("{host}:{port}");
        Origin { port, base_path: String::new(), authority, ..self.clone() }
    }

    /// Whether it names this machine, by a loopback address.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// What the heads of all requests to this target by `route` share.
    pub(crate) fn head(&self, target: &Target, route: &Route) -> RequestHead {
        let mut fields = self.common_fields(target, &route.accept, &route.own_fields);
        let own = target.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(content_type) = route.content_type.as_ref().filter(|_| !own) {
            fields.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        let before_path = format!("{} {}", route.method, self.base_path);
        RequestHead {
            usual: format!("{before_path}{} HTTP/1.1\r\n{fields}", route.path).into_bytes(),
            before_path,
            fields,
            // These methods mean a body, so that one of no bytes is said to be (RFC 9110, section 8.6).
            has_body: route.content_type.is_some() || matches!(&*route.method, "POST" | "PUT" | "PATCH"),
        }
    }

    fn common_fields(&self, target: &Target, accept: &str, own_fields: &[String]) -> String {
        let mut head = String::new();
        let own = |name: &str| {
            let given = target.headers.iter().map(|(given, _)| given).chain(own_fields);
            given.into_iter().any(|given| given.eq_ignore_ascii_case(name))
        };
        let user_agent = concat!("plimsoll/", env!("CARGO_PKG_VERSION"));
        for (name, value) in
            [("Host", self.authority.as_str()), ("User-Agent", user_agent), ("Accept", accept)]
        {
            if !own(name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let anthropic = target.provider == Provider::Anthropic;
        let (name, before) = if anthropic { ("x-api-key", "") } else { ("Authorization", "Bearer ") };
        if let Some(key) = target.api_key.as_ref().filter(|_| !own(name)) {
            head.push_str(&format!("{name}: {before}{}\r\n", key.reveal()));
        }
        if anthropic && !own("anthropic-version") {
            head.push_str(&format!("anthropic-version: {ANTHROPIC_VERSION}\r\n"));
        }
        for (name, value) in &target.headers {
            head.push_str(&format!("{name}: {}\r\n", value.reveal()));
        }
        head
    }
}

/// One who is asked beside the run, with header fields and a key of its own.
pub(super) fn beside(headers: &[(String, Secret)], api_key: Option<&Secret>) -> Target {
    Target {
        url: String::new(),
        provider: Provider::Http,
        model: String::new(),
        headers: headers.to_vec(),
        api_key: api_key.cloned(),
        endpoint: None,
    }
}

/// Bodies of so many bytes are copied behind their head: that costs less than to hand the kernel several pieces.
const JOINED_MAX: usize = 4096;

/// What the heads of all requests of a run share.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    /// Method and base path.
    before_path: String,
    /// The header fields, each with its line end.
    fields: String,
    /// The head of a request to the usual path, up to where its own fields begin.
    usual: Vec<u8>,
    has_body: bool,
}

impl RequestHead {
    /// The head and the body of a request, in pieces: one if the body is small.
    pub(crate) fn pieces(&self, request: Outgoing) -> Vec<Bytes> {
        let length = request.body.len();
        let joined = length <= JOINED_MAX;
        let own: usize = request.fields.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let mut digits = itoa::Buffer::new();
        let line = ["Content-Length: ", digits.format(length), "\r\n"];
        let line = if self.has_body || length > 0 { &line[..] } else { &[] };
        // To the byte: a vector with room to spare would cost another allocation on its way to the kernel.
        let framing = line.iter().map(|part| part.len()).sum::<usize>() + 2;
        let room = self.usual.len() + own + framing + if joined { length } else { 0 };
        let mut first = Vec::with_capacity(room);
        // Writing to a vector cannot fail.
        let _ = match &request.path {
            None => first.write_all(&self.usual),
            Some(path) => write!(first, "{}{path} HTTP/1.1\r\n{}", self.before_path, self.fields),
        };
        for (name, value) in &request.fields {
            let _ = write!(first, "{name}: {value}\r\n");
        }
        line.iter().for_each(|part| first.extend_from_slice(part.as_bytes()));
        first.extend_from_slice(b"\r\n");
        let mut pieces = Vec::with_capacity(if joined { 1 } else { 1 + request.body.pieces.len() });
        if joined {
            request.body.pieces.iter().for_each(|piece| first.extend_from_slice(piece));
            pieces.push(Bytes::from(first));
        } else {
            pieces.push(Bytes::from(first));
            pieces.extend(request.body.pieces);
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::Secret;
    use plimsoll_core::workload::Body;

    use super::*;

    #[test]
    fn urls_are_read_or_refused() {
        let origin = Origin::parse("http://localhost/inference/").unwrap();
        assert_eq!(
            (origin.host.as_str(), origin.port, origin.base_path.as_str()),
            ("localhost", 80, "/inference")
        );
        let origin = Origin::parse("https://[::1]:8443").unwrap();
        assert_eq!((origin.host.as_str(), origin.port, origin.tls), ("::1", 8443, true));
        assert_eq!((origin.authority.as_str(), origin.is_loopback()), ("[::1]:8443", true));
        assert!(!Origin::parse("http://10.0.0.1").unwrap().is_loopback());
        let next = Origin::parse("http://[::1]/base").unwrap().on_port(81);
        assert_eq!((next.authority.as_str(), next.port, next.base_path.as_str()), ("[::1]:81", 81, ""));
        assert_eq!(Origin::parse("ftp://x").unwrap_err(), OriginError::Scheme("ftp://…".into()));
        assert!(Origin::parse("http://").is_err());
        assert!(Origin::parse("not a url").is_err());
    }

    #[test]
    fn the_users_headers_replace_ours() {
        let origin = Origin::parse("http://h:81/base").unwrap();
        let target = Target {
            url: String::new(),
            provider: Provider::Openai,
            model: String::new(),
            headers: vec![("host".into(), Secret::new("other")), ("X-A".into(), Secret::new("1"))],
            api_key: Some(Secret::new("k")),
            endpoint: None,
        };
        let anthropic = Target { provider: Provider::Anthropic, headers: Vec::new(), ..target.clone() };
        let head = origin.head(&anthropic, &Route::json("/v1/x", false)).pieces(Outgoing::default()).concat();
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains("\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n"), "{head}");
        assert!(!head.contains("Authorization"), "{head}");
        let head = origin.head(&target, &Route::json("/v1/x", false));
        let text = |request: Outgoing| String::from_utf8(head.pieces(request).concat()).unwrap();
        let body = Body { pieces: vec![Bytes::from_static(b"{"), Bytes::from_static(b"}")] };
        let usual = text(Outgoing::from(body.clone()));
        assert!(usual.starts_with("POST /base/v1/x HTTP/1.1\r\nUser-Agent: plimsoll/"));
        assert!(usual.contains("\r\nAuthorization: Bearer k\r\nhost: other\r\nX-A: 1\r\n"));
        assert!(usual.ends_with("\r\nContent-Length: 2\r\n\r\n{}") && !usual.contains("Host: h"));
        let own = text(Outgoing { path: Some("/y?z".into()), fields: vec![("A".into(), "b".into())], body });
        assert!(own.starts_with("POST /base/y?z HTTP/1.1\r\nUser-Agent: plimsoll/"));
        assert!(own.ends_with("\r\nA: b\r\nContent-Length: 2\r\n\r\n{}"));
        let large = Bytes::from(vec![b'x'; JOINED_MAX + 1]);
        let pieces = head.pieces(Outgoing::from(Body { pieces: vec![large.clone()] }));
        assert!(pieces.len() == 2 && pieces[1].as_ptr() == large.as_ptr(), "shared, not copied");
        assert!(pieces[0].ends_with(b"\r\nContent-Length: 4097\r\n\r\n"));
        let get = Route { method: "GET".into(), content_type: None, ..Route::json("/", false) };
        let get = origin.head(&target, &get).pieces(Outgoing::default()).concat();
        assert!(get.starts_with(b"GET /base/ HTTP/1.1\r\n") && get.ends_with(b"X-A: 1\r\n\r\n"));
    }
}
