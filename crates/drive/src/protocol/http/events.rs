//! Cuts a streamed answer into events: lines, server-sent events, or chunks of the transfer.

use memchr::memchr;
use plimsoll_core::spec::StreamBy;

use super::super::Malformed;
use super::super::sse::{Event, MAX_EVENT, Splitter, TooLarge};

/// Where the answer stands.
pub(super) enum Events {
    /// It is not looked at piece by piece.
    Whole,
    Lines(Lines),
    Sse(Splitter),
    /// Chunks; whether bytes came since the last one ended.
    Chunks {
        open: bool,
    },
}

/// A line that has begun.
#[derive(Default)]
pub(super) struct Lines {
    /// What came of it in earlier reads, if anybody wants to see it.
    begun: Vec<u8>,
    /// Whether it has more than white space in what came in earlier reads.
    filled: bool,
}

impl Events {
    pub(super) fn by(stream_by: Option<StreamBy>) -> Self {
        match stream_by {
            None => Events::Whole,
            Some(StreamBy::Line) => Events::Lines(Lines::default()),
            Some(StreamBy::Sse) => Events::Sse(Splitter::default()),
            Some(StreamBy::Chunk) => Events::Chunks { open: false },
        }
    }

    /// Takes bytes and shows `on_event` what they complete. Lines come with their text only if somebody `wants` it.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        wants: bool,
        mut on_event: impl FnMut(&[u8]),
    ) -> Result<(), Malformed> {
        match self {
            Events::Whole => Ok(()),
            Events::Lines(lines) => lines.feed(bytes, wants, on_event),
            Events::Sse(splitter) => splitter.feed(bytes, |event: Event<'_>| {
                on_event(event.data.trim_ascii());
                Ok::<(), Malformed>(())
            }),
            Events::Chunks { open } => {
                *open |= !bytes.is_empty();
                Ok(())
            }
        }
    }

    /// A chunk of the transfer ended: whether it was an event.
    pub(super) fn chunk_ended(&mut self) -> bool {
        match self {
            Events::Chunks { open } => std::mem::take(open),
            _ => false,
        }
    }

    /// Takes the end of the answer: the last event may have lacked its end.
    pub(super) fn finish(&mut self, wants: bool, mut on_event: impl FnMut(&[u8])) -> Result<(), Malformed> {
        if self.chunk_ended() {
            on_event(b"");
        }
        match self {
            Events::Whole | Events::Chunks { .. } => Ok(()),
            Events::Lines(lines) => lines.feed(b"\n", wants, on_event),
            Events::Sse(splitter) => splitter.finish(|event: Event<'_>| {
                on_event(event.data.trim_ascii());
                Ok::<(), Malformed>(())
            }),
        }
    }
}

impl Lines {
    fn feed(
        &mut self,
        mut rest: &[u8],
        wants: bool,
        mut on_event: impl FnMut(&[u8]),
    ) -> Result<(), Malformed> {
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            let filled = self.filled || !line.trim_ascii().is_empty();
            if filled && self.begun.is_empty() {
                on_event(line.trim_ascii());
            } else if filled {
                self.keep(line)?;
                on_event(self.begun.trim_ascii());
            }
            self.begun.clear();
            self.filled = false;
        }
        self.filled |= !rest.trim_ascii().is_empty();
        if wants { self.keep(rest) } else { Ok(()) }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        if self.begun.len() + bytes.len() > MAX_EVENT {
            return Err(TooLarge.into());
        }
        self.begun.extend_from_slice(bytes);
        Ok(())
    }
}
