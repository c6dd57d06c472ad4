//! What is in flight between a client and an engine in the same process.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use plimsoll_core::record::Record;
use plimsoll_core::spec::{RunSpec, TransportSpec};
use plimsoll_core::time::Offset;
use rustc_hash::FxHashMap;

use super::call::{Call, CallEnd, Refusal};
use super::flight::{Flight, Refused};
use crate::engine::{self, Emission, Engine, Event, JobId};

/// From sending a request to reading that the server does not take it. Without any such time a client that asks again
/// at once would ask for ever at the same moment.
const NO_TAKES: Duration = Duration::from_millis(1);

/// What is said to who comes faster than the rate limit allows.
pub const RATE_LIMITED: &str = "the rate limit of this server is exceeded: try again later";

/// On which terms client and server meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The client's time limits.
    pub limits: TransportSpec,
    /// Answers come token by token, rather than whole.
    pub streamed: bool,
    /// HTTP status of a server whose queue is full: 429 or 503.
    pub full: u16,
}

impl Terms {
    /// Those of a run against a server that answers `full` when its queue is full.
    pub fn of(spec: &RunSpec, full: u16) -> Self {
        Terms { limits: spec.transport.clone(), streamed: spec.api.stream, full }
    }
}

/// The requests in flight, and the engine that answers them. The numbers of requests are those of their records.
///
/// Whoever owns time calls [`Exchanges::advance`] at each [`Exchanges::next_event`], and before it sends anything at
/// the same moment.
#[derive(Debug)]
pub struct Exchanges {
    engine: Engine,
    terms: Terms,
    flights: FxHashMap<JobId, Flight>,
    /// When to look at a flight: its refusal comes, or its time limit may have run out.
    looks: BinaryHeap<Reverse<(Offset, JobId)>>,
    emissions: Vec<Emission>,
    events: u64,
}

impl Exchanges {
    /// Nothing in flight.
    pub fn new(engine: Engine, terms: Terms) -> Self {
        Exchanges {
            engine,
            terms,
            flights: FxHashMap::default(),
            looks: BinaryHeap::new(),
            emissions: Vec::new(),
            events: 0,
        }
    }

    /// Sends a request at `now`. Says whether there was a server to send it to; its record comes back in either case.
    pub fn send(&mut self, now: Offset, mut record: Record, call: Call) -> bool {
        let id = JobId(record.id.0);
        let refused = self.arrive(now, id, &call);
        let reached = !matches!(refused, Some(Refused::Unreachable));
        record.sent = reached.then_some(now);
        let mut flight = Flight::new(record, call, self.terms.streamed);
        let look = match refused {
            Some(_) => now + NO_TAKES,
            None => flight.deadline(&self.terms.limits),
        };
        flight.answer = refused;
        self.flights.insert(id, flight);
        self.looks.push(Reverse((look, id)));
        reached
    }

    /// When something happens next; nothing while nothing is in flight and the engine is idle.
    pub fn next_event(&self) -> Option<Offset> {
        let look = self.looks.peek().map(|Reverse((at, _))| *at);
        [self.engine.next_event(), look].into_iter().flatten().min()
    }

    /// Lets everything happen that is due at or before `now`, and appends the records of the requests that ended to
    /// `ended`, in the order of their ends. At equal moments the engine comes before the client's time limits.
    pub fn advance(&mut self, now: Offset, ended: &mut Vec<Record>) {
        while let Some(at) = self.next_event().filter(|&at| at <= now) {
            self.engine.advance(at, &mut self.emissions);
            let emissions = std::mem::take(&mut self.emissions);
            for emission in &emissions {
                ended.extend(self.take(*emission));
            }
            self.emissions = emissions;
            self.emissions.clear();
            while let Some(&Reverse((due, id))) = self.looks.peek()
                && due <= at
            {
                self.looks.pop();
                ended.extend(self.look(due, id));
            }
        }
    }

    /// Gives up all that is in flight at `now`, in the order of the requests' numbers.
    pub fn abort(&mut self, now: Offset, ended: &mut Vec<Record>) {
        let mut ids: Vec<JobId> = self.flights.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.engine.cancel(now, id);
            ended.extend(self.flights.remove(&id).map(Flight::leave));
        }
    }

    /// Memory of the server's process at `now`, bytes.
    pub fn resident_bytes(&self, now: Offset) -> u64 {
        self.engine.state(now).resident_bytes
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Events with content since this was last asked for.
    pub fn take_events(&mut self) -> u64 {
        std::mem::take(&mut self.events)
    }

    /// Brings a request to the engine; else says why it was not taken.
    fn arrive(&mut self, now: Offset, id: JobId, call: &Call) -> Option<Refused> {
        if let CallEnd::Refused(refusal) = &call.end {
            return Some(Refused::Answered(refusal.clone()));
        }
        let say = |status, why: &str| Some(Refused::Answered(Refusal { status, why: why.to_owned() }));
        match self.engine.arrive(now, id, &call.ask) {
            Ok(()) => None,
            Err(engine::Refused::Down) => Some(Refused::Unreachable),
            Err(engine::Refused::QueueFull) => {
                say(self.terms.full, "the queue of this server is full: try again later")
            }
            Err(engine::Refused::RateLimited(_)) => say(429, RATE_LIMITED),
            Err(engine::Refused::Loading(_)) => say(503, "this server is loading its model"),
            Err(engine::Refused::TooLong(most)) => say(
                400,
                &format!("this server has room for {most} tokens, prompt and answer together: ask for fewer"),
            ),
        }
    }

    /// What the engine did for a request; gives the record if that was its end.
    fn take(&mut self, Emission { at, job, event }: Emission) -> Option<Record> {
        let flight = self.flights.get_mut(&job)?;
        match event {
            Event::Started => return None,
            Event::Tokens(count) => {
                let enough = flight.take_tokens(at, count);
                self.events += u64::from(self.terms.streamed);
                if !enough {
                    return None;
                }
                self.engine.cancel(at, job);
            }
            Event::Finished | Event::Failed(_) => {}
        }
        let flight = self.flights.remove(&job)?;
        Some(match event {
            Event::Finished => flight.finish(at),
            Event::Failed(failure) => flight.fail(at, failure),
            Event::Started | Event::Tokens(_) => flight.cancel(at),
        })
    }

    /// Looks whether a refusal has come or a time limit has run out at `at`.
    fn look(&mut self, at: Offset, id: JobId) -> Option<Record> {
        let flight = self.flights.get_mut(&id)?;
        if let Some(refused) = flight.answer.take() {
            return self.flights.remove(&id).map(|flight| flight.refused(at, &refused));
        }
        let deadline = flight.deadline(&self.terms.limits);
        if deadline > at {
            self.looks.push(Reverse((deadline, id)));
            return None;
        }
        self.engine.cancel(at, id);
        self.flights.remove(&id).map(|flight| flight.time_out(at, &self.terms.limits))
    }
}
