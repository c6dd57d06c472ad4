//! Follows every request and the engine, so that a page can be written at any moment.

use plimsoll_core::time::Offset;
use plimsoll_sim::{Event, JobId, Phase, State};
use rustc_hash::FxHashMap;

use super::counted::{Counted, End, Life};
use super::dcgm;
use super::meter::Meter;
use super::scene::{self, Identity, Scene};

/// Everything behind a server's metrics but the engine. Moments are the engine's.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    identity: Identity,
    counted: Counted,
    meter: Meter,
    /// Requests under way, and how each ends if nothing happens to it.
    lives: FxHashMap<JobId, (Life, End)>,
    phase: Phase,
    /// The engine's counters when its process last died: those that are shown count from there.
    shown_from: State,
}

impl Metrics {
    /// Metrics of a server whose engine begins now, at [`Offset::ZERO`], with `state`.
    pub(crate) fn new(identity: Identity, state: &State) -> Self {
        Metrics {
            counted: Counted::new(scene::bounds(&identity)),
            identity,
            meter: Meter::new(state),
            lives: FxHashMap::default(),
            phase: state.phase,
            shown_from: State::default(),
        }
    }

    /// A request was taken; it ends by `end` if nothing happens to it.
    pub(crate) fn taken(&mut self, job: JobId, life: Life, end: End) {
        self.counted.taken();
        self.lives.insert(job, (life, end));
    }

    /// A request was refused with this HTTP status.
    pub(crate) fn refused(&mut self, status: u16) {
        self.counted.refused(status);
    }

    /// The engine did something for a request.
    pub(crate) fn happened(&mut self, job: JobId, at: Offset, event: Event) {
        match event {
            Event::Started => self.with(job, |counted, life| counted.started(life, at)),
            Event::Tokens(count) => self.with(job, |counted, life| counted.tokens(life, at, count)),
            Event::Finished => {
                if let Some((life, end)) = self.lives.remove(&job) {
                    self.counted.ended(&life, at, end);
                }
            }
            Event::Failed(_) => self.gone(job, at, End::Failed),
        }
    }

    /// A request is over before its time. One that is over already is ignored.
    pub(crate) fn gone(&mut self, job: JobId, at: Offset, how: End) {
        if let Some((life, _)) = self.lives.remove(&job) {
            self.counted.ended(&life, at, how);
        }
    }

    /// Whether so much time has passed since the last [`Metrics::look`] that another is worth its cost.
    pub(crate) fn is_due(&self, now: Offset) -> bool {
        self.meter.is_due(now)
    }

    /// Looks at the engine's state. A process that dies takes its counters with it, so they begin anew.
    pub(crate) fn look(&mut self, now: Offset, state: &State) {
        self.meter.look(now, state);
        if self.phase == Phase::Ready && state.phase != Phase::Ready {
            self.counted = Counted::new(scene::bounds(&self.identity));
            self.lives.clear();
            self.shown_from = state.clone();
        }
        self.phase = state.phase;
    }

    /// The page at `now`, as the served flavour calls things; none for a service that exports nothing.
    pub(crate) fn page(&mut self, now: Offset, state: &State) -> Option<String> {
        self.look(now, state);
        let shown = self.shown(state);
        scene::page(&self.scene(&shown))
    }

    /// The page of the accelerator at `now`, as the DCGM exporter calls things.
    pub(crate) fn accelerator_page(&mut self, now: Offset, state: &State) -> String {
        self.look(now, state);
        dcgm::page(&self.scene(state))
    }

    fn with(&mut self, job: JobId, act: impl FnOnce(&mut Counted, &mut Life)) {
        if let Some((life, _)) = self.lives.get_mut(&job) {
            act(&mut self.counted, life);
        }
    }

    fn scene<'a>(&'a self, state: &'a State) -> Scene<'a> {
        Scene {
            identity: &self.identity,
            state,
            counted: &self.counted,
            rates: self.meter.rates(),
            joules: self.meter.joules(),
        }
    }

    /// The state with its counters as the server's process, which may be younger than the engine, knows them.
    fn shown(&self, state: &State) -> State {
        let from = &self.shown_from;
        State {
            prefix_queries: state.prefix_queries.saturating_sub(from.prefix_queries),
            prefix_hits: state.prefix_hits.saturating_sub(from.prefix_hits),
            preemptions: state.preemptions.saturating_sub(from.preemptions),
            prompt_tokens: state.prompt_tokens.saturating_sub(from.prompt_tokens),
            generated_tokens: state.generated_tokens.saturating_sub(from.generated_tokens),
            items: state.items.saturating_sub(from.items),
            steps: state.steps.saturating_sub(from.steps),
            ..state.clone()
        }
    }
}
