//! A whole run in virtual time: the load model, the workload and an engine in one loop, without a clock.

use plimsoll_core::load::{CLAIM_PAUSE, LoadModel, Schedule, ScheduleError, Times};
use plimsoll_core::metrics::resolve_output_tokens;
use plimsoll_core::record::{Outcome, Record, RequestId};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Workload;
use rustc_hash::FxHashMap;
use thiserror::Error;

use super::call::Call;
use super::exchanges::{Exchanges, Terms};
use super::places::{Placed, Places};
use super::progress::Progress;
use super::users::Users;
use crate::engine::Engine;

/// What a simulated run leaves beside its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// The boundaries of its phases.
    pub times: Times,
    /// When the measured window ended.
    pub measure_end: Offset,
    /// When the last request had ended.
    pub drained: Offset,
    /// Requests that met a full cap on concurrency.
    pub cap_reached: u64,
    /// Whether the load ended by the number of requests.
    pub stopped: bool,
}

/// Why a run cannot be simulated.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// The schedule is impossible.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
    /// The run has no end of its own.
    #[error("a run in simulated time needs an end: give a time or a number of requests")]
    Endless,
}

/// Runs `spec` against `engine` and tells `each` of every request as it ends. `full` is the HTTP status of a server whose
/// queue is full: 429 or 503.
///
/// The records are those that the client itself would keep against the same engine in its own process and simulated
/// time, in the same order and to the nanosecond. (`serve` has the test.)
///
/// # Errors
/// The schedule is impossible, or the run has no end.
pub fn simulate(
    spec: &RunSpec,
    workload: &dyn Workload,
    engine: Engine,
    full: u16,
    each: &mut dyn FnMut(Record),
) -> Result<Simulated, SimulateError> {
    let times = Times::of(spec);
    if times.measure_end.is_none() && spec.phases.max_requests.is_none() {
        return Err(SimulateError::Endless);
    }
    let (schedule, users, cap) = match &spec.load {
        LoadModel::Open(open) => (Some(Schedule::new(&open.arrivals, spec.seed)?), None, open.cap),
        LoadModel::Closed(model) => (None, Some(Users::new(model, spec.seed, times.begin)), None),
    };
    let client = Client {
        spec,
        times,
        workload,
        each,
        exchanges: Exchanges::new(engine, Terms::of(spec, full)),
        next_id: 0,
        progress: Progress::new(spec, &times),
        places: Places::new(cap),
        users,
        owners: FxHashMap::default(),
        given_up: false,
    };
    Ok(client.run(schedule))
}

/// The client of a run.
struct Client<'a> {
    spec: &'a RunSpec,
    times: Times,
    workload: &'a dyn Workload,
    each: &'a mut dyn FnMut(Record),
    exchanges: Exchanges,
    next_id: u64,
    progress: Progress,
    places: Places<(Record, Call)>,
    users: Option<Users>,
    /// Whose request it is.
    owners: FxHashMap<RequestId, u32>,
    given_up: bool,
}

