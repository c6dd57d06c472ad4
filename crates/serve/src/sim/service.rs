//! What the connections share, and what becomes of a request once it is complete.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_sim::client::RATE_LIMITED;
use plimsoll_sim::prefix::of_blocks;
use plimsoll_sim::{Phase, Refused};

use super::answer::{Job, Script, simulated_failure, simulated_rate_limit};
use super::clockwork::{Clockwork, Done};
use super::fate::{Fate, Fault};
use super::flavour::Flavour;
use super::metrics::{End, Life, Metrics};
use super::options::{EngineOptions, SlowClient, WhenFull};
use super::reply::{After, Document};
use super::request::Head;
use super::route::{Route, route};
use super::schedule::{Key, Schedule};
use super::server::Ended;
use super::stats::Stats;
use super::surface::{About, Cause, Ending, Refusal, Reply, Request, Surface, Understood, Work};
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
    pub(crate) metrics: Metrics,
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
        self.clockwork.settle(arrival);
        let own = Surface::of(self.script.options.flavour);
        let path = head.path.split(['?', '#']).next().unwrap_or(&head.path);
        match route(&head.method, path, self.script.options.flavour) {
            Ok(None) => {}
            Ok(Some(route)) => {
                return self.tell(route, arrival).unwrap_or_else(|refusal| self.refuse(own, &refusal));
            }
            Err(refusal) => return self.refuse(own, &refusal),
        }
        if self.clockwork.state(arrival).phase == Phase::Down {
            self.stats.refused += 1;
            return Plan::Reset;
        }
        let Head { method, content_type, json_length, .. } = head;
        let request = Request { method, path, content_type, json_length: *json_length, body };
        let about =
            About { script: &self.script, stats: &self.stats, clockwork: &self.clockwork, now: arrival };
        let (surface, understood) = Surface::understand(&request, &about);
        let plan = understood.and_then(|understood| match understood {
            Understood::Say(document) => Ok(Plan::Say(document)),
            Understood::Work(work) => self.begin(surface, work, head, arrival),
        });
        plan.unwrap_or_else(|refusal| match head.method.as_str() {
            "POST" => self.refuse_work(surface, &refusal),
            _ => self.refuse(surface, &refusal), // a probe
        })
    }

    /// A request for work has come. What will befall it is drawn by its number.
    fn begin(&mut self, surface: Surface, work: Work, head: &Head, arrival: u64) -> Result<Plan, Refusal> {
        let index = self.stats.requests;
        self.stats.requests += 1;
        if matches!(work.reply, Reply::Stream(_)) && !head.knows_chunks {
            return Err(Refusal::new(505, "a stream needs HTTP/1.1"));
        }
        if self.is_classic() && work.jobs.iter().any(|ask| ask.output_tokens > 0) {
            return Err(Refusal::bad_request(&format!(
                "`{}` is a classic model and generates no text: POST tensors to /v2/models/{{model}}/infer",
                self.script.options.model
            )));
        }
        let fate = Fate::draw(&self.script.options, index);
        match fate.fault {
            Fault::Http500 => return Err(simulated_failure()),
            Fault::Http429 => return Err(simulated_rate_limit()),
            _ => {}
        }
        let after = if head.keep_alive { After::Keep } else { After::Close };
        let truth = self.script.options.truth || head.truth;
        let Work { jobs: asks, reply } = work;
        Ok(Plan::Work(Box::new(Job { surface, asks, reply, fate, index, arrival, after, truth })))
    }

    /// What the server says of itself, whatever it looks like.
    fn tell(&mut self, route: Route, now: u64) -> Result<Plan, Refusal> {
        let json = |body| Ok(Plan::Say(Document::json(200, body)));
        match route {
            Route::Health => match self.clockwork.state(now).phase {
                Phase::Ready => json("{\"status\":\"ok\"}".to_owned()),
                Phase::Loading(until) => Err(self.loading(until, now)),
                Phase::Down => Ok(Plan::Reset),
            },
            Route::Stats => json(self.stats.document(self.connections)),
            Route::Metrics => self.metrics_page(now),
            Route::AcceleratorMetrics => Ok(self.accelerator_page(now)),
        }
    }

    /// Gives a request that came at `at` to the engine, all of it or nothing; else what to do instead.
    pub(crate) fn admit(&mut self, job: &Job, at: u64, client: Key) -> Result<(), Plan> {
        for (id, mut ask) in job.ids().zip(job.faulty_asks()) {
            if let EngineOptions::Llm(options) = &self.script.options.engine {
                ask.prefix = of_blocks(&ask.prefix, options.block_size.get());
            }
            if let Err(refused) = self.clockwork.arrive(at, id, client, &ask) {
                job.ids().take_while(|earlier| *earlier != id).for_each(|id| self.clockwork.cancel(at, id));
                return Err(self.turn_away(job, at, refused));
            }
        }
        self.stats.admitted(self.clockwork.state(at).waiting);
        self.follow(job);
        Ok(())
    }

    fn turn_away(&mut self, job: &Job, at: u64, refused: Refused) -> Plan {
        let refusal = match refused {
            Refused::Down => {
                self.stats.refused += 1;
                return Plan::Reset;
            }
            Refused::QueueFull => {
                let status = match self.script.options.full {
                    WhenFull::TooManyRequests => 429,
                    WhenFull::Unavailable => 503,
                };
                Refusal::new(status, "the queue of this server is full: try again later")
            }
            Refused::RateLimited(until) => {
                Refusal { retry_after: Some(self.left(until, at)), ..Refusal::new(429, RATE_LIMITED) }
            }
            Refused::Loading(until) => self.loading(until, at),
            Refused::TooLong(most) if self.is_classic() => Refusal::bad_request(&format!(
                "a request to this model can have at most {most} items, those of one batch: split it"
            )),
            Refused::TooLong(most) => Refusal::bad_field(
                "max_tokens",
                &format!("this server has room for {most} tokens, prompt and answer together: ask for fewer"),
            ),
        };
        self.refuse_work(job.surface, &refusal)
    }

    /// Tells the metrics of a request that was taken.
    fn follow(&mut self, job: &Job) {
        let arrived = self.clockwork.offset(job.arrival);
        for ((id, ask), ending) in job.ids().zip(&job.asks).zip(job.endings()) {
            let life = Life::new(arrived, ask.prompt_tokens, ask.output_tokens);
            self.metrics.taken(id, life, end_of(job, ending));
        }
    }

    /// A request is over before its time: the engine need not work for it any more.
    pub(crate) fn give_up(&mut self, job: &Job, now: u64, how: End) {
        for id in job.ids() {
            self.clockwork.cancel(now, id);
            self.metrics.gone(id, self.clockwork.offset(now), how);
        }
    }

    /// The engine has done something for a request.
    pub(crate) fn note(&mut self, done: &Done) {
        self.metrics.happened(done.job, self.clockwork.offset(done.at), done.event);
    }

    /// Looks at the engine, for the rates among the metrics, if it is time.
    pub(crate) fn look(&mut self, now: u64) {
        let offset = self.clockwork.offset(now);
        if self.metrics.is_due(offset) {
            self.clockwork.settle(now);
            self.metrics.look(offset, &self.clockwork.state(now));
        }
    }

    /// `GET /metrics`. A process that is loading its model, or down, serves none; TorchServe's front always does.
    fn metrics_page(&mut self, now: u64) -> Result<Plan, Refusal> {
        let state = self.clockwork.state(now);
        let always = self.script.options.flavour == Flavour::Torchserve;
        match state.phase {
            Phase::Loading(until) if !always => return Err(self.loading(until, now)),
            Phase::Down => return Ok(Plan::Reset),
            Phase::Loading(_) | Phase::Ready => {}
        }
        let page = self.metrics.page(self.clockwork.offset(now), &state);
        let page = page.ok_or_else(|| {
            Refusal::new(404, "the flavour `openai` exports no metrics: choose another with flavour=")
        })?;
        Ok(Plan::Say(Document::prometheus(page)))
    }

    /// `GET /dcgm/metrics`, which another process serves than the model's.
    fn accelerator_page(&mut self, now: u64) -> Plan {
        let state = self.clockwork.state(now);
        let page = self.metrics.accelerator_page(self.clockwork.offset(now), &state);
        Plan::Say(Document::prometheus(page))
    }

    /// Whether the model is one that generates no tokens.
    fn is_classic(&self) -> bool {
        matches!(self.script.options.engine, EngineOptions::Batch { .. })
    }

    /// Whether a client that leaves so many bytes unread is dropped.
    pub(crate) fn is_too_slow(&self, unread: u64) -> bool {
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

    fn refuse(&mut self, surface: Surface, refusal: &Refusal) -> Plan {
        self.stats.refused += 1;
        Plan::Say(surface.refuse(refusal, &self.script.options))
    }

    /// The same for a request that was for the engine, which the metrics count.
    fn refuse_work(&mut self, surface: Surface, refusal: &Refusal) -> Plan {
        if !matches!(refusal.cause, Cause::NoSuchPath | Cause::Method) {
            self.metrics.refused(surface.refuse(refusal, &self.script.options).status);
        }
        self.refuse(surface, refusal)
    }

    fn loading(&self, until: Offset, now: u64) -> Refusal {
        Refusal { retry_after: Some(self.left(until, now)), ..Refusal::not_ready(503) }
    }

    /// The time from `now` to a moment of the engine.
    fn left(&self, until: Offset, now: u64) -> Duration {
        Duration::from_nanos(self.clockwork.moment(until).saturating_sub(now))
    }
}

/// How a job ends, if nothing happens to it but the fault of its request.
fn end_of(job: &Job, ending: Ending) -> End {
    match job.fate.fault {
        Fault::StreamError | Fault::Truncate => End::Failed,
        _ if ending.short => End::Stop,
        _ => End::Length,
    }
}
