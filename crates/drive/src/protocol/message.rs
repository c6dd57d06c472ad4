//! What a protocol sees of the transport: the outside of its requests, and the header fields of responses.

use std::borrow::Cow;

use plimsoll_core::workload::Body;

/// The outside of a protocol's requests: what all of them share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, `POST` mostly.
    pub method: Cow<'static, str>,
    /// The path, to be appended to the target's base path; begins with a slash. It may have a query.
    pub path: String,
    /// The `Accept` field.
    pub accept: Cow<'static, str>,
    /// The `Content-Type` field; nothing for requests without a body.
    pub content_type: Option<Cow<'static, str>>,
    /// Whether the decoder wants to know where the chunks of the transfer end.
    pub by_part: bool,
    /// Names of header fields that each request brings itself, in place of ours.
    pub own_fields: Vec<String>,
}

impl Route {
    /// Whether its responses end with their head, whatever length of a body that tells of.
    pub fn is_bodiless(&self) -> bool {
        self.method == "HEAD"
    }

    /// JSON to `path` by `POST`, whose answer is JSON, or an event stream if it is streamed.
    pub fn json(path: impl Into<String>, stream: bool) -> Self {
        Route {
            method: Cow::Borrowed("POST"),
            path: path.into(),
            accept: Cow::Borrowed(if stream {
                "text/event-stream, application/json"
            } else {
                "application/json"
            }),
            content_type: Some(Cow::Borrowed("application/json")),
            by_part: false,
            own_fields: Vec::new(),
        }
    }
}

/// One request: its body, and what of its outside is its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outgoing {
    /// The path, where it is not the route's.
    pub path: Option<String>,
    /// Header fields beside those of the route and the target.
    pub fields: Vec<(Cow<'static, str>, String)>,
    /// The body. Large shared parts are shared, not copied.
    pub body: Body,
}

impl From<Body> for Outgoing {
    fn from(body: Body) -> Self {
        Outgoing { body, ..Outgoing::default() }
    }
}

/// The status and the header fields of a response, or its trailer fields.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// The status; nothing for trailers.
    pub status: Option<u16>,
    /// Names and values as they came.
    pub list: &'a [httparse::Header<'a>],
}

impl<'a> Fields<'a> {
    /// The value of a field, without white space around it; the first if there are several, nothing if it is not text.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let field = self.list.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok().map(str::trim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_any_spelling_of_their_name() {
        let list = [
            httparse::Header { name: "Retry-After", value: b" 2 " },
            httparse::Header { name: "retry-after", value: b"3" },
            httparse::Header { name: "X", value: b"\xff" },
        ];
        let fields = Fields { status: Some(429), list: &list };
        assert_eq!((fields.get("retry-after"), fields.get("x"), fields.get("y")), (Some("2"), None, None));
    }
}
