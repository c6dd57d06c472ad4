//! HTTP/1.1 requests out of bytes, in whatever pieces they come.

use super::surface::Refusal;

/// The longest head accepted, bytes.
const HEAD_MAX: usize = 64 * 1024;
/// The longest body accepted, bytes.
const BODY_MAX: usize = 256 * 1024 * 1024;
/// Buffers that grew beyond this are given back after the request, bytes.
const KEPT_MAX: usize = 256 * 1024;
/// The longest line of a chunk size or a trailer, bytes.
const LINE_MAX: usize = 8 * 1024;

/// The head of a request, as far as the server cares.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) content_type: String,
    /// `Inference-Header-Content-Length` of the binary tensor extension.
    pub(crate) json_length: Option<usize>,
    pub(crate) keep_alive: bool,
    /// HTTP/1.0 knows no chunks, so it cannot have a stream on a connection that is kept.
    pub(crate) knows_chunks: bool,
    /// `x-plimsoll-truth: 1`: the client wants to know when events were due.
    pub(crate) truth: bool,
    expects_continue: bool,
    length: usize,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// The body has so many bytes.
    Length(usize),
    Chunked,
}

/// How far a request has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Bytes are missing.
    Partial,
    /// The client waits for `100 Continue` before it sends the body. Said once per request.
    AwaitsContinue,
    /// Head and body are complete: see [`RequestReader::request`].
    Whole,
}

/// Collects the bytes of a connection and finds the requests in them.
#[derive(Debug, Default)]
pub(crate) struct RequestReader {
    input: Vec<u8>,
    head: Option<Head>,
    chunks: Chunks,
}

impl RequestReader {
    /// Adds bytes that were received.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Bytes held.
    pub(crate) fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Looks at what has come since the last look.
    ///
    /// # Errors
    /// The bytes are not a request that this server reads. The connection cannot be used further.
    pub(crate) fn advance(&mut self) -> Result<Progress, Refusal> {
        if self.head.is_none() {
            match parse_head(&self.input)? {
                None => return Ok(Progress::Partial),
                Some(head) => self.begin_body(head),
            }
        }
        let Some(head) = &mut self.head else {
            return Ok(Progress::Partial);
        };
        let whole = match head.framing {
            Framing::Length(length) => self.input.len() >= head.length + length,
            Framing::Chunked => self.chunks.take_from(&mut self.input, head.length)?,
        };
        if whole {
            return Ok(Progress::Whole);
        }
        Ok(if std::mem::take(&mut head.expects_continue) {
            Progress::AwaitsContinue
        } else {
            Progress::Partial
        })
    }

    fn begin_body(&mut self, head: Head) {
        if let Framing::Length(length) = head.framing {
            self.input.reserve((head.length + length).saturating_sub(self.input.len()));
        }
        self.head = Some(head);
    }

    /// The request, once [`Progress::Whole`] was reached.
    pub(crate) fn request(&self) -> Option<(&Head, &[u8])> {
        let head = self.head.as_ref()?;
        let body = match head.framing {
            Framing::Length(length) => self.input.get(head.length..head.length + length)?,
            Framing::Chunked => &self.chunks.body,
        };
        Some((head, body))
    }

    /// Drops the request; what came after it is the beginning of the next one.
    pub(crate) fn consume(&mut self) {
        let Some(head) = self.head.take() else { return };
        let used = match head.framing {
            Framing::Length(length) => head.length + length,
            Framing::Chunked => head.length,
        };
        self.input.drain(..used.min(self.input.len()));
        if self.input.capacity() > KEPT_MAX {
            self.input.shrink_to(KEPT_MAX);
        }
        self.chunks = Chunks::default();
    }
}

/// The body of a chunked request.
#[derive(Debug, Default)]
struct Chunks {
    body: Vec<u8>,
    state: ChunkState,
}

#[derive(Clone, Copy, Debug, Default)]
enum ChunkState {
    #[default]
    Size,
    /// So many bytes of the chunk are missing, then a line end.
    Data(usize),
    Trailers,
    End,
}

impl Chunks {
    /// Moves what can be decoded out of `input`, behind the first `skip` bytes. True at the end of the body.
    fn take_from(&mut self, input: &mut Vec<u8>, skip: usize) -> Result<bool, Refusal> {
        let mut at = skip;
        while !matches!(self.state, ChunkState::End) {
            match self.step(&input[at..])? {
                0 => break,
                used => at += used,
            }
        }
        input.drain(skip..at);
        Ok(matches!(self.state, ChunkState::End))
    }

