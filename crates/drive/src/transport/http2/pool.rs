//! The connections of one I/O thread that speak HTTP/2: as few as there need to be.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use plimsoll_core::record::ConnectTimes;
use plimsoll_core::spec::{ConnectionReuse, TransportSpec};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::super::dial::DialError;
use super::super::wire::Wire;
use super::link::{Link, Seat};

/// The connections of one I/O thread.
pub(super) struct Pool {
    wire: Rc<Wire>,
    /// The oldest first: it is filled before the next one is used, so that those which are not needed stay idle.
    links: RefCell<Vec<Rc<Link>>>,
    dials: RefCell<Vec<Rc<Dial>>>,
    /// The user's limit for requests at a time on one connection.
    most: usize,
    /// Requests that a connection takes at a time, as far as is known.
    expected: Cell<usize>,
}

/// What came of the opening of a connection.
type Opened = Result<(Rc<Link>, ConnectTimes), DialError>;

/// A connection being opened, and those who wait for it.
struct Dial {
    waiting: Cell<usize>,
    result: RefCell<Option<Opened>>,
    done: Notify,
}

impl Pool {
    pub(super) fn new(wire: Rc<Wire>) -> Self {
        let most = most_streams(&wire.limits);
        Pool { wire, links: RefCell::default(), dials: RefCell::default(), most, expected: Cell::new(most) }
    }

    /// A place on a connection that is open.
    pub(super) fn seat(&self) -> Option<Seat> {
        if self.wire.limits.reuse == ConnectionReuse::Fresh {
            return None;
        }
        self.links.borrow_mut().retain(|link| link.is_open());
        self.links.borrow().iter().find_map(Link::seat)
    }

    /// A place on a connection that is opened for it, or for as many requests as it will take.
    pub(super) async fn opened_seat(self: &Rc<Self>) -> Result<(Seat, ConnectTimes), DialError> {
        if self.wire.limits.reuse == ConnectionReuse::Fresh {
            let (link, times) = self.open().await?;
            return Ok((link.seat().ok_or_else(nothing_allowed)?, times));
        }
        loop {
            let (link, times) = self.dial().wait().await?;
            if let Some(seat) = self.seat() {
                return Ok((seat, times));
            }
            // Requests that were due meanwhile may have taken the places. A server that ends each connection before it
            // has carried any would be asked again and again.
            if !link.is_open() && link.is_unused() {
                return Err(nothing_allowed());
            }
        }
    }

    /// A connection being opened that has places left, or else a new one.
    fn dial(self: &Rc<Self>) -> Rc<Dial> {
        let free = |dial: &&Rc<Dial>| dial.waiting.get() < self.expected.get();
        if let Some(dial) = self.dials.borrow().iter().find(free) {
            return dial.clone();
        }
        let dial = Rc::new(Dial { waiting: Cell::new(0), result: RefCell::default(), done: Notify::new() });
        self.dials.borrow_mut().push(dial.clone());
        let (pool, own) = (self.clone(), dial.clone());
        // A task of its own: whoever asked for it may be given up, and others wait too.
        spawn_local(async move {
            let opened = pool.open().await;
            if let Ok((link, _)) = &opened {
                pool.expected.set(link.limit());
                pool.links.borrow_mut().push(link.clone());
            }
            pool.dials.borrow_mut().retain(|dial| !Rc::ptr_eq(dial, &own));
            own.result.replace(Some(opened));
            own.done.notify_waiters();
        });
        dial
    }

    async fn open(&self) -> Opened {
        let (link, times) = Link::open(&self.wire, self.most).await?;
        self.wire.pulse.connection_opened();
        let (wire, own) = (self.wire.clone(), link.clone());
        spawn_local(async move {
            own.drive().await;
            wire.pulse.connection_closed();
        });
        Ok((link, times))
    }
}

impl Dial {
    async fn wait(&self) -> Opened {
        self.waiting.set(self.waiting.get() + 1);
        loop {
            // Registered before the look, so that the end cannot fall between.
            let done = self.done.notified();
            if let Some(result) = &*self.result.borrow() {
                return result.clone();
            }
            done.await;
        }
    }
}

/// Requests at a time that the user wants on one connection at most.
pub(super) fn most_streams(limits: &TransportSpec) -> usize {
    limits.http2_streams.map_or(TransportSpec::USUAL_STREAMS, std::num::NonZeroU32::get) as usize
}

/// A connection that was open and ended before its first request.
fn nothing_allowed() -> DialError {
    DialError {
        outcome: plimsoll_core::record::Outcome::Connect,
        reason: "the server ended the connection before a request".to_owned(),
    }
}
