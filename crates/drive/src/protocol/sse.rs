//! Server-sent events, split from a byte stream as it arrives.
//!
//! Works in bytes, so that a character split across reads is nothing special, and copies an event only when it spans
//! two reads or has several `data` lines. Every byte is looked at once: the cost is linear however the stream is cut.

use memchr::memchr2;
use thiserror::Error;

/// The largest event accepted, in bytes of its lines.
pub const MAX_EVENT: usize = 16 << 20;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its `event` field; empty when it has none.
    pub name: &'a [u8],
    /// Its `data` lines, joined with line feeds; never empty.
    pub data: &'a [u8],
}

/// An event of more than [`MAX_EVENT`] bytes.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("an event of more than {} MiB", MAX_EVENT >> 20)]
pub struct TooLarge;

/// Splits a stream into events. Lines may end in `\n`, `\r\n` or `\r`, mixed.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
    /// Data of the event so far, from earlier reads or from several lines.
    data: Vec<u8>,
    /// Whether `data` holds a line, which may be empty.
    has_data: bool,
    /// The event's name so far.
    name: Vec<u8>,
    /// The last byte was `\r`: a `\n` that follows belongs to it.
    after_cr: bool,
    /// A line has been completed: no byte order mark any more.
    begun: bool,
}

impl Splitter {
    /// Takes the next bytes and calls `on_event` for each event that they complete, in order.
    ///
    /// # Errors
    /// [`TooLarge`], or what `on_event` returns; the splitter is of no use afterwards.
    pub fn feed<E: From<TooLarge>>(
        &mut self,
        bytes: &[u8],
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut rest = bytes;
        // The one data line of an event that has so far lain within this read: no copy.
        let mut here: Option<&[u8]> = None;
        loop {
            if self.after_cr && !rest.is_empty() {
                self.after_cr = false;
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                break;
            };
            self.after_cr = rest[end] == b'\r';
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.line.is_empty() {
                self.take_line(line, &mut here, &mut on_event)?;
            } else {
                self.finish_carried_line(line, &mut here, &mut on_event)?;
            }
        }
        if let Some(data) = here {
            self.append_data(data)?;
        }
        self.bound(rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// Takes the end of the stream: the last event may have lacked its blank line.
    ///
    /// # Errors
    /// As [`Splitter::feed`].
    pub fn finish<E: From<TooLarge>>(
        &mut self,
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.feed(b"\n\n", &mut on_event)
    }

    /// Whether an event has begun that its blank line has not ended.
    pub fn inside_event(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }

    /// Whether the next byte begins an event or what stands between events: nothing of one has come yet.
    pub fn is_between_events(&self) -> bool {
        !self.inside_event() && self.name.is_empty() && !self.after_cr && self.begun
    }

    /// A line that began in an earlier read.
    fn finish_carried_line<E: From<TooLarge>>(
        &mut self,
        tail: &[u8],
        here: &mut Option<&[u8]>,
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bound(tail.len())?;
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(tail);
        // It lives in our buffer and not in the read, so its data must be copied before the buffer is used again.
        let mut carried = None;
        if let Some(data) = here.take() {
            self.append_data(data)?;
        }
        self.take_line(&line, &mut carried, on_event)?;
        if let Some(data) = carried {
            self.append_data(data)?;
        }
        line.clear();
        self.line = line;
        Ok(())
    }

    /// A whole line, without its end.
    fn take_line<'a, E: From<TooLarge>>(
        &mut self,
        line: &'a [u8],
        here: &mut Option<&'a [u8]>,
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = if self.begun { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            return self.dispatch(here.take(), on_event);
        }
        if let Some(value) = field(line, b"data") {
            if self.has_data || here.is_some() {
                if let Some(first) = here.take() {
                    self.append_data(first)?;
                }
                self.append_data(value)?;
            } else {
                *here = Some(value);
            }
        } else if let Some(value) = field(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        }
        Ok(())
    }

    fn dispatch<E>(
        &mut self,
        here: Option<&[u8]>,
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let data = here.unwrap_or(&self.data);
        let result = if data.is_empty() { Ok(()) } else { on_event(Event { name: &self.name, data }) };
        self.data.clear();
        self.name.clear();
        self.has_data = false;
        result
    }

    fn append_data(&mut self, line: &[u8]) -> Result<(), TooLarge> {
        self.bound(line.len())?;
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(line);
        self.has_data = true;
        Ok(())
    }

    fn bound(&self, more: usize) -> Result<(), TooLarge> {
        if self.data.len() + self.line.len() + more > MAX_EVENT { Err(TooLarge) } else { Ok(()) }
    }
}

/// The value of a line `name:value`, `name: value` or `name`; nothing for other fields and for comments.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Events = Vec<(String, String)>;

