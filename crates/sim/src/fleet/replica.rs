//! One replica: where it is in its life, and the engine inside while it runs.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::state::add;
use crate::engine::{Engine, Phase, State};

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a machine until this moment.
    Scheduled(Offset),
    /// Loading until this moment.
    Loading(Offset),
    /// Taking requests.
    Ready,
    /// To go: it takes nothing new and finishes what it has, until this moment at the latest.
    Draining(Option<Offset>),
    /// No more.
    Gone,
}

/// One replica.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub stage: Stage,
    /// When a replica that is not ready yet will be.
    pub ready_at: Offset,
    pub engine: Option<Engine>,
    /// Requests that it has.
    pub in_flight: u32,
    /// How often it was started.
    pub starts: u32,
    /// Since when it has a machine.
    machine_since: Option<Offset>,
    machine_time: Duration,
    /// What engines that run no more did in it.
    past: State,
}

impl Replica {
    /// A replica that gets its machine and is ready at these moments; the loading lies between.
    pub(super) fn ordered(machine_at: Offset, ready_at: Offset) -> Self {
        Replica {
            stage: Stage::Scheduled(machine_at),
            ready_at,
            engine: None,
            in_flight: 0,
            starts: 0,
            machine_since: None,
            machine_time: Duration::ZERO,
            past: State::default(),
        }
    }

    /// Whether it counts towards the size of the fleet.
    pub(super) fn wanted(&self) -> bool {
        !matches!(self.stage, Stage::Draining(_) | Stage::Gone)
    }

    /// The next moment at which something happens in it.
    pub(super) fn next_event(&self) -> Option<Offset> {
        let own = match self.stage {
            Stage::Scheduled(at) | Stage::Loading(at) => Some(at),
            Stage::Draining(limit) => limit,
            Stage::Ready | Stage::Gone => None,
        };
        let engine = self.engine.as_ref().and_then(Engine::next_event);
        [own, engine].into_iter().flatten().min()
    }

    /// It has its machine.
    pub(super) fn load(&mut self, at: Offset) {
        self.machine_since.get_or_insert(at);
        self.stage = Stage::Loading(self.ready_at);
    }

    /// Its engine is no more; what it did is remembered.
    pub(super) fn stop(&mut self, at: Offset) {
        if let Some(engine) = self.engine.take() {
            let last = engine.state(at);
            add(
                &mut self.past,
                &State {
                    waiting: 0,
                    running: 0,
                    kv_blocks_used: 0,
                    kv_blocks_total: 0,
                    resident_bytes: 0,
                    accelerator_bytes: 0,
                    accelerator_bytes_total: 0,
                    power_watts: 0.0,
                    ..last
                },
            );
        }
        self.in_flight = 0;
    }

    /// It gives its machine back.
    pub(super) fn go(&mut self, at: Offset) {
        self.stop(at);
        self.machine_time = self.machine_time(at);
        self.machine_since = None;
        self.stage = Stage::Gone;
    }

    /// How long it has had a machine.
    pub(super) fn machine_time(&self, now: Offset) -> Duration {
        self.machine_time + self.machine_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// What it looks like and has done, in all its starts.
    pub(super) fn state(&self, now: Offset) -> State {
        let mut state = self.past.clone();
        state.phase = match self.stage {
            Stage::Scheduled(_) | Stage::Loading(_) => Phase::Loading(self.ready_at),
            Stage::Ready | Stage::Draining(_) => Phase::Ready,
            Stage::Gone => Phase::Down,
        };
        if let Some(engine) = &self.engine {
            let running = engine.state(now);
            state.phase = running.phase;
            add(&mut state, &running);
        }
        state
    }
}
