//! HTTP/1.1 responses, sans I/O: the head, and the framing that says where a body ends.

use std::mem::MaybeUninit;

use httparse::ParserConfig;
use thiserror::Error;

use crate::protocol::{Fields, excerpt};

/// Most header fields accepted in a response.
const MAX_HEADERS: usize = 96;
/// Longest head accepted, in bytes.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// Characters shown of what is no head.
const EXCERPT: usize = 60;

/// What the head of a response says.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// Whether the server keeps the connection open after this response.
    pub(crate) keep_alive: bool,
    /// Length of the head in bytes; the body follows.
    pub(crate) len: usize,
}

/// A response that is not HTTP/1.1.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum HttpError {
    #[error("what came is not HTTP/1.1 ({reason}): `{excerpt}`")]
    Head { reason: httparse::Error, excerpt: String },
    #[error("the server answers in HTTP/2: use --http 2")]
    Http2,
    #[error("the head of the response is longer than {MAX_HEAD} bytes")]
    LongHead,
    #[error("the response has an unusable content-length `{0}`")]
    Length(String),
    #[error("the response body is not correctly chunked")]
    Chunk,
}

/// Reads a head from the start of `bytes`; `None` while it is incomplete. Interim responses (1xx) are skipped by the
/// caller, who finds them by their status. The fields of a final response are shown to `on_fields`.
pub(crate) fn parse_head(
    bytes: &[u8],
    on_fields: impl FnOnce(&Fields<'_>),
) -> Result<Option<Head>, HttpError> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parser = ParserConfig::default();
    let parsed = parser.parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let foreign = |reason| match bytes {
        // The first frame of a server has its settings, on no stream.
        [0, _, _, 4, 0, 0, 0, 0, 0, ..] => HttpError::Http2,
        _ => HttpError::Head { reason, excerpt: excerpt(bytes, EXCERPT) },
    };
    let len = match parsed.map_err(foreign)? {
        httparse::Status::Complete(len) => len,
        httparse::Status::Partial if bytes.len() > MAX_HEAD => return Err(HttpError::LongHead),
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or(0);
    let mut keep_alive = response.version == Some(1);
    let mut framing = Framing::UntilClose;
    for header in response.headers.iter() {
        let value = header.value.trim_ascii();
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if value.len() >= 7 && value[value.len() - 7..].eq_ignore_ascii_case(b"chunked") {
                framing = Framing::Chunked(ChunkState::Size { size: 0, digits: 0 });
            }
        } else if header.name.eq_ignore_ascii_case("content-length") {
            if !matches!(framing, Framing::Chunked(_)) {
                framing = Framing::Length(parse_length(value)?);
            }
        } else if header.name.eq_ignore_ascii_case("connection") {
            for token in value.split(|&byte| byte == b',') {
                if token.trim_ascii().eq_ignore_ascii_case(b"close") {
                    keep_alive = false;
                } else if token.trim_ascii().eq_ignore_ascii_case(b"keep-alive") {
                    keep_alive = true;
                }
            }
        }
    }
    if matches!(status, 100..200 | 204 | 304) {
        framing = Framing::Length(0);
    }
    keep_alive &= !matches!(framing, Framing::UntilClose);
    if !(100..200).contains(&status) {
        on_fields(&Fields { status: Some(status), list: response.headers });
    }
    Ok(Some(Head { status, framing, keep_alive, len }))
}

fn parse_length(value: &[u8]) -> Result<u64, HttpError> {
    let text = String::from_utf8_lossy(value);
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(HttpError::Length(text.into_owned()));
    }
    text.parse().map_err(|_| HttpError::Length(text.into_owned()))
}

/// Where a body ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked(ChunkState),
    UntilClose,
}

/// What [`Framing::unframe`] found in a read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unframed {
    /// Bytes of the body, moved together at the front of the buffer.
    pub(crate) len: usize,
    /// Whether the body ended.
    pub(crate) ended: bool,
    /// Whether bytes follow the end of the body: the connection cannot be used again.
    pub(crate) surplus: bool,
}

impl Framing {
    /// Removes the framing from `bytes`, in place. Where in the body the chunks of the transfer end is appended to
    /// `parts`, if anybody wants to know.
    pub(crate) fn unframe(
        &mut self,
        bytes: &mut [u8],
        parts: Option<&mut Vec<usize>>,
    ) -> Result<Unframed, HttpError> {
        match self {
            Framing::UntilClose => Ok(Unframed { len: bytes.len(), ended: false, surplus: false }),
            Framing::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= len as u64;
                Ok(Unframed { len, ended: *left == 0, surplus: len < bytes.len() })
            }
            Framing::Chunked(state) => state.unframe(bytes, parts),
        }
    }

    /// Whether the end of the connection is a proper end of the body here.
    pub(crate) fn may_end_by_close(&self) -> bool {
        matches!(self, Framing::UntilClose | Framing::Length(0) | Framing::Chunked(ChunkState::Done))
    }
}

