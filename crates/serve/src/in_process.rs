//! The simulated server within the client's own process: no sockets, no bytes, and time stands still while anybody works.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use plimsoll_core::record::Record;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use plimsoll_drive::endpoint::{Endpoint, SimulatedEndpoint, Station};
use plimsoll_drive::runner::Prepare;
use plimsoll_sim::client::{Call, CallEnd, Exchanges, Refusal, Terms};
use plimsoll_sim::{Ask, Engine, Event, JobId};
use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::sim::fate::{Fate, Fault};
use crate::sim::surface;
use crate::sim::{SimOptionError, SimOptions, WhenFull, simulated_failure, simulated_rate_limit};

/// An engine as the endpoint of a run in simulated time.
pub struct InProcess {
    station: Station,
    exchanges: RefCell<Exchanges>,
    /// Requests that are followed or have ended, by number.
    followed: RefCell<FxHashMap<u64, Followed>>,
    /// Where the records of requests that end are gathered.
    ended: RefCell<Vec<Record>>,
    given_up: Cell<bool>,
    /// Where the server's memory is noted, and when next.
    memory: Option<(MemoryLog, Cell<Offset>)>,
}

/// The memory of a simulated server as it goes on: moments with resident bytes, oldest first. Whoever takes them out
/// keeps it short.
pub type MemoryLog = Arc<Mutex<VecDeque<(Offset, u64)>>>;

/// From one note of the memory to the next.
const MEMORY_EVERY: Duration = Duration::from_secs(1);

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

/// A simulated server that has not begun.
#[derive(Clone, Debug)]
pub struct SimulatedServer {
    options: Arc<SimOptions>,
    engine: Engine,
    memory: Option<MemoryLog>,
}

/// A server that only a port can have.
#[derive(Debug, Error, PartialEq)]
pub enum NeedsPort {
    /// The options make no server at all.
    #[error(transparent)]
    Options(#[from] SimOptionError),
    /// An option that says how bytes are written.
    #[error(
        "option `{0}` of the sim:// target is about bytes on a connection, and time=virtual has none: leave one of them out"
    )]
    Option(&'static str),
    /// A server that has no text to give.
    #[error(
        "`{0}` is a classic model and generates no text, so that it cannot be asked in simulated time: leave time=virtual out"
    )]
    Classic(String),
    /// Nothing takes time.
    #[error(
        "a server that answers a request for one token in no time leaves simulated time where it is: give `ttft`"
    )]
    NoTime,
}

impl SimulatedServer {
    /// The server that behaves so.
    ///
    /// # Errors
    /// An option that means nothing without a connection.
    pub fn new(options: SimOptions) -> Result<Self, NeedsPort> {
        let plain = SimOptions::default();
        let about_bytes = [
            ("events_per_write", options.events_per_write != plain.events_per_write),
            ("usage", options.usage != plain.usage),
            ("done", options.done != plain.done),
            ("reasoning", options.reasoning != plain.reasoning),
            ("slow_client", options.slow_client != plain.slow_client),
            ("truth", options.truth),
            ("truth_file", options.truth_file.is_some()),
            ("core", options.core.is_some()),
            ("wrong_usage_rate", options.wrong_usage_rate > 0.0),
            ("bad_json_rate", options.bad_json_rate > 0.0),
            ("bad_chunk_rate", options.bad_chunk_rate > 0.0),
        ];
        if let Some((name, _)) = about_bytes.into_iter().find(|(_, given)| *given) {
            return Err(NeedsPort::Option(name));
        }
        let engine = options.engine.engine()?;
        if matches!(engine, Engine::Batch(_)) {
            return Err(NeedsPort::Classic(options.model));
        }
        if takes_no_time(engine.clone()) {
            return Err(NeedsPort::NoTime);
        }
        Ok(SimulatedServer { options: Arc::new(options), engine, memory: None })
    }

    /// The name of its model.
    pub fn model(&self) -> &str {
        &self.options.model
    }

    /// Whose model it is.
    pub fn owner(&self) -> &str {
        &self.options.owned_by
    }

    /// Lets the server's memory be noted every second of simulated time from now on.
    pub fn note_memory(&mut self) -> MemoryLog {
        self.memory.get_or_insert_default().clone()
    }

