//! The fleet as its clients see it: requests go in at one door, and come back.

use plimsoll_core::time::Offset;
use rustc_hash::FxHashMap;

use super::agenda::Agenda;
use super::gateway::Waiting;
use super::options::FleetOptions;
use super::replica::{Replica, Stage};
use super::router::Picker;
use super::state::{FleetState, ReplicaState, add};
use crate::engine::{Ask, Emission, Event, Failure, JobId, Phase, Refused, State};

/// Many replicas behind one door, with the methods of an [`crate::Engine`]; whoever owns time keeps the same rules.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub(super) options: FleetOptions,
    pub(super) replicas: Vec<Replica>,
    /// When which replica has something to do.
    pub(super) agenda: Agenda,
    /// Ready replicas with room for one more, sorted.
    open: Vec<u32>,
    picker: Picker,
    waiting: Option<Waiting>,
    /// Where each request is.
    pub(super) places: FxHashMap<JobId, Place>,
    /// What happened outside of `advance` and was not told yet.
    pub(super) untold: Vec<Emission>,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Gateway,
    Replica(u32),
}

impl Fleet {
    /// A fleet whose first replicas are ready.
    pub fn new(options: FleetOptions) -> Self {
        let mut fleet = Fleet {
            replicas: Vec::new(),
            agenda: Agenda::new(),
            open: Vec::new(),
            picker: Picker::new(options.router, options.seed),
            waiting: options.gateway.map(Waiting::new),
            places: FxHashMap::default(),
            untold: Vec::new(),
            options,
        };
        for index in 0..fleet.options.replicas {
            fleet.replicas.push(Replica::ordered(Offset::ZERO, Offset::ZERO));
            fleet.replicas[index as usize].load(Offset::ZERO);
            fleet.make_ready(None, index);
        }
        fleet
    }

    /// See [`crate::Engine::arrive`].
    ///
    /// # Errors
    /// There is no room in the gateway, no replica is ready, or the chosen replica does not take the request.
    pub fn arrive(&mut self, at: Offset, job: JobId, ask: &Ask) -> Result<(), Refused> {
        let queued = self.waiting.as_ref().is_some_and(|waiting| waiting.len() > 0);
        if !queued && let Some(index) = self.pick(ask) {
            return self.give(at, index, job, ask);
        }
        let Some(waiting) = &mut self.waiting else {
            return Err(self.closed());
        };
        if !waiting.push(at, job, ask) {
            return Err(Refused::QueueFull);
        }
        self.places.insert(job, Place::Gateway);
        Ok(())
    }

