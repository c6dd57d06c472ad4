//! What a connection of HTTP/2 reads and writes: at most one read a turn, so that the arrival of what it brought is known.
//!
//! The kernel says when the bytes of a read arrived, but h2 cuts them into frames and hands these to streams, whose
//! tasks wake later. A turn of the connection's task therefore reads once. What it wakes runs before its next turn,
//! because tasks of one thread run in the order in which they woke: "the last read" is then the read that brought what
//! a stream finds. Were that order ever to change, a frame would seem to arrive with a later read, never with an
//! earlier one.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use plimsoll_core::time::Offset;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::connection::Connection;
use super::super::wire::Wire;

/// Bytes taken from the kernel in one read.
const READ_BUFFER: usize = 64 * 1024;

/// What a socket's reads have brought, and whether it may read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    turn: Cell<Turn>,
    /// Whether the kernel has promised to wake the connection's task when there is more.
    awaited: Cell<bool>,
    arrival: Cell<Offset>,
}

/// Whose turn it is to poll the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// That of its own task, which has not read yet.
    #[default]
    Reader,
    /// The same, after its read.
    HasRead,
    /// That of a request which wants to be sent at once: nothing may be read.
    Sender,
}

impl Reads {
    /// The connection's own task polls now: it may read once.
    pub(super) fn may_read(&self) {
        self.turn.set(Turn::Reader);
    }

    /// A request polls now, in order to be sent.
    pub(super) fn may_not_read(&self) {
        self.turn.set(Turn::Sender);
    }

    /// When what the last read brought had arrived.
    pub(super) fn arrival(&self) -> Offset {
        self.arrival.get()
    }
}

/// A connection as h2 reads and writes it.
pub(super) struct Socket {
    connection: Connection,
    wire: Rc<Wire>,
    reads: Rc<Reads>,
    /// What was read and not yet taken: the bytes from `start` to `end`.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Socket {
    pub(super) fn new(connection: Connection, wire: Rc<Wire>, reads: Rc<Reads>) -> Self {
        let buffer = vec![0; READ_BUFFER].into_boxed_slice();
        Socket { connection, wire, reads, buffer, start: 0, end: 0 }
    }

    /// Reads once, if it may; nothing is in the buffer.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let reads = &self.reads;
        if reads.turn.get() != Turn::Reader {
            if !reads.awaited.get() {
                // Nobody else would wake the task for what is still in the kernel.
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        let read = self.connection.poll_read(cx, &mut self.buffer, &self.wire.receive_clock);
        reads.awaited.set(read.is_pending());
        let (len, arrival) = ready!(read)?;
        reads.turn.set(Turn::HasRead);
        reads.arrival.set(arrival.at);
        self.wire.pulse.read(len, arrival.read_lag);
        (self.start, self.end) = (0, len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.end {
            ready!(this.poll_fill(cx))?;
        }
        let len = buf.remaining().min(this.end - this.start);
        buf.put_slice(&this.buffer[this.start..this.start + len]);
        this.start += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.connection.poll_write_slices(cx, slices))?;
        self.wire.pulse.wrote(written as u64);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_shutdown(cx)
    }
}
