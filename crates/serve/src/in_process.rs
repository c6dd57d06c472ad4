//! The simulated server within the client's own process: no sockets, no bytes, and time stands still while anybody works.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use plimsoll_core::record::Record;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use plimsoll_drive::endpoint::{Endpoint, Station};
use plimsoll_drive::runner::Prepare;
use plimsoll_sim::Engine;
use plimsoll_sim::client::{Call, Exchanges, Terms};
use rustc_hash::FxHashMap;

/// An engine as the endpoint of a run in simulated time.
pub struct InProcess {
    station: Station,
    exchanges: RefCell<Exchanges>,
    /// Requests that are followed or have ended, by number.
    followed: RefCell<FxHashMap<u64, Followed>>,
    /// Where the records of requests that end are gathered.
    ended: RefCell<Vec<Record>>,
    given_up: Cell<bool>,
}

/// A request whose end somebody waits for.
enum Followed {
    /// It is on its way, and this is who waits.
    Waiting(Waker),
    /// It has ended.
    Ended(Box<Record>),
}

/// A request on its way within the process.
pub enum Issue {
    /// The run was being given up: it was never sent.
    Unsent(Box<Record>),
    /// The request with this number.
    Sent(u64),
}

/// Makes calls of requests.
#[derive(Clone, Copy, Debug)]
pub struct PrepareCalls;

impl Prepare for PrepareCalls {
    type Request = Call;

    fn prepare(&self, spec: RequestSpec) -> Call {
        Call::of(&spec)
    }

    fn size(call: &Call) -> usize {
        size_of::<Call>() + size_of_val::<[u64]>(&call.ask.prefix)
    }
}

impl InProcess {
    /// An endpoint that answers `spec` by `engine`; `full` is the HTTP status of a full queue.
    pub fn new(station: Station, engine: Engine, spec: &RunSpec, full: u16) -> Self {
        InProcess {
            station,
            exchanges: RefCell::new(Exchanges::new(engine, Terms::of(spec, full))),
            followed: RefCell::default(),
            ended: RefCell::default(),
            given_up: Cell::new(false),
        }
    }

    /// Whether the run is being given up and that has not been heard of here.
    fn is_to_be_given_up(&self) -> bool {
        self.station.abort.is_set() && !self.given_up.get()
    }
}

impl Endpoint for InProcess {
    type Prepared = Call;
    type Issue = Issue;

    fn station(&self) -> &Station {
        &self.station
    }

    fn begin(&self, record: Record, call: Call) -> Issue {
        if self.station.abort.is_set() {
            return Issue::Unsent(Box::new(record));
        }
        let (now, number) = (self.station.clock.now(), record.id.0);
        if self.exchanges.borrow_mut().send(now, record, call) {
            self.station.pulse.sent(now);
        }
        Issue::Sent(number)
    }

    async fn finish(&self, issue: Issue) -> (Record, Option<String>) {
        let number = match issue {
            Issue::Unsent(record) => return (*record, None),
            Issue::Sent(number) => number,
        };
        let record = poll_fn(|cx| {
            let mut followed = self.followed.borrow_mut();
            match followed.remove(&number) {
                Some(Followed::Ended(record)) => Poll::Ready(record),
                _ => {
                    followed.insert(number, Followed::Waiting(cx.waker().clone()));
                    Poll::Pending
                }
            }
        });
        (*record.await, None)
    }

    fn advance(&self, now: Offset) -> bool {
        let (mut exchanges, mut ended) = (self.exchanges.borrow_mut(), self.ended.borrow_mut());
        exchanges.advance(now, &mut ended);
        self.station.pulse.content_events(exchanges.take_events());
        if self.is_to_be_given_up() {
            self.given_up.set(true);
            exchanges.abort(now, &mut ended);
        }
        let any = !ended.is_empty();
        let mut followed = self.followed.borrow_mut();
        for record in ended.drain(..) {
            let number = record.id.0;
            if let Some(Followed::Waiting(waker)) = followed.insert(number, Followed::Ended(Box::new(record)))
            {
                waker.wake();
            }
        }
        any
    }

    fn next_event(&self) -> Option<Offset> {
        if self.is_to_be_given_up() {
            return Some(self.station.clock.now());
        }
        self.exchanges.borrow().next_event()
    }
}