    /// What makes calls of a run's requests.
    pub fn calls(&self) -> PrepareCalls {
        PrepareCalls { options: Some(self.options.clone()) }
    }

    /// HTTP status of its refusals when its queue is full.
    fn full(&self) -> u16 {
        match self.options.full {
            WhenFull::TooManyRequests => 429,
            WhenFull::Unavailable => 503,
        }
    }
}

/// Makes calls of requests, with the faults that the server's options ask for.
#[derive(Clone, Debug, Default)]
pub struct PrepareCalls {
    /// Without options there are no faults.
    options: Option<Arc<SimOptions>>,
}

impl Prepare for PrepareCalls {
    type Request = Call;

    fn prepare(&self, spec: RequestSpec) -> Call {
        let mut call = Call::of(&spec);
        if let Some(options) = &self.options {
            let fate = Fate::draw(options, spec.id.0);
            call.ask.output_tokens = fate.tokens_of(call.ask.output_tokens);
            call.end = end_of(fate.fault);
        }
        call
    }

    fn size(call: &Call) -> usize {
        size_of::<Call>() + size_of_val::<[u64]>(&call.ask.prefix)
    }
}

/// Whether a request that is alone on a server is answered at the moment at which it arrives.
fn takes_no_time(mut engine: Engine) -> bool {
    let ask = Ask { prompt_tokens: 1, output_tokens: 1, items: 1, prefix: Arc::default() };
    let mut done = Vec::new();
    // A server that is not ready at the start takes time to become so.
    engine.arrive(Offset::ZERO, JobId(0), &ask).is_ok() && {
        engine.advance(Offset::ZERO, &mut done);
        done.iter().any(|emission| emission.event == Event::Finished)
    }
}

/// How the answer to a request with this fault ends.
fn end_of(fault: Fault) -> CallEnd {
    let refused = |refusal: surface::Refusal| {
        CallEnd::Refused(Refusal { status: refusal.status, why: refusal.message })
    };
    match fault {
        Fault::None | Fault::Empty | Fault::WrongLength => CallEnd::Whole,
        // These are about bytes: a server with them needs a port.
        Fault::WrongUsage | Fault::BadJson | Fault::BadChunk => CallEnd::Whole,
        Fault::Http500 => refused(simulated_failure()),
        Fault::Http429 => refused(simulated_rate_limit()),
        Fault::StreamError => CallEnd::StreamError(simulated_failure().message),
        Fault::Truncate => CallEnd::Cut,
    }
}

impl InProcess {
    /// An endpoint at which `server` answers the requests of `spec`.
    pub fn new(station: Station, server: SimulatedServer, spec: &RunSpec) -> Self {
        let terms = Terms::of(spec, server.full());
        let memory = server.memory.map(|log| (log, Cell::new(Offset::ZERO)));
        InProcess { memory, ..InProcess::of(station, server.engine, terms) }
    }

    /// An endpoint with an engine of the caller's own.
    pub fn of(station: Station, engine: Engine, terms: Terms) -> Self {
        InProcess {
            station,
            exchanges: RefCell::new(Exchanges::new(engine, terms)),
            followed: RefCell::default(),
            ended: RefCell::default(),
            given_up: Cell::new(false),
            memory: None,
        }
    }

    /// Notes the memory at the moments that have come. Between two events of the engine it does not change.
    fn note_memory(&self, now: Offset) {
        let Some((log, next)) = &self.memory else { return };
        if now < next.get() {
            return;
        }
        let bytes = self.exchanges.borrow().resident_bytes(now);
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        while next.get() <= now {
            log.push_back((next.get(), bytes));
            next.set(next.get() + MEMORY_EVERY);
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

    fn begin(&self, record: Box<Record>, call: Call) -> Issue {
        if self.station.abort.is_set() {
            return Issue::Unsent(record);
        }
        let (now, number) = (self.station.clock.now(), record.id.0);
        if self.exchanges.borrow_mut().send(now, *record, call) {
            self.station.pulse.sent(now);
        }
        Issue::Sent(number)
    }

    async fn finish(&self, issue: Issue) -> (Box<Record>, Option<String>) {
        let number = match issue {
            Issue::Unsent(record) => return (record, None),
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
        (record.await, None)
    }
}

impl SimulatedEndpoint for InProcess {
    fn advance(&self, now: Offset) -> bool {
        self.note_memory(now);
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