impl Client<'_> {
    fn run(mut self, schedule: Option<Schedule>) -> Simulated {
        let mut schedule = schedule.map(Iterator::peekable);
        let mut now = Offset::ZERO;
        let mut ended = Vec::new();
        loop {
            self.exchanges.advance(now, &mut ended);
            if !ended.is_empty() {
                // What follows from these ends may make more happen at the same moment.
                ended.drain(..).for_each(|record| self.conclude(now, record));
                continue;
            }
            self.look_at_the_end(now, &mut ended);
            let next_start = schedule.as_mut().and_then(|schedule| self.start_due(schedule, now));
            if self.is_over() {
                return self.end(now);
            }
            self.wake_users(now);
            let next = [
                next_start,
                self.users.as_ref().and_then(Users::next),
                self.exchanges.next_event(),
                self.next_boundary(),
            ];
            now = next.into_iter().flatten().min().map_or(now, |next| next.max(now));
        }
    }

    /// Ends the load when its time is over, and gives up what is left at the drain's end.
    fn look_at_the_end(&mut self, now: Offset, ended: &mut Vec<Record>) {
        self.progress.look_at_the_end(now);
        let Some(end) = self.progress.ended else { return };
        if let Some(users) = &mut self.users {
            users.go();
        }
        if self.given_up || now < self.spec.phases.drain_deadline(end) {
            return;
        }
        self.given_up = true;
        for (record, _) in self.places.give_up() {
            self.settle(now, record);
        }
        self.exchanges.abort(now, ended);
        ended.drain(..).for_each(|record| self.conclude(now, record));
    }

    /// Starts every request of an open loop that is due before the end of the load; gives the moment of the next.
    fn start_due(&mut self, schedule: &mut std::iter::Peekable<Schedule>, now: Offset) -> Option<Offset> {
        loop {
            let due = schedule.peek().map(|&due| self.times.begin + due.since(Offset::ZERO));
            let last = self.progress.last();
            match due {
                Some(due) if last.is_some_and(|last| due >= last) => return None,
                Some(due) if due > now => return Some(due),
                Some(due) if self.progress.claim() => {
                    schedule.next();
                    self.start(now, due);
                }
                // Those on their way may be all that the user wants, or not.
                Some(_) => return self.progress.is_running().then_some(now + CLAIM_PAUSE),
                None if last.is_some() => return None,
                None => {
                    self.progress.schedule_ended = Some(now);
                    return Some(now);
                }
            }
        }
    }

    /// Starts a request of an open loop.
    fn start(&mut self, now: Offset, scheduled: Offset) {
        let due = self.take_request(scheduled);
        match self.places.take(due) {
            Placed::Taken((record, call)) => {
                self.exchanges.send(now, record, call);
            }
            Placed::Waits => {}
            Placed::Shed((mut record, _)) => {
                record.outcome = Outcome::Shed;
                self.settle(now, record);
            }
        }
    }

    /// Lets the users of a closed loop ask who are due.
    fn wake_users(&mut self, now: Offset) {
        while let Some((user, due)) = self.users.as_mut().and_then(|users| users.wake(now)) {
            self.ask(now, user, due);
        }
    }

    /// A user asks, unless there is no more to ask for.
    fn ask(&mut self, now: Offset, user: u32, due: Offset) {
        if !self.progress.is_running() || !self.progress.claim() {
            return;
        }
        let is_burst = self.users.as_ref().is_some_and(|users| users.is_burst);
        let (record, call) = self.take_request(if is_burst { due } else { now });
        if let Some(users) = &mut self.users {
            users.started(user, now);
        }
        self.owners.insert(record.id, user);
        self.exchanges.send(now, record, call);
    }

    /// The next request of the workload.
    fn take_request(&mut self, scheduled: Offset) -> (Record, Call) {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        let request = self.workload.request(id);
        let mut record = Record::due(id, self.times.phase(scheduled), 0, scheduled);
        record.prompt_tokens = request.prompt_tokens;
        record.max_tokens = Some(request.max_tokens);
        (record, Call::of(&request))
    }

    /// A request that was sent has ended.
    fn conclude(&mut self, now: Offset, mut record: Record) {
        if self.spec.strict_length {
            record.check_length();
        }
        let (id, outcome) = (record.id, record.outcome);
        self.settle(now, record);
        if self.users.is_none()
            && let Some((record, call)) = self.places.free()
        {
            self.exchanges.send(now, record, call);
        }
        if let Some(user) = self.owners.remove(&id)
            && let Some(due) = self.users.as_mut().and_then(|users| users.ended(user, now, outcome))
        {
            self.ask(now, user, due);
        }
    }

    /// Counts a record and hands it on.
    fn settle(&mut self, now: Offset, mut record: Record) {
        resolve_output_tokens(&mut record, None);
        self.progress.request_ended(now, record.outcome);
        (self.each)(record);
    }

    fn is_over(&self) -> bool {
        !self.progress.is_running() && self.exchanges.in_flight() == 0 && self.places.waiting() == 0
    }

    /// When the load ends, or when what is left of it is given up.
    fn next_boundary(&self) -> Option<Offset> {
        match self.progress.ended {
            None => self.times.measure_end,
            Some(_) if self.given_up => None,
            Some(end) => Some(self.spec.phases.drain_deadline(end)),
        }
    }

    fn end(self, now: Offset) -> Simulated {
        Simulated {
            times: self.times,
            measure_end: self.progress.measure_end(&self.times, now),
            drained: now,
            cap_reached: self.places.reached,
            stopped: self.progress.had_enough(),
        }
    }
}
