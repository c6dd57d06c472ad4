//! A TCP stream whose reads say when the kernel received their bytes.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use plimsoll_core::time::Offset;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::{self, Clock};

/// How long a tie between wall time and monotonic time is used before it is renewed.
const TIE_LIFETIME_NANOS: u64 = 100_000_000;
/// A kernel timestamp further back than this means that wall time was set meanwhile.
const IMPLAUSIBLE_NANOS: u64 = 10_000_000_000;

/// Turns the kernel's receive timestamps, which are wall time, into moments of the run. One per I/O thread.
#[derive(Debug)]
pub struct ReceiveClock {
    clock: Clock,
    /// Wall minus monotonic time, and the monotonic time at which that was read, in nanoseconds.
    tie: Cell<(i128, u64)>,
}

/// When the bytes of a read arrived, and how long after that they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The kernel's receive timestamp where there is one, else the time of the read.
    pub at: Offset,
    /// From the kernel's timestamp to the read, nanoseconds; `None` without a kernel timestamp.
    pub read_lag: Option<u64>,
}

impl ReceiveClock {
    /// A receive clock of the run's clock.
    pub fn new(clock: Clock) -> Self {
        ReceiveClock { clock, tie: Cell::new(tie()) }
    }

    /// The arrival of bytes that were read just now and received at `wall` (nanoseconds since the Unix epoch).
    fn arrival(&self, wall: Option<i128>) -> Arrival {
        let now = clock::now(libc::CLOCK_MONOTONIC);
        let read = Arrival { at: self.clock.offset_of(now), read_lag: None };
        let Some(wall) = wall else { return read };
        if now.saturating_sub(self.tie.get().1) > TIE_LIFETIME_NANOS {
            self.tie.set(tie());
        }
        // The two clocks are read one after the other, so a fresh stamp may seem some nanoseconds ahead.
        let received = u64::try_from(wall - self.tie.get().0).unwrap_or(0).min(now);
        if now - received > IMPLAUSIBLE_NANOS {
            return read;
        }
        Arrival { at: self.clock.offset_of(received), read_lag: Some(now - received) }
    }
}

fn tie() -> (i128, u64) {
    let before = clock::now(libc::CLOCK_MONOTONIC);
    let wall = clock::now(libc::CLOCK_REALTIME);
    let after = clock::now(libc::CLOCK_MONOTONIC);
    let monotonic = before + (after - before) / 2;
    (i128::from(wall) - i128::from(monotonic), after)
}

/// A TCP stream with kernel receive timestamps where the socket gives them.
#[derive(Debug)]
pub(crate) struct StampedTcp {
    stream: TcpStream,
    /// Wall time at which the bytes of the last read were received, nanoseconds since the Unix epoch.
    received: Option<i128>,
    /// Whether a read ends with the first event in the socket.
    by_event: bool,
}

impl StampedTcp {
    /// Asks the kernel for receive timestamps; without them the time of the read serves.
    pub(crate) fn new(stream: TcpStream) -> Self {
        let on: libc::c_int = 1;
        // SAFETY: the descriptor is open and `on` is an int of the length given. A refusal is harmless: no timestamp
        // comes with the reads then.
        unsafe {
            libc::setsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPNS,
                (&raw const on).cast(),
                mem::size_of_val(&on) as libc::socklen_t,
            );
        }
        StampedTcp { stream, received: None, by_event: false }
    }

    /// The arrival of the bytes of the last read.
    pub(crate) fn arrival(&self, clock: &ReceiveClock) -> Arrival {
        clock.arrival(self.received)
    }

    /// Whether reads end with the first event in the socket, even if more has arrived.
    ///
    /// The kernel stamps a read with the arrival of its last byte. A client that is behind would so see the first
    /// token arrive with the second; reading up to the end of an event gives the event its own stamp.
    pub(crate) fn read_by_event(&mut self, by_event: bool) {
        self.by_event = by_event;
    }

    /// Whether the peer has closed this idle connection or sent something that nobody asked for.
    pub(crate) fn is_stale(&self) -> bool {
        is_something(peek(self.stream.as_raw_fd()))
    }

    /// The same as far as the runtime has heard, which was when it last waited. The kernel is asked only if there are news.
    pub(crate) fn has_news(&self) -> bool {
        is_something(self.stream.try_io(Interest::READABLE, || peek(self.stream.as_raw_fd())))
    }
}

