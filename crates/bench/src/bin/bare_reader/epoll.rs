//! Readiness, as the kernel tells it.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Sockets told of at once.
const MAX_EVENTS: usize = 256;

/// An epoll instance, level-triggered.
pub(crate) struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: a plain system call.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Epoll { fd, events: vec![libc::epoll_event { events: 0, u64: 0 }; MAX_EVENTS] })
    }

    /// Watches for something to read; `index` is what [`Epoll::wait`] gives back.
    pub(crate) fn add(&self, fd: &impl AsRawFd, index: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: index as u64 };
        // SAFETY: both descriptors are open, and `event` outlives the call.
        let done = unsafe {
            libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits until something can be read, or for `limit`, to the nanosecond.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<impl Iterator<Item = usize> + '_> {
        let limit =
            libc::timespec { tv_sec: limit.as_secs() as _, tv_nsec: i64::from(limit.subsec_nanos()) as _ };
        // SAFETY: the list is as long as said, and all pointers outlive the call.
        let ready = unsafe {
            libc::epoll_pwait2(
                self.fd.as_raw_fd(),
                self.events.as_mut_ptr(),
                MAX_EVENTS as i32,
                &raw const limit,
                std::ptr::null(),
            )
        };
        let ready = match usize::try_from(ready) {
            Ok(ready) => ready,
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => 0,
            Err(_) => return Err(io::Error::last_os_error()),
        };
        Ok(self.events[..ready].iter().map(|event| event.u64 as usize))
    }
}
