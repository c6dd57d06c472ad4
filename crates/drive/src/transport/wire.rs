//! What every request of one I/O thread shares: clocks, buffers, idle connections and time limits.

use std::cell::RefCell;
use std::time::Duration;

use plimsoll_core::spec::{ConnectionReuse, TransportSpec};
use plimsoll_core::time::Offset;
use tokio::time::Instant;

use super::connection::Connection;
use super::dial::Dialer;
use super::stamped::ReceiveClock;
use crate::endpoint::Station;

/// Bytes taken from a socket in one read.
const READ_BUFFER: usize = 64 * 1024;
/// Idle connections kept per I/O thread.
const MAX_IDLE: usize = 65_536;

/// No server gives a connection up that was used so shortly before: what the runtime has heard of it is enough. One that
/// does is found out all the same, as its news may come after any question, and the request is sent again.
const JUST_USED: Duration = Duration::from_millis(100);

/// A time limit that is further away than tokio can count is this far away.
const FOR_EVER: Duration = Duration::from_secs(86_400 * 365);

/// How answers are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers {
    /// They come as a stream of events.
    pub(crate) streamed: bool,
    /// Their text is kept.
    pub(crate) keep_text: bool,
}

/// What every request of one I/O thread shares.
pub(crate) struct Wire {
    pub(super) station: Station,
    pub(crate) receive_clock: ReceiveClock,
    pub(crate) dialer: Dialer,
    pub(crate) limits: TransportSpec,
    pub(crate) answers: Answers,
    /// One moment of the run, and what it is for tokio's timers.
    tie: (Offset, Instant),
    /// One buffer for all reads: a read is digested before the next one.
    pub(crate) scratch: RefCell<Box<[u8]>>,
    /// With when they were last used.
    idle: RefCell<Vec<(Connection, Offset)>>,
}

impl Wire {
    pub(crate) fn new(station: Station, dialer: Dialer, limits: TransportSpec, answers: Answers) -> Self {
        Wire {
            receive_clock: ReceiveClock::new(station.clock),
            tie: (station.clock.now(), Instant::now()),
            station,
            dialer,
            limits,
            answers,
            scratch: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            idle: RefCell::default(),
        }
    }

    /// A moment of the run as tokio's timers know it; one before the first request is as good as the present.
    pub(crate) fn instant(&self, at: Offset) -> Instant {
        let (known, instant) = self.tie;
        instant.checked_add(at.since(known)).unwrap_or_else(|| instant + FOR_EVER)
    }

    /// The idle connection used last, unless the server has closed it meanwhile.
    pub(crate) fn take_idle(&self) -> Option<Connection> {
        let now = self.clock.now();
        loop {
            let (connection, used) = self.idle.borrow_mut().pop()?;
            let stale =
                if now.since(used) < JUST_USED { connection.has_news() } else { connection.is_stale() };
            if !stale {
                return Some(connection);
            }
            self.pulse.connection_closed();
        }
    }

    /// Takes back a connection whose response was read to its end at `used`.
    pub(crate) fn give_back(&self, connection: Connection, used: Offset) {
        let mut idle = self.idle.borrow_mut();
        if self.limits.reuse == ConnectionReuse::Keep && idle.len() < MAX_IDLE {
            idle.push((connection, used));
        } else {
            self.pulse.connection_closed();
        }
    }
}