    fn split<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Events {
        let mut events = Events::new();
        let mut on_event = |event: Event<'_>| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            events.push((text(event.name), text(event.data)));
            Ok::<(), TooLarge>(())
        };
        let mut splitter = Splitter::default();
        for read in reads {
            splitter.feed(read, &mut on_event).unwrap();
        }
        splitter.finish(&mut on_event).unwrap();
        events
    }

    #[test]
    fn every_form_of_the_standard_is_split() {
        for (stream, expected) in [
            ("data: a\n\ndata:b\n\n", &[("", "a"), ("", "b")][..]),
            ("data: a\r\n\r\ndata: b\r\rdata: c\n\r\n", &[("", "a"), ("", "b"), ("", "c")]),
            ("data: a\n\rdata: b\r\n\ndata: c", &[("", "a"), ("", "b"), ("", "c")]),
            ("data: a\ndata: b\ndata:\ndata: c\n\n", &[("", "a\nb\n\nc")]),
            (": ping\n\n:\n\ndata: a\n: inside\n\n", &[("", "a")]),
            ("event: error\ndata: a\n\ndata: b\n\n", &[("error", "a"), ("", "b")]),
            ("event: lost\n\ndata: b\n\n", &[("", "b")]),
            ("id: 1\nretry: 5\ndata:  two spaces\n\n", &[("", " two spaces")]),
            ("\u{feff}data: after the mark\n\n", &[("", "after the mark")]),
            ("data\n\ndata:\n\ndatabase: no\n\n", &[]),
            ("data: a", &[("", "a")]),
            ("data: a\n", &[("", "a")]),
            ("data: grüße 🙂\n\n", &[("", "grüße 🙂")]),
            ("\n\n\n", &[]),
            ("", &[]),
        ] {
            let expected: Events = expected.iter().map(|(n, d)| ((*n).to_owned(), (*d).to_owned())).collect();
            assert_eq!(split([stream.as_bytes()]), expected, "{stream:?}");
            let bytewise = split(stream.as_bytes().chunks(1));
            assert_eq!(bytewise, expected, "byte by byte: {stream:?}");
        }
    }

    #[test]
    fn an_event_is_delivered_by_the_byte_that_completes_it() {
        for (stream, at) in [("data: a\n\n", 9), ("data: a\r\n\r\n", 10), ("data: a\r\r", 9)] {
            let mut splitter = Splitter::default();
            let mut seen = None;
            for (index, byte) in stream.bytes().enumerate() {
                let mut on_event = |_: Event<'_>| {
                    seen = Some(index + 1);
                    Ok::<(), TooLarge>(())
                };
                splitter.feed(&[byte], &mut on_event).unwrap();
            }
            assert_eq!(seen, Some(at), "{stream:?}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let block = vec![b'x'; 1 << 20];
        for (prefix, line_end) in [("data: ", &b""[..]), ("data: x\n", b"\n")] {
            let mut splitter = Splitter::default();
            let mut feed = |bytes: &[u8]| splitter.feed(bytes, |_| Ok::<(), TooLarge>(()));
            feed(prefix.as_bytes()).unwrap();
            let fed =
                (0..40).take_while(|_| feed(b"data: ").and(feed(&block)).and(feed(line_end)).is_ok()).count();
            assert!(fed <= 16, "{fed} MiB were accepted");
        }
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_does_not_matter(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "data: ", "data:", "data", "event: error", ":", "x", "é🙂", "{\"a\":1}", "[DONE]", "id: 3", "\n", "\r",
                    "\r\n", "\n\n", "\r\n\r\n", "\r\r", "\u{feff}", " ",
                ]),
                0..40,
            ),
            cuts in prop::collection::vec(0.0..1.0f64, 0..12),
        ) {
            let stream = pieces.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * stream.len() as f64) as usize).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let whole = split([&stream[..]]);
            prop_assert_eq!(&split(cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]])), &whole);
            prop_assert_eq!(&split(stream.chunks(1)), &whole);
        }
    }
}
