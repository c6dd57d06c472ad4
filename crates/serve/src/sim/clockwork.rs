//! The engine in this machine's time: what it does for whom, and when it is due.

use std::collections::VecDeque;

use plimsoll_core::time::Offset;
use plimsoll_sim::{Ask, Emission, Engine, Event, JobId, Refused, State};
use rustc_hash::FxHashMap;

use super::schedule::Key;

/// The engine is not run further ahead of the connections than by about so many emissions.
const AHEAD: usize = 256;

/// An engine, the connections that wait for its work, and what it has done that they have not been told of.
///
/// Moments are CLOCK_MONOTONIC in nanoseconds; the engine's begin at `origin`.
#[derive(Debug)]
pub(crate) struct Clockwork {
    engine: Engine,
    origin: u64,
    /// The latest moment that the engine knows of.
    told: Offset,
    clients: FxHashMap<JobId, Key>,
    done: VecDeque<Emission>,
    /// Where the engine puts what it does.
    fresh: Vec<Emission>,
}

/// Something that the engine did for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) at: u64,
    pub(crate) job: JobId,
    pub(crate) client: Key,
    pub(crate) event: Event,
}

impl Clockwork {
    pub(crate) fn new(engine: Engine, origin: u64) -> Self {
        Clockwork {
            engine,
            origin,
            told: Offset::ZERO,
            clients: FxHashMap::default(),
            done: VecDeque::new(),
            fresh: Vec::new(),
        }
    }

    /// A request has arrived at `at`, which may be a while ago: the kernel saw it before this thread did.
    pub(crate) fn arrive(&mut self, at: u64, job: JobId, client: Key, ask: &Ask) -> Result<(), Refused> {
        let at = self.offset(at);
        self.catch_up(at);
        // On a fixed grid nobody's tokens depend on who else is there: the past can be made good. In a batch they do.
        let at = if matches!(self.engine, Engine::Fixed(_)) { at } else { at.max(self.told) };
        self.engine.arrive(at, job, ask)?;
        self.clients.insert(job, client);
        Ok(())
    }

    /// The client of `job` is gone. A job that is over is ignored.
    pub(crate) fn cancel(&mut self, now: u64, job: JobId) {
        if self.clients.remove(&job).is_some() {
            let now = self.offset(now).max(self.told);
            self.catch_up(now);
            self.engine.cancel(now, job);
        }
    }

    /// When [`Clockwork::pop`] has something.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let next = self.done.front().map(|emission| emission.at).or_else(|| self.engine.next_event())?;
        Some(self.moment(next))
    }

    /// The next thing that the engine did at or before `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Done> {
        loop {
            let Some(Emission { at, job, event }) = self.done.pop_front() else {
                self.run_until(self.offset(now));
                if self.done.is_empty() {
                    return None;
                }
                continue;
            };
            let client = match event {
                Event::Finished | Event::Failed(_) => self.clients.remove(&job),
                Event::Started | Event::Tokens(_) => self.clients.get(&job).copied(),
            };
            if let Some(client) = client {
                return Some(Done { at: self.moment(at), job, client, event });
            }
        }
    }

    /// What the engine looks like at `now`; up to date after [`Clockwork::settle`].
    pub(crate) fn state(&self, now: u64) -> State {
        self.engine.state(self.offset(now).max(self.told))
    }

    /// Lets everything happen until `now`, also what concerns no request, such as the end of loading.
    pub(crate) fn settle(&mut self, now: u64) {
        self.catch_up(self.offset(now));
    }

    /// The moment of something in the engine.
    pub(crate) fn moment(&self, at: Offset) -> u64 {
        self.origin.saturating_add(at.as_nanos())
    }

    /// Runs the engine from event to event, and never past the last one: a request that the kernel received while this
    /// thread was busy still comes in time when nothing has happened since.
    fn run_until(&mut self, now: Offset) {
        while self.done.len() < AHEAD
            && let Some(at) = self.engine.next_event()
            && at <= now
        {
            self.engine.advance(at, &mut self.fresh);
            self.told = self.told.max(at);
            self.done.extend(self.fresh.drain(..));
        }
    }

    fn catch_up(&mut self, now: Offset) {
        if now >= self.told {
            self.engine.advance(now, &mut self.fresh);
            self.told = now;
            self.done.extend(self.fresh.drain(..));
        }
    }

    /// A moment in the engine's time.
    pub(crate) fn offset(&self, moment: u64) -> Offset {
        Offset::from_nanos(moment.saturating_sub(self.origin))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sim::options::SimOptions;

    const MS: u64 = 1_000_000;

    fn clockwork(options: &str) -> Clockwork {
        Clockwork::new(SimOptions::parse(options).unwrap().engine.engine().unwrap(), 1000 * MS)
    }

    fn key(index: u32) -> Key {
        Key { index, generation: 0 }
    }

    fn ask(output_tokens: u32) -> Ask {
        Ask { prompt_tokens: 1, output_tokens, items: 1, prefix: Arc::default() }
    }

    /// What was done for whom by `now`, as (ms, connection, event).
    fn done(clockwork: &mut Clockwork, now: u64) -> Vec<(u64, u32, Event)> {
        std::iter::from_fn(|| clockwork.pop(now * MS))
            .map(|done| (done.at / MS, done.client.index, done.event))
            .collect()
    }

    #[test]
    fn work_is_due_on_the_machines_clock_and_never_early() {
        let mut clockwork = clockwork("?ttft=50ms&itl=10ms");
        assert_eq!((clockwork.next_due(), done(&mut clockwork, 9999)), (None, vec![]));
        clockwork.arrive(1007 * MS, JobId(0), key(3), &ask(2)).unwrap();
        assert_eq!(done(&mut clockwork, 1056), [(1007, 3, Event::Started)]);
        assert_eq!(clockwork.next_due(), Some(1057 * MS));
        assert_eq!(
            done(&mut clockwork, 1067),
            [(1057, 3, Event::Tokens(1)), (1067, 3, Event::Tokens(1)), (1067, 3, Event::Finished)]
        );
        assert_eq!(clockwork.next_due(), None);
    }

    #[test]
    fn a_request_that_was_noticed_late_keeps_its_grid() {
        let mut clockwork = clockwork("?ttft=50ms&itl=10ms");
        clockwork.arrive(1000 * MS, JobId(0), key(0), &ask(1)).unwrap();
        done(&mut clockwork, 1050);
        clockwork.arrive(1040 * MS, JobId(1), key(1), &ask(1)).unwrap();
        assert_eq!(done(&mut clockwork, 1090)[1], (1090, 1, Event::Tokens(1)));
    }

    #[test]
    fn nothing_is_done_for_those_who_left() {
        let mut clockwork = clockwork("?ttft=50ms&itl=10ms&slots=1");
        for job in 0..3 {
            clockwork.arrive(1000 * MS, JobId(job), key(job as u32), &ask(1)).unwrap();
        }
        done(&mut clockwork, 1000);
        assert_eq!((clockwork.state(1000 * MS).running, clockwork.state(1000 * MS).waiting), (1, 2));
        clockwork.cancel(1020 * MS, JobId(1));
        clockwork.cancel(1020 * MS, JobId(0));
        clockwork.cancel(1020 * MS, JobId(0));
        assert_eq!(
            done(&mut clockwork, 2000),
            [(1020, 2, Event::Started), (1070, 2, Event::Tokens(1)), (1070, 2, Event::Finished)]
        );
    }
}
