//! Connections, and the clock that the server's stamps are readings of.

use std::io::{self, Read as _, Write as _};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// A connection to the server.
pub(crate) struct Socket {
    stream: TcpStream,
}

impl Socket {
    /// Connects; `stamped` asks the kernel when it receives what comes.
    pub(crate) fn connect(server: SocketAddr, stamped: bool) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        if stamped {
            let on: libc::c_int = 1;
            // SAFETY: the descriptor is open and `on` is an int of the length given.
            let done = unsafe {
                libc::setsockopt(
                    stream.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_TIMESTAMPNS,
                    (&raw const on).cast(),
                    mem::size_of_val(&on) as libc::socklen_t,
                )
            };
            if done != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Socket { stream })
    }

    /// Hands a small request to the kernel, which takes it whole: the connection has nothing else to send.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)
    }

    /// Reads what is there; `None` if nothing is.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        taken(self.stream.read(room))
    }

    /// The same, with the time by CLOCK_MONOTONIC at which the kernel received the last of it, given how far wall time is
    /// `ahead`, nanoseconds.
    pub(crate) fn read_stamped(&mut self, room: &mut [u8], ahead: i128) -> io::Result<Option<(usize, u64)>> {
        let Some((len, wall)) = taken(receive(self.stream.as_raw_fd(), room))? else { return Ok(None) };
        let at = wall.and_then(|wall| u64::try_from(wall - ahead).ok()).unwrap_or_else(now);
        Ok(Some((len, at)))
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

/// What a read of a socket that does not block gave.
fn taken<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(taken) => Ok(Some(taken)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Room for the control message that carries the timestamp, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

fn receive(fd: RawFd, room: &mut [u8]) -> io::Result<(usize, Option<i128>)> {
    let mut control = Control([0; 64]);
    let mut piece = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    // SAFETY: a message header of zeros is a valid one; its pointers are set below.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in `message` leads to memory that is as long as said and outlives the call.
    let len = unsafe { libc::recvmsg(fd, &raw mut message, 0) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled `message`; the macro yields null or a header that lies within `control`.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref() };
    let stamp = header
        .filter(|header| header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_TIMESTAMPNS)
        // SAFETY: a message of this type carries a timespec, perhaps unaligned.
        .map(|header| unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() })
        .map(|time| i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec));
    Ok((len, stamp))
}

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call; these clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// CLOCK_MONOTONIC, nanoseconds: the server's stamps are readings of it.
pub(crate) fn now() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// How far wall time is ahead of CLOCK_MONOTONIC, nanoseconds.
pub(crate) fn wall_ahead() -> i128 {
    i128::from(read_clock(libc::CLOCK_REALTIME)) - i128::from(now())
}

/// Nanoseconds as a time that can be waited for.
pub(crate) fn until(instant: u64) -> Duration {
    Duration::from_nanos(instant.saturating_sub(now()))
}