/// Where the reader of a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkState {
    /// In the hexadecimal size.
    Size { size: u64, digits: u8 },
    /// After the size: extensions up to the end of the line.
    SizeRest { size: u64 },
    /// In the data, with bytes left.
    Data { left: u64 },
    /// In the line end after the data.
    DataEnd,
    /// In a trailer line; `empty` while nothing but CR was seen.
    Trailer { empty: bool },
    /// After the end.
    Done,
}

impl ChunkState {
    fn unframe(
        &mut self,
        bytes: &mut [u8],
        mut parts: Option<&mut Vec<usize>>,
    ) -> Result<Unframed, HttpError> {
        let mut read = 0;
        let mut written = 0;
        while read < bytes.len() && *self != ChunkState::Done {
            if let ChunkState::Data { left } = *self {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - read);
                bytes.copy_within(read..read + len, written);
                read += len;
                written += len;
                let left = left - len as u64;
                if left == 0
                    && let Some(parts) = &mut parts
                {
                    parts.push(written);
                }
                *self = if left == 0 { ChunkState::DataEnd } else { ChunkState::Data { left } };
            } else if *self == ChunkState::DataEnd && bytes[read..].starts_with(b"\r\n") {
                *self = ChunkState::Size { size: 0, digits: 0 };
                read += 2;
            } else if let Some((size, length)) = self.usual_size(&bytes[read..]) {
                *self = ChunkState::Data { left: size };
                read += length;
            } else {
                *self = self.after(bytes[read])?;
                read += 1;
            }
        }
        Ok(Unframed { len: written, ended: *self == ChunkState::Done, surplus: read < bytes.len() })
    }

    /// The size of the next chunk and the bytes up to its data, where these come as nearly every server writes them: up to
    /// five digits and a line end. Nothing for any other form, and for the last chunk: these are read byte by byte.
    fn usual_size(self, bytes: &[u8]) -> Option<(u64, usize)> {
        if !matches!(self, ChunkState::Size { digits: 0, .. }) {
            return None;
        }
        let mut size = 0;
        for (digits, &byte) in bytes.first_chunk::<6>()?.iter().enumerate() {
            if let Some(digit) = (byte as char).to_digit(16) {
                size = size * 16 + u64::from(digit);
            } else {
                let ends = bytes[digits..].starts_with(b"\r\n");
                return (ends && size > 0).then_some((size, digits + 2));
            }
        }
        None
    }

    /// The state after one byte outside the data.
    fn after(self, byte: u8) -> Result<ChunkState, HttpError> {
        Ok(match (self, byte) {
            (ChunkState::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 15 => {
                let digit = (byte as char).to_digit(16).map_or(0, u64::from);
                ChunkState::Size { size: size * 16 + digit, digits: digits + 1 }
            }
            (ChunkState::Size { digits: 0, .. }, _) => return Err(HttpError::Chunk),
            (ChunkState::Size { size, .. } | ChunkState::SizeRest { size }, b'\n') => match size {
                0 => ChunkState::Trailer { empty: true },
                left => ChunkState::Data { left },
            },
            (ChunkState::Size { size, .. }, b'\r' | b';' | b' ' | b'\t') => ChunkState::SizeRest { size },
            (ChunkState::SizeRest { size }, _) => ChunkState::SizeRest { size },
            (ChunkState::DataEnd, b'\r') => ChunkState::DataEnd,
            (ChunkState::DataEnd, b'\n') => ChunkState::Size { size: 0, digits: 0 },
            (ChunkState::Trailer { empty: true }, b'\n') => ChunkState::Done,
            (ChunkState::Trailer { empty }, b'\r') => ChunkState::Trailer { empty },
            (ChunkState::Trailer { .. }, b'\n') => ChunkState::Trailer { empty: true },
            (ChunkState::Trailer { .. }, _) => ChunkState::Trailer { empty: false },
            _ => return Err(HttpError::Chunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::{kept, mutated, pieces};

    fn head(text: &str) -> Head {
        parse_head(text.as_bytes(), |_| {}).unwrap().unwrap()
    }

    #[test]
    fn heads_say_how_the_body_ends_and_whether_the_connection_stays() {
        let h = head("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
        assert_eq!((h.status, h.framing, h.keep_alive), (200, Framing::Length(12), true));
        let h = head("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\nContent-Length: 3\r\n\r\n");
        assert!(matches!(h.framing, Framing::Chunked(_)) && h.keep_alive);
        let h = head("HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n");
        assert!(!h.keep_alive);
        let h = head("HTTP/1.0 200 OK\r\n\r\n");
        assert_eq!((h.framing, h.keep_alive), (Framing::UntilClose, false));
        let h = head("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!((h.framing, h.keep_alive), (Framing::Length(0), true));
        assert_eq!(head("HTTP/1.1 100 Continue\r\n\r\n").status, 100);
    }

    #[test]
    fn incomplete_heads_wait_and_foreign_ones_are_refused() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\nContent-Le", |_| {}).unwrap().is_none());
        assert!(parse_head(b"SSH-2.0-OpenSSH_9.2\r\n", |_| {}).is_err());
        assert!(parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", |_| {}).is_err());
        assert!(
            parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", |_| {}).is_err()
        );
        let long = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; MAX_HEAD]].concat();
        assert_eq!(parse_head(&long, |_| {}).err(), Some(HttpError::LongHead));
    }

    /// Feeds `text` in pieces of `step` bytes and returns the body.
    fn unframe(text: &str, step: usize) -> Result<(String, bool), HttpError> {
        let mut state = Framing::Chunked(ChunkState::Size { size: 0, digits: 0 });
        let (mut body, mut ended) = (Vec::new(), false);
        for piece in text.as_bytes().chunks(step) {
            let mut piece = piece.to_vec();
            let part = state.unframe(&mut piece, None)?;
            body.extend_from_slice(&piece[..part.len]);
            ended = part.ended;
        }
        Ok((String::from_utf8(body).unwrap(), ended))
    }

    #[test]
    fn chunks_are_joined_wherever_reads_divide_them() {
        let text = "5\r\nhello\r\n1;name=value\r\n \r\n00B\r\nworld\r\n\r\nx!\r\n0\r\nTrailer: 1\r\n\r\n";
        for step in 1..=text.len() {
            assert_eq!(unframe(text, step), Ok(("hello world\r\n\r\nx!".into(), true)), "step {step}");
        }
        assert_eq!(unframe("3\nabc\n0\n\n", 2), Ok(("abc".into(), true)));
        for bad in ["\r\n", "g\r\n", "5\r\nhelloX", "-1\r\n", "fffffffffffffffff\r\n"] {
            assert_eq!(unframe(bad, 100), Err(HttpError::Chunk), "{bad:?}");
        }
    }

    #[test]
    fn the_ends_of_chunks_are_told() {
        let mut state = Framing::Chunked(ChunkState::Size { size: 0, digits: 0 });
        let mut parts = Vec::new();
        let mut first = *b"2\r\nab\r\n3\r\nc";
        assert_eq!(state.unframe(&mut first, Some(&mut parts)).unwrap().len, 3);
        assert_eq!(parts, [2]);
        let mut second = *b"de\r\n0\r\n\r\n";
        parts.clear();
        assert_eq!(state.unframe(&mut second, Some(&mut parts)).unwrap().len, 2);
        assert_eq!(parts, [2], "the empty chunk is the end, and none of them");
    }

    #[test]
    fn surplus_after_the_end_is_noticed() {
        let mut bytes = *b"abcdef";
        let part = Framing::Length(4).unframe(&mut bytes, None).unwrap();
        assert_eq!(part, Unframed { len: 4, ended: true, surplus: true });
        let mut bytes = *b"0\r\n\r\nHTTP";
        let part = ChunkState::Size { size: 0, digits: 0 }.unframe(&mut bytes, None).unwrap();
        assert_eq!(part, Unframed { len: 0, ended: true, surplus: true });
    }

    #[test]
    fn only_a_body_that_is_complete_may_end_by_close() {
        assert!(Framing::UntilClose.may_end_by_close());
        assert!(!Framing::Length(1).may_end_by_close());
        assert!(!Framing::Chunked(ChunkState::Data { left: 1 }).may_end_by_close());
    }

    /// What is understood of a response that comes in these pieces: its status, its body, whether that ended; or that it
    /// is none.
    fn read(pieces: &[&[u8]]) -> Option<(Option<u16>, Vec<u8>, bool)> {
        let (mut held, mut body, mut ended) = (Vec::new(), Vec::new(), false);
        let mut known: Option<(u16, Framing)> = None;
        for piece in pieces {
            held.extend_from_slice(piece);
            while known.is_none()
                && let Some(head) = parse_head(&held, |_| {}).ok()?
            {
                held.drain(..head.len);
                known = (!(100..200).contains(&head.status)).then_some((head.status, head.framing));
            }
            if let Some((_, framing)) = &mut known {
                let mut bytes = std::mem::take(&mut held);
                let unframed = framing.unframe(&mut bytes, None).ok()?;
                body.extend_from_slice(&bytes[..unframed.len]);
                ended |= unframed.ended;
            }
        }
        Some((known.map(|(status, _)| status), body, ended))
    }

    #[test]
    fn kept_responses_are_read_alike_wherever_they_are_cut() {
        for (path, bytes) in kept(&["corpus/http1"]) {
            let whole = read(&[&bytes]);
            for step in 1..=bytes.len() {
                let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
                assert_eq!(read(&pieces), whole, "{} step {step}", path.display());
            }
        }
    }

    proptest! {
        #[test]
        fn changed_responses_are_read_alike_wherever_they_are_cut(
            bytes in mutated(&["corpus/http1"]),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            prop_assert_eq!(read(&pieces(&bytes, &cuts)), read(&[&bytes]), "{}", bytes.escape_ascii());
        }
    }
}
