//! What the connections share, and what becomes of a request once it is complete.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_sim::{self as engine, Phase, Refused};

use super::answer::{Job, Script, simulated_failure, simulated_rate_limit};
use super::ask::Ask;
use super::clockwork::Clockwork;
use super::fate::{Fate, Fault};
use super::options::{SlowClient, WhenFull};
use super::reply::{self, After, Document, Refusal};
use super::request::Head;
use super::route::{Route, route};
use super::schedule::{Key, Schedule};
use super::server::Ended;
use super::stats::Stats;
use super::truth::{Row, TruthFile};

/// Everything but the connections.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) script: Script,
    pub(crate) clockwork: Clockwork,
    /// When connections have to be looked at, whatever the engine does.
    pub(crate) alarms: Schedule,
    /// Connections that had more to write than one turn may take.
    pub(crate) again: VecDeque<Key>,
    pub(crate) stats: Stats,
    pub(crate) connections: usize,
    /// Where writes are put together.
    pub(crate) out: Vec<u8>,
    /// What was written and is not in the truth file yet.
    pub(crate) rows: Vec<Row>,
    pub(crate) truth: Option<TruthFile>,
}

/// What to do with a complete request.
pub(crate) enum Plan {
    /// Answer at once with this document.
    Say(Document),
    /// Let the engine work on it.
    Work(Box<Job>),
    /// Close the connection with an error, as a server does that is not running.
    Reset,
}

impl Service {
    /// Decides on a request that was complete at `arrival` (CLOCK_MONOTONIC, ns).
    pub(crate) fn plan(&mut self, head: &Head, body: &[u8], arrival: u64) -> Plan {
        match self.decide(head, body, arrival) {
            Ok(plan) => plan,
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn decide(&mut self, head: &Head, body: &[u8], arrival: u64) -> Result<Plan, Refusal> {
        let route = route(&head.method, &head.path)?;
        if let Some(plan) = self.tell(&route, arrival)? {
            return Ok(plan);
        }
        let index = self.stats.requests;
        self.stats.requests += 1;
        let Some(ask) = Ask::read(route, body)? else {
            return Err(Refusal::bad_request("this path takes no body"));
        };
        if ask.stream && !head.knows_chunks {
            return Err(Refusal::new(505, "a stream needs HTTP/1.1"));
        }
        let options = &self.script.options;
        let fate = Fate::draw(options, index);
        match fate.fault {
            Fault::Http500 => return Err(simulated_failure()),
            Fault::Http429 => return Err(simulated_rate_limit()),
            _ => {}
        }
        let after = if head.keep_alive { After::Keep } else { After::Close };
        let truth = options.truth || head.truth;
        Ok(Plan::Work(Box::new(Job { ask, fate, index, arrival, after, truth })))
    }

    /// What the server says of itself, without the engine's work. Nothing for a path that asks for work.
    fn tell(&self, route: &Route, now: u64) -> Result<Option<Plan>, Refusal> {
        let options = &self.script.options;
        let state = || self.clockwork.state(now);
        let json = |body| Ok(Some(Plan::Say(Document::json(200, body))));
        match route {
            Route::Health => match state().phase {
                Phase::Ready => json("{\"status\":\"ok\"}".to_owned()),
                Phase::Loading(until) => Err(self.loading(until, now)),
                Phase::Down => Ok(Some(Plan::Reset)),
            },
            Route::Models => json(reply::models(options, self.script.created)),
            Route::Stats => json(self.stats.document(self.connections)),
            _ => Ok(None),
        }
    }

    /// Gives a request that came at `at` to the engine; else what to do instead.
    pub(crate) fn admit(&mut self, job: &Job, at: u64, client: Key) -> Result<(), Plan> {
        match self.clockwork.arrive(at, job.id(), client, &engine_ask(job)) {
            Ok(()) => {
                self.stats.admitted(self.clockwork.state(at).waiting);
                if self.script.options.request_timeout.is_some() {
                    self.alarms.add(self.deadline(job), client);
                }
                Ok(())
            }
            Err(Refused::Down) => {
                self.stats.refused += 1;
                Err(Plan::Reset)
            }
            Err(Refused::QueueFull) => {
                let status = match self.script.options.full {
                    WhenFull::TooManyRequests => 429,
                    WhenFull::Unavailable => 503,
                };
                let refusal = Refusal::new(status, "the queue of this server is full: try again later");
                Err(self.refuse(&refusal))
            }
            Err(Refused::Loading(until)) => Err(self.refuse(&self.loading(until, at))),
            Err(Refused::TooLong(most)) => Err(self.refuse(&Refusal::bad_request(&format!(
                "this server has room for {most} tokens, prompt and answer together: ask for fewer"
            )))),
        }
    }

    /// When the server gives a request up (CLOCK_MONOTONIC, ns).
    pub(crate) fn deadline(&self, job: &Job) -> u64 {
        let limit = self.script.options.request_timeout.unwrap_or(Duration::MAX);
        job.arrival.saturating_add(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Whether a client that leaves so many bytes unread is dropped.
    pub(crate) fn is_too_slow(&self, unread: usize) -> bool {
        self.script.options.slow_client == SlowClient::Drop && unread > self.script.options.client_buffer
    }

    /// Brings what was written into the truth file, if there is one.
    pub(crate) fn write_down_truth(&mut self, now: u64) {
        match &mut self.truth {
            Some(file) => file.take(&mut self.rows, now),
            None => self.rows.clear(),
        }
    }

    /// Ends the service.
    ///
    /// # Errors
    /// The truth file could not be written.
    pub(crate) fn end(mut self) -> io::Result<Ended> {
        if let Some(truth) = self.truth.take() {
            truth.finish(&mut self.rows)?;
        }
        Ok(Ended { lateness: self.stats.lateness() })
    }

    fn refuse(&mut self, refusal: &Refusal) -> Plan {
        self.stats.refused += 1;
        Plan::Say(refusal.reply(&self.script.options))
    }

    fn loading(&self, until: Offset, now: u64) -> Refusal {
        let left = Duration::from_nanos(self.clockwork.moment(until).saturating_sub(now));
        let refusal = Refusal::new(503, "this server is loading its model");
        Refusal { retry_after: Some(left), ..refusal }
    }
}

/// What a request asks of the engine.
pub(crate) fn engine_ask(job: &Job) -> engine::Ask {
    engine::Ask {
        prompt_tokens: job.ask.prompt_tokens,
        output_tokens: job.tokens(),
        items: 1,
        prefix: job.ask.prefix.clone(),
    }
}
