//! A server of HTTP/2 that writes its frames by hand, so that it can write wrong ones, and stop anywhere.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// What a client says first.
const PREFACE: usize = 24;

/// A connection that speaks HTTP/2.
pub(crate) struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// Takes the client's first words and says that it may ask.
    pub(crate) fn accept(mut stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.read_exact(&mut [0; PREFACE])?;
        let mut frames = Frames { stream };
        frames.write(SETTINGS, 0, 0, &[])?;
        Ok(frames)
    }

    /// Waits for a whole request and gives its stream.
    pub(crate) fn request(&mut self) -> io::Result<u32> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload)?;
            let (kind, flags) = (head[3], head[4]);
            match kind {
                SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[])?,
                PING if flags & ACK == 0 => self.write(PING, ACK, 0, &payload)?,
                HEADERS | DATA if flags & END_STREAM != 0 => {
                    return Ok(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
                }
                _ => {}
            }
        }
    }

    /// The head of an answer with status 200 and this content type.
    pub(crate) fn head(&mut self, stream: u32, content_type: &str) -> io::Result<()> {
        // HPACK without its tables: `:status: 200` is 8 among the names that all know.
        let block = [&[0x88][..], &field("content-type", content_type)].concat();
        self.write(HEADERS, END_HEADERS, stream, &block)
    }

    pub(crate) fn data(&mut self, stream: u32, data: &[u8]) -> io::Result<()> {
        self.write(DATA, 0, stream, data)
    }

    /// The end of an answer, without trailers.
    pub(crate) fn end(&mut self, stream: u32) -> io::Result<()> {
        self.write(DATA, END_STREAM, stream, &[])
    }

    pub(crate) fn trailers(&mut self, stream: u32, fields: &[(&str, &str)]) -> io::Result<()> {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    }

    pub(crate) fn reset(&mut self, stream: u32, reason: u32) -> io::Result<()> {
        self.write(RESET, 0, stream, &reason.to_be_bytes())
    }

    /// Says that streams after `last` have not been looked at.
    pub(crate) fn go_away(&mut self, last: u32, reason: u32) -> io::Result<()> {
        self.write(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
    }

    /// Anything at all.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads on and says nothing more, until the client has gone.
    pub(crate) fn hang(self) -> io::Result<()> {
        hang(self.stream)
    }

    /// Closes the connection. What the client still says is read, or the kernel would reset it instead.
    pub(crate) fn close(self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.hang()
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.stream.write_all(&[&head, payload].concat())
    }
}

/// Reads on and says nothing more, until the client has gone.
pub(crate) fn hang(mut stream: TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// A field as a literal that is not remembered.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}
