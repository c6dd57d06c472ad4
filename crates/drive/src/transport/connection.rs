//! A connection, with or without TLS, that knows when its bytes arrived.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::stamped::{Arrival, ReceiveClock, StampedTcp};

/// Most pieces handed to the kernel in one call.
const MAX_PIECES: usize = 16;

/// A connection to the server.
pub(crate) struct Connection {
    stream: Stream,
    /// Requests that it has carried.
    pub(crate) requests: u64,
    /// How long the handshake of TCP took.
    round_trip: Duration,
}

/// Room for machines that are busy, in the time that news take.
const LATE_NEWS: Duration = Duration::from_millis(100);

enum Stream {
    Plain(StampedTcp),
    Tls(Box<TlsStream<StampedTcp>>),
}

impl Connection {
    pub(crate) fn plain(stream: StampedTcp, round_trip: Duration) -> Self {
        Connection { stream: Stream::Plain(stream), requests: 0, round_trip }
    }

    pub(crate) fn tls(stream: TlsStream<StampedTcp>, round_trip: Duration) -> Self {
        Connection { stream: Stream::Tls(Box::new(stream)), requests: 0, round_trip }
    }

    /// How long after a request the news may come that the server had closed the connection before it saw it. A server
    /// that closes later has seen it.
    pub(crate) fn news_take(&self) -> Duration {
        self.round_trip * 2 + LATE_NEWS
    }

    /// Whether the server has closed this idle connection, or sent something that nobody asked for.
    pub(crate) fn is_stale(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_stale(),
            Stream::Tls(stream) => stream.get_ref().0.is_stale(),
        }
    }

    /// The same as far as the runtime has heard, without asking the kernel each time.
    pub(crate) fn has_news(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.has_news(),
            Stream::Tls(stream) => stream.get_ref().0.has_news(),
        }
    }

    /// Whether reads end with the first event in the socket. TLS hides events from the socket, so it changes nothing
    /// there.
    pub(crate) fn read_by_event(&mut self, by_event: bool) {
        if let Stream::Plain(stream) = &mut self.stream {
            stream.read_by_event(by_event);
        }
    }

    /// Reads what is there, with its arrival; 0 bytes mean the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
        clock: &ReceiveClock,
    ) -> Poll<io::Result<(usize, Arrival)>> {
        let mut buf = ReadBuf::new(buf);
        let arrival = match &mut self.stream {
            Stream::Plain(stream) => {
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
                stream.arrival(clock)
            }
            Stream::Tls(stream) => {
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
                stream.get_ref().0.arrival(clock)
            }
        };
        Poll::Ready(Ok((buf.filled().len(), arrival)))
    }

    /// Writes pieces until all are with the kernel.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, unsent: &mut Unsent) -> Poll<io::Result<()>> {
        while !unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_PIECES];
            let count = unsent.slices(&mut slices);
            let written = ready!(self.poll_write_slices(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            unsent.advance(written);
        }
        self.poll_flush(cx)
    }

    /// Writes what the kernel takes of some pieces, and says how much.
    pub(crate) fn poll_write_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match (&mut self.stream, slices) {
            // One piece goes by a system call that has no list of them to copy and to check.
            (Stream::Plain(stream), [only]) => Pin::new(stream).poll_write(cx, only),
            (Stream::Plain(stream), _) => Pin::new(stream).poll_write_vectored(cx, slices),
            (Stream::Tls(stream), _) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    /// Hands the kernel what TLS has kept of what was written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Ends the sending half.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Whether TLS has settled on HTTP/2 (ALPN); without TLS nothing is settled.
    pub(crate) fn settled_on_http2(&self) -> Option<bool> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(stream.get_ref().1.alpn_protocol() == Some(super::tls::HTTP2)),
        }
    }
}

/// The pieces of a request that the kernel has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    pieces: Vec<Bytes>,
    /// Pieces wholly sent.
    done: usize,
    /// Bytes sent of the piece at `done`.
    within: usize,
}

impl Unsent {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        Unsent { pieces, done: 0, within: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.done == self.pieces.len()
    }

    /// Starts again, for a second try on another connection.
    pub(crate) fn rewind(&mut self) {
        (self.done, self.within) = (0, 0);
    }

    fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_PIECES]) -> usize {
        let left = self.pieces[self.done..].iter().enumerate();
        let mut count = 0;
        for ((index, piece), slice) in left.zip(slices.iter_mut()) {
            *slice = IoSlice::new(if index == 0 { &piece[self.within..] } else { piece });
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(piece) = self.pieces.get(self.done) {
            let left = piece.len() - self.within;
            if written < left {
                self.within += written;
                return;
            }
            written -= left;
            self.done += 1;
            self.within = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_sent_once_each_whatever_the_kernel_takes() {
        let pieces: Vec<Bytes> = ["", "abc", "", "defgh", "i"].into_iter().map(Bytes::from).collect();
        for step in 1..=9 {
            let mut unsent = Unsent::new(pieces.clone());
            let mut sent = Vec::new();
            while !unsent.is_empty() {
                let mut slices = [IoSlice::new(&[]); MAX_PIECES];
                let count = unsent.slices(&mut slices);
                let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                let taken = step.min(all.len());
                sent.extend_from_slice(&all[..taken]);
                unsent.advance(taken);
            }
            assert_eq!(sent, b"abcdefghi", "step {step}");
            unsent.rewind();
            assert!(!unsent.is_empty());
        }
    }
}
