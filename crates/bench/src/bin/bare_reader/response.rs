//! Reads answers as little as a client can: where events end, what the server stamped on them, where the answer ends.

/// What a server-sent event's stamp follows.
const MARK: &[u8] = b"\"system_fingerprint\":\"plimsoll:";
/// The end of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Reads one connection's answers, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// The last bytes of the reads so far, in which an end may have begun.
    tail: [u8; LAST_CHUNK.len()],
    /// What is missing of an answer whose length is known.
    missing: usize,
    /// Events of this answer.
    events: u32,
}

/// What a read had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Events that ended in it.
    pub(crate) events: u32,
    /// Whether the answer is over.
    pub(crate) over: bool,
}

impl Response {
    /// Takes a read of a stream. `on_stamp` gets each event's number within its answer, from 0, and its stamp.
    pub(crate) fn take_stream(&mut self, bytes: &[u8], mut on_stamp: impl FnMut(u32, u64)) -> Seen {
        let mut seen = Seen::default();
        let mut rest = bytes;
        // Two line ends in a row end an event; the head of the response ends with `\r\n\r\n` and so does not.
        let mut after_line_end = self.tail[LAST_CHUNK.len() - 1] == b'\n';
        while let Some(at) = find_byte(rest, b'\n') {
            if at == 0 && after_line_end {
                seen.events += 1;
                self.events += 1;
            } else if let Some(stamp) = stamp_in(&rest[..at]) {
                on_stamp(self.events, stamp);
            }
            rest = &rest[at + 1..];
            after_line_end = true;
        }
        self.keep_tail(bytes);
        if self.tail == LAST_CHUNK {
            *self = Response::default();
            seen.over = true;
        }
        seen
    }

    /// Takes a read of an answer that tells its length.
    pub(crate) fn take_whole(&mut self, bytes: &[u8]) -> Seen {
        if self.missing == 0 {
            // The server's heads are short and come in one piece.
            self.missing = length_of(bytes).unwrap_or(bytes.len());
        }
        self.missing = self.missing.saturating_sub(bytes.len());
        Seen { events: 0, over: self.missing == 0 }
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let room = self.tail.len();
        if bytes.len() >= room {
            self.tail.copy_from_slice(&bytes[bytes.len() - room..]);
        } else {
            self.tail.rotate_left(bytes.len());
            self.tail[room - bytes.len()..].copy_from_slice(bytes);
        }
    }
}

/// The digits after the mark, which follows the model's name. Every event has it in the same place but for that name.
fn stamp_in(line: &[u8]) -> Option<u64> {
    let line = line.strip_prefix(b"data: {")?;
    let at = find(line, MARK)? + MARK.len();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Bytes of head and body together.
fn length_of(bytes: &[u8]) -> Option<usize> {
    const FIELD: &[u8] = b"\r\ncontent-length: ";
    let head = find(bytes, b"\r\n\r\n")? + 4;
    let at = find(&bytes[..head], FIELD)? + FIELD.len();
    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(head + digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    // SAFETY: the slice is as long as said.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| found as usize - bytes.as_ptr() as usize)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    // SAFETY: both slices are as long as said.
    let found = unsafe { libc::memmem(bytes.as_ptr().cast(), bytes.len(), what.as_ptr().cast(), what.len()) };
    (!found.is_null()).then(|| found as usize - bytes.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        3e\r\ndata: {\"model\":\"m\",\"system_fingerprint\":\"plimsoll:1234\",\"x\":0}\n\n\r\n\
        3d\r\ndata: {\"model\":\"m\",\"system_fingerprint\":\"plimsoll:567\",\"x\":0}\n\n\r\n\
        e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

    #[test]
    fn events_and_ends_are_seen_wherever_reads_divide_them() {
        for step in 1..=STREAM.len() {
            let (mut response, mut events, mut over) = (Response::default(), 0, 0);
            for piece in STREAM.as_bytes().chunks(step) {
                let seen = response.take_stream(piece, |_, _| {});
                events += seen.events;
                over += u32::from(seen.over);
            }
            assert_eq!((events, over), (3, 1), "step {step}");
        }
    }

    #[test]
    fn stamps_come_with_the_number_of_their_event() {
        let mut stamps = Vec::new();
        Response::default().take_stream(STREAM.as_bytes(), |event, stamp| stamps.push((event, stamp)));
        assert_eq!(stamps, [(0, 1234), (1, 567)]);
    }

    #[test]
    fn an_answer_that_tells_its_length_ends_there() {
        let whole = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 4\r\n\r\nabcd";
        let mut response = Response::default();
        for _ in 0..2 {
            assert!(!response.take_whole(&whole[..whole.len() - 1]).over);
            assert!(response.take_whole(b"d").over);
        }
    }
}
