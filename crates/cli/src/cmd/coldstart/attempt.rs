//! One start of the server, from its command to its warm requests and its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use plimsoll_core::cold_start::Attempt;
use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::spec::Phases;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::RecordSink;

use super::door::{Door, Readiness};
use crate::args::coldstart::ColdStartArgs;
use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::Resolved;
use crate::session::hooks::{Hooks, Started};
use crate::session::{Blueprint, CommandFolder, Interrupted, Interrupts, MakeSink, Once, Session, Trial};

/// What comes after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Next,
    /// The server is not to be had as it is: more attempts would end alike.
    Stop,
    Interrupted,
}

/// The server that is started, and what is known of it.
pub(super) struct Starts<'a> {
    pub(super) args: &'a ColdStartArgs,
    pub(super) door: Door,
    pub(super) hooks: Hooks,
    pub(super) folder: &'a CommandFolder,
    pub(super) resolved: Resolved,
    pub(super) interrupts: Interrupts,
    /// From the first answer on: who the server is.
    pub(super) known: Option<(Session, Blueprint)>,
    /// Seconds of the present attempt in which this client read what its requests are made of, and the server waited.
    pub(super) preparing: f64,
}

/// Why a wait ended.
enum Waited<T> {
    Done(T, f64),
    Failed(String),
    Interrupted,
}