    /// Decodes one element at the front of `input` and says how many bytes it took; 0 when bytes are missing.
    fn step(&mut self, input: &[u8]) -> Result<usize, Refusal> {
        match self.state {
            ChunkState::Size => match httparse::parse_chunk_size(input) {
                Ok(httparse::Status::Complete((used, size))) => {
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    if size > BODY_MAX - self.body.len() {
                        return Err(too_large());
                    }
                    self.state = if size == 0 { ChunkState::Trailers } else { ChunkState::Data(size) };
                    Ok(used)
                }
                Ok(httparse::Status::Partial) if input.len() <= LINE_MAX => Ok(0),
                _ => Err(Refusal::bad_request("the size of a chunk of the body cannot be read")),
            },
            ChunkState::Data(0) => match input {
                [b'\r', b'\n', ..] => {
                    self.state = ChunkState::Size;
                    Ok(2)
                }
                [] | [b'\r'] => Ok(0),
                _ => Err(Refusal::bad_request("a chunk of the body is longer than its size says")),
            },
            ChunkState::Data(missing) => {
                let take = missing.min(input.len());
                self.body.extend_from_slice(&input[..take]);
                self.state = ChunkState::Data(missing - take);
                Ok(take)
            }
            ChunkState::Trailers => match input.iter().position(|&byte| byte == b'\n') {
                Some(end) => {
                    if matches!(input[..end], [] | [b'\r']) {
                        self.state = ChunkState::End;
                    }
                    Ok(end + 1)
                }
                None if input.len() > LINE_MAX => Err(Refusal::bad_request("a trailer is too long")),
                None => Ok(0),
            },
            ChunkState::End => Ok(0),
        }
    }
}

/// Reads the head at the front of `input`, if it is there completely.
fn parse_head(input: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; 96];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() <= HEAD_MAX => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(431, "the request has more header fields than this server reads"));
        }
        Err(error) => {
            return Err(Refusal::bad_request(&format!("this is not an HTTP/1.1 request: {error}")));
        }
    };
    let is_new = request.version == Some(1);
    let mut head = Head {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        content_type: String::new(),
        json_length: None,
        keep_alive: is_new,
        knows_chunks: is_new,
        truth: false,
        expects_continue: false,
        length,
        framing: Framing::Length(0),
    };
    let mut given_length = None;
    for header in request.headers {
        head.take_header(header.name, header.value, &mut given_length)?;
    }
    match (head.framing, given_length) {
        (Framing::Chunked, Some(_)) => {
            Err(Refusal::bad_request("the body has both a Content-Length and a Transfer-Encoding"))
        }
        (Framing::Length(_), Some(given)) if given > BODY_MAX => Err(too_large()),
        (Framing::Length(_), given) => {
            head.framing = Framing::Length(given.unwrap_or(0));
            Ok(Some(head))
        }
        (Framing::Chunked, None) => Ok(Some(head)),
    }
}

impl Head {
    fn take_header(&mut self, name: &str, value: &[u8], length: &mut Option<usize>) -> Result<(), Refusal> {
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case("content-length") {
            let given = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            let given = given.ok_or_else(|| Refusal::bad_request("the Content-Length is not a number"))?;
            if length.is_some_and(|earlier| earlier != given) {
                return Err(Refusal::bad_request("there are two different Content-Lengths"));
            }
            *length = Some(given);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::new(501, "this server knows no Transfer-Encoding but chunked"));
            }
            self.framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("x-plimsoll-truth") {
            self.truth = value == b"1";
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    self.keep_alive = false;
                } else if option.eq_ignore_ascii_case(b"keep-alive") {
                    self.keep_alive = true;
                }
            }
        } else if name.eq_ignore_ascii_case("content-type") {
            self.content_type = String::from_utf8_lossy(value).into_owned();
        } else if name.eq_ignore_ascii_case("inference-header-content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            let message = "the Inference-Header-Content-Length is not a number";
            self.json_length = Some(length.ok_or_else(|| Refusal::bad_request(message))?);
        } else if name.eq_ignore_ascii_case("expect") {
            self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }
}

fn too_large() -> Refusal {
    Refusal::new(413, "the body is larger than the 256 MiB that this server reads")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `size` and returns the bodies of the requests found.
    fn bodies(bytes: &[u8], size: usize) -> Result<Vec<Vec<u8>>, Refusal> {
        let mut reader = RequestReader::default();
        let mut bodies = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece);
            while reader.advance()? == Progress::Whole {
                bodies.push(reader.request().unwrap().1.to_vec());
                reader.consume();
            }
        }
        Ok(bodies)
    }

    #[test]
    fn requests_are_found_however_they_are_cut() {
        let bytes = b"POST /a HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc\
            GET /b HTTP/1.1\r\n\r\n\
            POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nt: v\r\n\r\n\
            POST /d HTTP/1.1\r\ncontent-length: 1\r\n\r\ng";
        let expected = [&b"abc"[..], b"", b"def", b"g"];
        for size in 1..=bytes.len() {
            assert_eq!(bodies(bytes, size).unwrap(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_client_that_awaits_permission_is_told_once() {
        let mut reader = RequestReader::default();
        reader.push(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
        assert_eq!(reader.advance().unwrap(), Progress::AwaitsContinue);
        assert_eq!(reader.advance().unwrap(), Progress::Partial);
        reader.push(b"ok");
        assert_eq!(reader.advance().unwrap(), Progress::Whole);
    }

    #[test]
    fn connections_are_kept_as_the_version_and_the_header_say() {
        for (head, kept) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: upgrade, close\r\n\r\n", false),
        ] {
            assert_eq!(parse_head(head.as_bytes()).unwrap().unwrap().keep_alive, kept, "{head}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (bytes, status) in [
            ("hello\r\n\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffff\r\n", 413),
        ] {
            assert_eq!(bodies(bytes.as_bytes(), 1000).expect_err(bytes).status, status, "{bytes}");
        }
        let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(HEAD_MAX));
        assert_eq!(bodies(endless.as_bytes(), 1000).expect_err("endless").status, 431);
    }
}
