//! What the connections share, and what becomes of a request once it is complete.

use super::answer::{Job, Script, simulated_failure};
use super::ask::Ask;
use super::fate::{Fate, Fault};
use super::options::WhenFull;
use super::reply::{self, After, Refusal};
use super::request::Head;
use super::route::{Route, route};
use super::schedule::Schedule;
use super::slots::Slots;
use super::stats::Stats;

/// Everything but the connections.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) script: Script,
    pub(crate) slots: Slots,
    pub(crate) schedule: Schedule,
    pub(crate) stats: Stats,
    pub(crate) connections: usize,
    /// Where writes are put together.
    pub(crate) out: Vec<u8>,
}

/// What to do with a complete request.
pub(crate) enum Plan {
    /// Answer at once with this document.
    Say(u16, String),
    /// Answer when a slot is free.
    Work(Box<Job>),
}

impl Service {
    /// Decides on a request that was complete at `arrival` (CLOCK_MONOTONIC, ns).
    pub(crate) fn plan(&mut self, head: &Head, body: &[u8], arrival: u64) -> Plan {
        match self.decide(head, body, arrival) {
            Ok(plan) => plan,
            Err(refusal) => {
                self.stats.refused += 1;
                Plan::Say(refusal.status, refusal.document())
            }
        }
    }

    fn decide(&mut self, head: &Head, body: &[u8], arrival: u64) -> Result<Plan, Refusal> {
        let route = route(&head.method, &head.path)?;
        let options = &self.script.options;
        match route {
            Route::Health => return Ok(Plan::Say(200, "{\"status\":\"ok\"}".to_owned())),
            Route::Models => return Ok(Plan::Say(200, reply::models(options, self.script.created))),
            Route::Stats => return Ok(Plan::Say(200, self.stats.document(self.connections))),
            _ => {}
        }
        let index = self.stats.requests;
        self.stats.requests += 1;
        let Some(ask) = Ask::read(route, body)? else {
            return Err(Refusal::bad_request("this path takes no body"));
        };
        if ask.stream && !head.knows_chunks {
            return Err(Refusal::new(505, "a stream needs HTTP/1.1"));
        }
        let fate = Fate::draw(options, index);
        match fate.fault {
            Fault::Http500 => return Err(simulated_failure()),
            Fault::Http429 => {
                return Err(Refusal::new(
                    429,
                    "simulated rate limit, asked for by the options of this server",
                ));
            }
            _ => {}
        }
        let after = if head.keep_alive { After::Keep } else { After::Close };
        Ok(Plan::Work(Box::new(Job { ask, fate, index, arrival, after })))
    }

    /// The answer to a request for which there is no room.
    pub(crate) fn refuse_full(&mut self) -> Refusal {
        self.stats.refused += 1;
        let status = match self.script.options.full {
            WhenFull::TooManyRequests => 429,
            WhenFull::Unavailable => 503,
        };
        Refusal::new(status, "the queue of this server is full: try again later")
    }
}
