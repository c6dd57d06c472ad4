//! The seam between a run and what answers it: HTTP over connections, or an engine within this process.

use std::cell::Cell;
use std::future::Future;

use plimsoll_core::record::Record;
use plimsoll_core::time::Offset;
use tokio::sync::Notify;

use crate::clock::Clock;
pub use crate::runner::pulse::Pulse;

/// Where the requests of one I/O thread go. It lives on that thread and nowhere else.
pub trait Endpoint: 'static {
    /// A request made ready ahead of time, on another thread.
    type Prepared: Send + 'static;
    /// A request on its way.
    type Issue;

    /// What it shares with its thread.
    fn station(&self) -> &Station;

    /// Takes a request that is due, and sends it before it returns if that needs no waiting. Once the run is being given
    /// up it sends nothing. Its `sent` is the moment of sending, which [`Pulse::sent`] is told as well. Its record is in a
    /// box: it is half a kilobyte long, and is handed on a dozen times.
    fn begin(&self, record: Box<Record>, request: Self::Prepared) -> Self::Issue;

    /// Follows a request to its end, or to that of the run; gives its record, and the text of its answer if that is
    /// kept. A failure of the server is an outcome of the record.
    fn finish(&self, issue: Self::Issue) -> impl Future<Output = (Box<Record>, Option<String>)>;
}

/// An endpoint that lives in simulated time.
pub trait SimulatedEndpoint: Endpoint {
    /// Lets everything happen that is due by `now`; says whether any request ended.
    fn advance(&self, now: Offset) -> bool;

    /// When something happens next by itself.
    fn next_event(&self) -> Option<Offset>;
}

/// What an endpoint shares with the I/O thread whose requests it takes.
pub struct Station {
    /// The clock of the run.
    pub clock: Clock,
    /// The thread's counters.
    pub pulse: Pulse,
    /// Ends everything in flight.
    pub abort: Abort,
}

impl Station {
    pub(crate) fn new(clock: Clock, pulse: Pulse) -> Self {
        Station { clock, pulse, abort: Abort::default() }
    }
}

/// Ends everything in flight at once.
#[derive(Default)]
pub struct Abort {
    set: Cell<bool>,
    notify: Notify,
}

impl Abort {
    /// Whether the abort has come: a look at a flag, for hot paths.
    pub fn is_set(&self) -> bool {
        self.set.get()
    }

    /// Waits for the abort. Polled once, it wakes its task when the abort comes.
    pub(crate) async fn wait(&self) {
        if !self.is_set() {
            self.notify.notified().await;
        }
    }

    /// Ends everything in flight.
    pub(crate) fn set(&self) {
        self.set.set(true);
        self.notify.notify_waiters();
    }
}
