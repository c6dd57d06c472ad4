//! The heads of requests in HTTP/2.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Uri, Version};
use plimsoll_core::spec::Target;

use super::super::target::{Origin, OriginError};
use crate::protocol::{Decoder, Outgoing, Route};

/// A request that only needs to be sent by HTTP/2.
pub struct Http2Request {
    /// Reads the response.
    pub(crate) decoder: Box<dyn Decoder>,
    pub(crate) message: Message,
    /// Whether its decoder wants to know where the frames of the body end.
    pub(crate) by_part: bool,
    /// Cancel it after its first token.
    pub(crate) cancel: bool,
}

/// What a request sends.
pub(crate) struct Message {
    pub(super) head: Request<()>,
    /// The body, in pieces of which none is empty.
    pub(crate) body: Vec<Bytes>,
    /// Bytes of the body, and of the head before compression.
    pub(super) bytes: u64,
}

/// What the heads of all requests of a run share in HTTP/2.
#[derive(Clone, Debug)]
pub(crate) struct Http2Head {
    method: Method,
    /// Scheme, authority and base path.
    before_path: String,
    usual: Uri,
    fields: HeaderMap,
    bytes: u64,
}

impl Http2Head {
    /// What the heads of all requests to this target by `route` share.
    pub(crate) fn new(origin: &Origin, target: &Target, route: &Route) -> Result<Self, OriginError> {
        let refused = |what: &str| OriginError::Request(what.to_owned());
        let scheme = if origin.tls { "https" } else { "http" };
        let before_path = format!("{scheme}://{}{}", origin.authority, origin.base_path);
        let usual = uri(&before_path, &route.path).ok_or_else(|| refused(&route.path))?;
        let fields = fields(target, route).map_err(|name| refused(&name))?;
        let method = route.method.parse().map_err(|_| refused(&route.method))?;
        let bytes = size_of_fields(&fields);
        Ok(Http2Head { method, before_path, usual, fields, bytes })
    }

    /// The head and the body of a request. A path or a field of its own that HTTP cannot carry is left out: the run has
    /// checked those that it makes.
    pub(crate) fn message(&self, outgoing: Outgoing) -> Message {
        let mut head = Request::new(());
        *head.method_mut() = self.method.clone();
        *head.version_mut() = Version::HTTP_2;
        let own = outgoing.path.as_deref().and_then(|path| uri(&self.before_path, path));
        *head.uri_mut() = own.unwrap_or_else(|| self.usual.clone());
        *head.headers_mut() = self.fields.clone();
        let mut bytes = self.bytes + size_of_pseudo_fields(&head) + outgoing.body.len() as u64;
        for (name, value) in &outgoing.fields {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(&**name), HeaderValue::try_from(value)) {
                bytes += (name.as_str().len() + value.len()) as u64;
                head.headers_mut().append(name, value);
            }
        }
        let body = outgoing.body.pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Message { head, body, bytes }
    }
}

fn uri(before_path: &str, path: &str) -> Option<Uri> {
    format!("{before_path}{path}").parse().ok()
}

/// The fields of every request; the name of one that cannot be sent.
fn fields(target: &Target, route: &Route) -> Result<HeaderMap, String> {
    let mut fields = HeaderMap::new();
    for (name, value) in &target.headers {
        let key = HeaderName::try_from(name).map_err(|_| name.clone())?;
        let mut value = HeaderValue::try_from(value.reveal()).map_err(|_| name.clone())?;
        value.set_sensitive(true);
        fields.append(key, value);
    }
    let mut ours = vec![
        (USER_AGENT, concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned()),
        (ACCEPT, route.accept.to_string()),
    ];
    ours.extend(route.content_type.as_ref().map(|content_type| (CONTENT_TYPE, content_type.to_string())));
    ours.extend(target.api_key.as_ref().map(|key| (AUTHORIZATION, format!("Bearer {}", key.reveal()))));
    for (name, value) in ours {
        let of_requests = route.own_fields.iter().any(|own| own.eq_ignore_ascii_case(name.as_str()));
        if !of_requests && !fields.contains_key(&name) {
            let mut value = HeaderValue::try_from(value).map_err(|_| name.to_string())?;
            value.set_sensitive(name == AUTHORIZATION);
            fields.append(name, value);
        }
    }
    Ok(fields)
}

/// Bytes of names and values, before compression.
pub(super) fn size_of_fields(fields: &HeaderMap) -> u64 {
    fields.iter().map(|(name, value)| (name.as_str().len() + value.len()) as u64).sum()
}

/// Bytes of the method, the scheme, the authority and the path.
fn size_of_pseudo_fields(head: &Request<()>) -> u64 {
    let uri = head.uri();
    let [scheme, authority] = [uri.scheme_str(), uri.authority().map(|authority| authority.as_str())];
    let path = uri.path_and_query().map(|path| path.as_str());
    let values = [Some(head.method().as_str()), scheme, authority, path];
    values.into_iter().flatten().map(|value| value.len() as u64).sum()
}