    /// See [`crate::Engine::cancel`].
    pub fn cancel(&mut self, at: Offset, job: JobId) {
        match self.places.remove(&job) {
            None => {}
            Some(Place::Gateway) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.remove(job);
                }
            }
            Some(Place::Replica(index)) => {
                if let Some(engine) = &mut self.replicas[index as usize].engine {
                    engine.cancel(at, job);
                }
                self.less(at, index);
                let mut told = std::mem::take(&mut self.untold);
                self.dispatch(at, &mut told);
                self.untold = told;
                self.review(index);
            }
        }
    }

    /// See [`crate::Engine::next_event`].
    pub fn next_event(&self) -> Option<Offset> {
        match self.untold.first() {
            Some(emission) => Some(emission.at),
            None => self.next_due(),
        }
    }

    /// See [`crate::Engine::advance`].
    pub fn advance(&mut self, now: Offset, out: &mut Vec<Emission>) {
        out.append(&mut self.untold);
        while let Some(at) = self.next_due()
            && at <= now
        {
            match self.agenda.first() {
                Some((first, index)) if first == at => self.step(at, index, out),
                _ => self.expire(at, out),
            }
            out.append(&mut self.untold);
        }
    }

    /// What the fleet looks like at `now`, after [`Fleet::advance`] to it.
    pub fn state(&self, now: Offset) -> FleetState {
        let gateway = self.waiting.as_ref().map_or(0, |waiting| waiting.len() as u32);
        let mut total = State { phase: self.phase(), waiting: gateway, ..State::default() };
        let replicas: Vec<_> = self
            .replicas
            .iter()
            .map(|replica| ReplicaState {
                stage: replica.stage,
                in_flight: replica.in_flight,
                engine: replica.state(now),
            })
            .collect();
        for replica in &replicas {
            add(&mut total, &replica.engine);
        }
        let machine_time = self.replicas.iter().map(|replica| replica.machine_time(now)).sum();
        FleetState { total, gateway, machine_time, replicas }
    }

    /// The replica that has `job`; nothing while it waits in the gateway, and when it is over.
    pub fn replica_of(&self, job: JobId) -> Option<u32> {
        match self.places.get(&job)? {
            Place::Gateway => None,
            Place::Replica(index) => Some(*index),
        }
    }

    fn next_due(&self) -> Option<Offset> {
        let expiry = self.waiting.as_ref().and_then(Waiting::expiry);
        [self.agenda.first().map(|(at, _)| at), expiry].into_iter().flatten().min()
    }

    /// Ready while one replica is, loading while one comes, down otherwise.
    fn phase(&self) -> Phase {
        if self.replicas.iter().any(|replica| replica.stage == Stage::Ready) {
            return Phase::Ready;
        }
        let coming = |replica: &&Replica| matches!(replica.stage, Stage::Scheduled(_) | Stage::Loading(_));
        match self.replicas.iter().filter(coming).map(|replica| replica.ready_at).min() {
            Some(ready_at) => Phase::Loading(ready_at),
            None => Phase::Down,
        }
    }

    /// Why a request finds no replica.
    fn closed(&self) -> Refused {
        match self.phase() {
            Phase::Loading(until) => Refused::Loading(until),
            Phase::Ready => Refused::QueueFull,
            Phase::Down => Refused::Down,
        }
    }

    /// Something is due at a replica.
    fn step(&mut self, at: Offset, index: u32, out: &mut Vec<Emission>) {
        let first = out.len();
        if let Some(engine) = &mut self.replicas[index as usize].engine {
            engine.advance(at, out);
        }
        for emission in &out[first..] {
            if matches!(emission.event, Event::Finished | Event::Failed(_)) {
                self.places.remove(&emission.job);
                self.less(at, index);
            }
        }
        self.progress(at, index);
        self.dispatch(at, out);
        self.review(index);
    }

    /// Sends on those who wait in the gateway, while a replica has room.
    pub(super) fn dispatch(&mut self, at: Offset, out: &mut Vec<Emission>) {
        while !self.open.is_empty()
            && let Some(held) = self.waiting.as_mut().and_then(Waiting::pop)
        {
            self.places.remove(&held.job);
            let given = match self.pick(&held.ask) {
                Some(index) => self.give(at, index, held.job, &held.ask),
                None => Err(self.closed()),
            };
            if let Err(why) = given {
                let event = Event::Failed(Failure::Refused(why));
                out.push(Emission { at, job: held.job, event });
            }
        }
    }

    /// Gives up those who have waited in the gateway too long.
    fn expire(&mut self, at: Offset, out: &mut Vec<Emission>) {
        while let Some(waiting) = &mut self.waiting
            && waiting.expiry().is_some_and(|expiry| expiry <= at)
            && let Some(held) = waiting.pop()
        {
            self.places.remove(&held.job);
            out.push(Emission { at, job: held.job, event: Event::Failed(Failure::TimedOut) });
        }
    }

    fn pick(&mut self, ask: &Ask) -> Option<u32> {
        let replicas = &self.replicas;
        self.picker.pick(&self.open, &ask.prefix, |index| replicas[index as usize].in_flight)
    }

    fn give(&mut self, at: Offset, index: u32, job: JobId, ask: &Ask) -> Result<(), Refused> {
        let replica = &mut self.replicas[index as usize];
        let Some(engine) = &mut replica.engine else {
            return Err(Refused::Down);
        };
        engine.advance(at, &mut self.untold); // one that is idle is let sleep, whatever its own clock says
        engine.arrive(at, job, ask)?;
        replica.in_flight += 1;
        self.places.insert(job, Place::Replica(index));
        if Some(self.replicas[index as usize].in_flight) == self.most_in_flight() {
            self.close(index);
        }
        self.review(index);
        Ok(())
    }

    /// A replica has one request less.
    fn less(&mut self, at: Offset, index: u32) {
        let replica = &mut self.replicas[index as usize];
        replica.in_flight -= 1;
        if replica.stage == Stage::Ready && Some(replica.in_flight + 1) == self.most_in_flight() {
            self.reopen(index);
        }
        self.leave_if_drained(at, index);
    }

    fn most_in_flight(&self) -> Option<u32> {
        Some(self.options.gateway?.per_replica?.get())
    }

    /// The replica can take requests.
    pub(super) fn reopen(&mut self, index: u32) {
        if let Err(place) = self.open.binary_search(&index) {
            self.open.insert(place, index);
        }
    }

    /// The replica can take no more.
    pub(super) fn close(&mut self, index: u32) {
        if let Ok(place) = self.open.binary_search(&index) {
            self.open.remove(place);
        }
    }

    /// Notes when something is due next at a replica.
    pub(super) fn review(&mut self, index: u32) {
        self.agenda.set(index, self.replicas[index as usize].next_event());
    }
}