impl AsyncRead for StampedTcp {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.stream.poll_read_ready(cx))?;
            let fd = this.stream.as_raw_fd();
            let by_event = this.by_event;
            let read = || {
                let room = buf.initialize_unfilled();
                let (there, end) = if by_event { first_event(fd, room)? } else { (room.len(), room.len()) };
                let (len, received) = receive(fd, &mut room[..end])?;
                Ok((len, received, if by_event { len == there && there < room.len() } else { len < there }))
            };
            match this.stream.try_io(Interest::READABLE, read) {
                Ok((len, received, emptied)) => {
                    // A short read has emptied the socket. Saying so spares the read that would find it empty; it is
                    // safe because no event is taken from the kernel before this poll ends.
                    if len > 0 && emptied {
                        let empty = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                        let _ = this.stream.try_io(Interest::READABLE, empty);
                    }
                    buf.advance(len);
                    this.received = received;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for StampedTcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Room for the control message that carries the timestamp, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Looks whether a read would give anything, be it the end or an error.
fn peek(fd: RawFd) -> io::Result<()> {
    let mut byte = [0_u8; 1];
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the descriptor is open and the buffer is one byte long, as said.
    let got = unsafe { libc::recv(fd, byte.as_mut_ptr().cast(), 1, flags) };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn is_something(peeked: io::Result<()>) -> bool {
    !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Looks at what is in a socket: how many bytes (as far as `room` goes), and how many of them to read so that the read
/// ends with the first event; all of them if no event ends there.
fn first_event(fd: RawFd, room: &mut [u8]) -> io::Result<(usize, usize)> {
    // SAFETY: the descriptor is open and the buffer is as long as said.
    let len = unsafe { libc::recv(fd, room.as_mut_ptr().cast(), room.len(), libc::MSG_PEEK) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    // At the end of the stream there is nothing to look at; one byte of room lets the read find that out.
    let end = end_of_event(&room[..len]).unwrap_or(len).max(1);
    Ok((len, end))
}

/// Where the first event ends: after two line ends in a row.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|line_end| match bytes[line_end + 1..] {
        [b'\n', ..] => Some(line_end + 2),
        [b'\r', b'\n', ..] => Some(line_end + 3),
        _ => None,
    })
}

/// Reads from a socket, with the wall time at which the kernel received the last of the bytes.
fn receive(fd: RawFd, buf: &mut [u8]) -> io::Result<(usize, Option<i128>)> {
    let mut control = Control([0; 64]);
    let mut piece = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: a message header of zeros is a valid one; its pointers are set below.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in `message` leads to memory that is as long as said and outlives the call.
    let len = unsafe { libc::recvmsg(fd, &mut message, 0) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled `message`; the macro yields null or a header that lies within `control`.
    let header = unsafe { libc::CMSG_FIRSTHDR(&message).as_ref() };
    let stamp = header
        .filter(|header| header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_TIMESTAMPNS)
        // SAFETY: a message of this type carries a timespec, perhaps unaligned.
        .map(|header| unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() })
        .map(|time| i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec));
    Ok((len, stamp))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_event_ends_after_two_line_ends() {
        for (bytes, end) in [
            ("data: a\n\ndata: b\n\n", Some(9)),
            ("data: a\r\n\r\ndata", Some(11)),
            ("data: a\ndata: b", None),
            ("data: a\n", None),
            ("", None),
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\ndata", Some(25)),
        ] {
            assert_eq!(end_of_event(bytes.as_bytes()), end, "{bytes:?}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn reads_by_event_give_each_event_its_own_stamp() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.set_nodelay(true).unwrap();
        let mut client = StampedTcp::new(client);
        client.read_by_event(true);
        for event in ["a\n\n", "bb\r\n\r\n", "ccc"] {
            server.write_all(event.as_bytes()).await.unwrap();
        }
        drop(server);
        let mut room = [0; 100];
        let mut reads = Vec::new();
        loop {
            let len = client.read(&mut room).await.unwrap();
            if len == 0 {
                break;
            }
            reads.push(String::from_utf8(room[..len].to_vec()).unwrap());
        }
        assert_eq!(reads, ["a\n\n", "bb\r\n\r\n", "ccc"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_read_is_stamped_between_the_write_and_the_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let clock = Clock::start();
        let receive_clock = ReceiveClock::new(clock);
        let mut client = StampedTcp::new(client);
        // The first bytes switch timestamps on in the kernel, which may happen a moment late.
        for round in 0..3 {
            let before = clock.now();
            server.write_all(b"x").await.unwrap();
            let written = clock.now();
            // Time passes between the arrival and the read.
            std::thread::sleep(std::time::Duration::from_millis(20));
            client.read_u8().await.unwrap();
            let arrival = client.arrival(&receive_clock);
            assert!(arrival.at >= before, "{arrival:?}");
            if round > 0 && arrival.read_lag.is_some() {
                assert!(arrival.at.as_nanos() < written.as_nanos() + 15_000_000, "{arrival:?} {written:?}");
            }
        }
        assert!(!client.is_stale() && !client.has_news());
        drop(server);
        client.stream.ready(Interest::READABLE).await.unwrap();
        assert!(client.is_stale() && client.has_news());
    }
}