impl Starts<'_> {
    /// Starts the server, measures, and stops it again.
    ///
    /// # Errors
    /// The server is there before it was started or does not go, a command cannot be run, or results cannot be kept.
    pub(super) fn attempt(&mut self, number: u32) -> anyhow::Result<(Attempt, Course)> {
        self.make_sure_it_is_down(number)?;
        self.preparing = 0.0;
        let clock = Clock::start();
        let started = match &self.args.start_cmd {
            Some(command) => Some(self.hooks.start(command, number)?),
            None => {
                emit::note(&format!("waiting for a server at {}: start it now", self.door.url));
                None
            }
        };
        let mut attempt = Attempt::default();
        let course = self.measure(number, clock, started.as_ref(), &mut attempt)?;
        let stopped = self.stop(number, started)?;
        if let Some(why) = stopped {
            attempt.error.get_or_insert(why);
            return Ok((attempt, Course::Stop));
        }
        Ok((attempt, course))
    }

    fn make_sure_it_is_down(&mut self, number: u32) -> anyhow::Result<()> {
        if number > 1 || !self.door.is_open() {
            return Ok(());
        }
        if let Some(command) = &self.args.stop_cmd {
            self.hooks.run(command, 0, self.args.down_timeout)?;
            if self.wait_until_gone() {
                return Ok(());
            }
        }
        Err(UsageError(format!(
            "{} answers already, so nothing starts cold: stop that server first, or give --stop-cmd",
            self.door.url
        ))
        .into())
    }

    /// From the start to the last warm request.
    fn measure(
        &mut self,
        number: u32,
        clock: Clock,
        started: Option<&Started>,
        attempt: &mut Attempt,
    ) -> anyhow::Result<Course> {
        let port = self.wait(clock, started, |starts| Ok(starts.door.is_open().then_some(())));
        match self.note(port, attempt)? {
            Some(((), at)) => attempt.port = Some(at),
            None => return Ok(self.course(attempt)),
        }
        let ready = self.wait(clock, started, |starts| match starts.door.readiness() {
            Readiness::NotYet => Ok(None),
            known => Ok(Some(known)),
        });
        match self.note(ready, attempt)? {
            Some((readiness, at)) => attempt.ready = (readiness == Readiness::Ready).then_some(at),
            None => return Ok(self.course(attempt)),
        }
        let known = self.wait(clock, started, Starts::recognise);
        if self.note(known, attempt)?.is_none() {
            return Ok(self.course(attempt));
        }
        let mut failed = 0;
        let first = self.wait(clock, started, |starts| starts.ask(&mut failed));
        attempt.failed_before = failed;
        match self.note(first, attempt)? {
            Some((Once::Answered(latency), at)) => {
                attempt.first_success = Some(at - self.preparing);
                attempt.first.push(latency);
            }
            Some(_) => {}
            None => return Ok(self.course(attempt)),
        }
        self.follow(number, clock, attempt)
    }

    /// Ends what was kept for all starts.
    ///
    /// # Errors
    /// See [`Session::close`].
    pub(super) fn close(self) -> anyhow::Result<()> {
        self.known.map_or(Ok(()), |(session, _)| session.close())
    }

    /// Who the server is, once it tells.
    fn recognise(&mut self) -> anyhow::Result<Option<()>> {
        if self.known.is_none() {
            let clock = Clock::start();
            match Session::open(self.resolved.clone()) {
                Ok(known) => {
                    self.known = Some(known);
                    self.preparing = clock.now().as_secs_f64();
                }
                Err(error) if error.is::<UsageError>() => return Err(error),
                // It accepts connections, and is not yet so far as to say what it has.
                Err(error) => {
                    tracing::debug!("the server does not say what it is: {error:#}");
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    }

    /// Asks for one inference.
    fn ask(&mut self, failed: &mut u64) -> anyhow::Result<Option<Once>> {
        let Some((session, blueprint)) = &mut self.known else { return Ok(None) };
        let once = session.once(blueprint)?;
        let known = matches!(once, Once::Answered(_) | Once::NotHere);
        *failed += u64::from(!known);
        Ok(known.then_some(once))
    }

    /// The requests after the first, as a run.
    fn follow(&mut self, number: u32, clock: Clock, attempt: &mut Attempt) -> anyhow::Result<Course> {
        let Some((session, blueprint)) = &mut self.known else { return Ok(Course::Next) };
        let (first, warm) = (self.args.first.get() as usize, u64::from(self.args.warm.get()));
        let rest = first as u64 + warm - attempt.first.len() as u64;
        let taken = Arc::new(Mutex::new(Vec::new()));
        let mut trial = Trial::among_others(blueprint, self.folder.trial(number as usize));
        trial.phases = Phases { warmup: Duration::ZERO, max_requests: Some(rest), ..trial.phases };
        trial.each = Some(latencies(taken.clone(), clock));
        let done = session.trial(trial)?;
        let mut answers = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
        answers.sort_by(|a: &Answer, b| a.end.total_cmp(&b.end));
        if attempt.first_success.is_none() {
            attempt.first_success = answers.first().map(|answer| answer.end - self.preparing);
        }
        let mut latencies = answers.iter().map(|answer| answer.latency);
        attempt.first.extend(latencies.by_ref().take(first - attempt.first.len()));
        attempt.warm.extend(latencies);
        if done.interrupted != Interrupted::No {
            return Ok(Course::Interrupted);
        }
        if let Some(failure) = done.finished.failure {
            return Err(anyhow!("{failure}"));
        }
        if attempt.first_success.is_none() {
            attempt.error = Some("no request was answered".to_owned());
        }
        Ok(Course::Next)
    }

    /// Looks again and again, at absolute times, until something is so. A look that takes longer than from one to the
    /// next leaves those out that it missed.
    fn wait<T>(
        &mut self,
        clock: Clock,
        started: Option<&Started>,
        mut look: impl FnMut(&mut Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<Waited<T>> {
        let (poll, limit) = (self.args.poll, self.args.start_timeout);
        loop {
            if let Some(found) = look(self)? {
                return Ok(Waited::Done(found, clock.now().as_secs_f64()));
            }
            if let Some(why) = started.and_then(Started::failure) {
                return Ok(Waited::Failed(format!(
                    "{why}; what it printed is in {}",
                    self.hooks.log.display()
                )));
            }
            let now = clock.now();
            if now >= Offset::ZERO + limit {
                return Ok(Waited::Failed(format!(
                    "no answer within {limit:?} of the start (--start-timeout)"
                )));
            }
            let passed = now.as_nanos() / (poll.as_nanos() as u64).max(1);
            let next = Offset::from_nanos((passed + 1).saturating_mul(poll.as_nanos() as u64));
            if self.interrupts.within(next.since(now)) {
                return Ok(Waited::Interrupted);
            }
        }
    }

    /// What a wait came to; why it came to nothing goes into the attempt.
    fn note<T>(
        &self,
        waited: anyhow::Result<Waited<T>>,
        attempt: &mut Attempt,
    ) -> anyhow::Result<Option<(T, f64)>> {
        match waited? {
            Waited::Done(found, at) => return Ok(Some((found, at))),
            Waited::Failed(why) => attempt.error = Some(why),
            Waited::Interrupted => attempt.error = Some(INTERRUPTED.to_owned()),
        }
        Ok(None)
    }

    fn course(&self, attempt: &Attempt) -> Course {
        match attempt.error.as_deref() {
            Some(INTERRUPTED) => Course::Interrupted,
            _ => Course::Next,
        }
    }

    /// Stops the server; says why if it does not go.
    fn stop(&mut self, number: u32, started: Option<Started>) -> anyhow::Result<Option<String>> {
        let asked = match &self.args.stop_cmd {
            Some(command) => self.hooks.run(command, number, self.args.down_timeout),
            None => Ok(()),
        };
        let was_started = started.is_some();
        if let Some(started) = started {
            started.end();
        }
        asked?;
        if !was_started || self.wait_until_gone() {
            return Ok(None);
        }
        Ok(Some(format!(
            "{} still accepts connections {:?} after it was stopped: give --stop-cmd, or a longer --down-timeout",
            self.door.url, self.args.down_timeout
        )))
    }

    fn wait_until_gone(&mut self) -> bool {
        let clock = Clock::start();
        while self.door.is_open() {
            if clock.now() >= Offset::ZERO + self.args.down_timeout {
                return false;
            }
            // Whoever is in a hurry is served by the end of the process groups, which has come before.
            self.interrupts.within(self.args.poll);
        }
        true
    }
}

/// What is noted of an attempt that the user ended.
const INTERRUPTED: &str = "interrupted";

/// An answer of the run that follows the first request.
struct Answer {
    /// Its end, seconds from the start of the server.
    end: f64,
    latency: f64,
}

/// Notes the answers of a trial by the clock of the start.
fn latencies(taken: Arc<Mutex<Vec<Answer>>>, start: Clock) -> MakeSink {
    Box::new(move |clock| Box::new(Answers { taken, start, clock }))
}

struct Answers {
    taken: Arc<Mutex<Vec<Answer>>>,
    start: Clock,
    clock: Clock,
}

impl RecordSink for Answers {
    fn on_record(&mut self, record: &Record, _text: Option<&str>) {
        let (Outcome::Ok, Some(done), Some(latency)) = (record.outcome, record.done, record.latency()) else {
            return;
        };
        let end = self.start.offset_of(self.clock.monotonic_nanos(done)).as_secs_f64();
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(Answer { end, latency });
    }
}
