//! Where requests go: a parsed URL and the head of every request to it.

use bytes::Bytes;
use plimsoll_core::spec::Target;
use thiserror::Error;
use url::Url;

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

    /// The head of every POST to `path`, up to the value of `Content-Length`.
    pub(crate) fn post_head(&self, target: &Target, path: &str, stream: bool) -> Bytes {
        let accept = if stream { "text/event-stream, application/json" } else { "application/json" };
        let mut head = self.common_head("POST", target, path, accept);
        if !target.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            head.push_str("Content-Type: application/json\r\n");
        }
        head.push_str("Content-Length: ");
        Bytes::from(head)
    }

    /// A whole GET request for `path`.
    pub(crate) fn get(&self, target: &Target, path: &str) -> Bytes {
        let mut head = self.common_head("GET", target, path, "application/json");
        head.push_str("\r\n");
        Bytes::from(head)
    }

    fn common_head(&self, method: &str, target: &Target, path: &str, accept: &str) -> String {
        let mut head = format!("{method} {}{path} HTTP/1.1\r\n", self.base_path);
        let own = |name: &str| target.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let user_agent = concat!("plimsoll/", env!("CARGO_PKG_VERSION"));
        for (name, value) in
            [("Host", self.authority.as_str()), ("User-Agent", user_agent), ("Accept", accept)]
        {
            if !own(name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if let Some(key) = target.api_key.as_ref().filter(|_| !own("authorization")) {
            head.push_str(&format!("Authorization: Bearer {}\r\n", key.reveal()));
        }
        for (name, value) in &target.headers {
            head.push_str(&format!("{name}: {}\r\n", value.reveal()));
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::{Provider, Secret};

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
        assert_eq!(origin.authority, "[::1]:8443");
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
        let head = origin.post_head(&target, "/v1/x", false);
        let head = std::str::from_utf8(&head).unwrap();
        assert!(head.starts_with("POST /base/v1/x HTTP/1.1\r\nUser-Agent: plimsoll/"));
        assert!(head.contains("\r\nAuthorization: Bearer k\r\nhost: other\r\nX-A: 1\r\n"));
        assert!(head.ends_with("\r\nContent-Length: ") && !head.contains("Host: h"));
    }
}
