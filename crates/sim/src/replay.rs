//! A measured run once more, in virtual time, against a simulated server.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::calibrate::{ObservedRequest, ObservedRun};
use plimsoll_core::load::{ClosedShape, ThinkTime, UserPacer};
use plimsoll_core::time::Offset;

use crate::engine::{Ask, Emission, Engine, Event, JobId};

/// A simulated run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// The requests that ended, in the order in which they were sent.
    pub requests: Vec<ObservedRequest>,
    /// Requests that the server did not take.
    pub refused: usize,
}

/// Replays `run` against `engine`: the same prompts and answers, sent at the same moments; in a closed loop by as many users,
/// with their pauses, who wait for the simulated server. `per_request` passes between sending and the arrival in the engine.
///
/// The end of a response comes as long after its last token as it did in the run, in the median.
pub fn replay(run: &ObservedRun, engine: Engine, per_request: Duration) -> Replayed {
    let mut replay = Replay {
        engine,
        per_request,
        tail: tail(run),
        in_flight: Vec::new(),
        refused: 0,
        emissions: Vec::new(),
        finished: Vec::new(),
    };
    match &run.closed {
        Some(_) => replay.closed(run),
        None => replay.open(run),
    }
    replay.finished.sort_unstable_by_key(|(id, _)| *id);
    Replayed {
        requests: replay.finished.iter().map(|(_, request)| *request).collect(),
        refused: replay.refused,
    }
}

struct Replay {
    engine: Engine,
    per_request: Duration,
    tail: Duration,
    /// Each request by its number, with what has come of it.
    in_flight: Vec<Option<InFlight>>,
    refused: usize,
    emissions: Vec<Emission>,
    /// Requests that ended, with their numbers, in the order in which they ended.
    finished: Vec<(u64, ObservedRequest)>,
}

#[derive(Clone, Copy)]
struct InFlight {
    asked: ObservedRequest,
    sent: Offset,
    /// When its first tokens came, and how many.
    first: Option<(Offset, u32)>,
    last: Offset,
}

impl Replay {
    fn open(&mut self, run: &ObservedRun) {
        for request in &run.requests {
            self.run_to(request.sent + self.per_request);
            self.send(*request, request.sent);
        }
        self.run_to(Offset::MAX);
    }

    /// Users take the run's requests in order. When those of the run are used up while its window is not over, users begin
    /// again with the first: a faster server answers more of them.
    fn closed(&mut self, run: &ObservedRun) {
        let Some((closed, seed)) = &run.closed else {
            return;
        };
        let turnaround = turnaround(run, closed.users.get() as usize);
        let mut pacers: Vec<UserPacer> =
            (0..closed.users.get()).map(|user| UserPacer::new(closed, *seed, user)).collect();
        let mut due: BinaryHeap<Reverse<(Offset, usize)>> =
            pacers.iter().enumerate().map(|(user, pacer)| Reverse((pacer.first(), user))).collect();
        let window = Window::of(run);
        let mut requests = run.requests.iter().cycle();
        let mut users: Vec<usize> = Vec::new(); // of each request
        let mut freed = 0; // users whose request ended have been told so
        loop {
            let next = due.peek().map(|Reverse((at, _))| *at + self.per_request);
            let event = self.engine.next_event();
            match (next, event) {
                (Some(next), event) if event.is_none_or(|event| next < event) => {
                    let Some(Reverse((at, user))) = due.pop() else { return };
                    let Some(request) = requests.next().filter(|_| at <= window.end) else {
                        continue; // the run is over for this user
                    };
                    users.push(user);
                    self.run_to(next);
                    self.send(ObservedRequest { measured: at >= window.start, ..*request }, at);
                }
                (_, Some(event)) => self.run_to(event),
                (_, None) => return,
            }
            for (id, request) in &self.finished[freed..] {
                let user = users[*id as usize];
                due.push(Reverse((pacers[user].after(request.sent, request.done + turnaround), user)));
            }
            freed = self.finished.len();
        }
    }

    /// Gives the engine a request that was sent at `sent`.
    fn send(&mut self, asked: ObservedRequest, sent: Offset) {
        let id = self.in_flight.len() as u64;
        let ask = Ask {
            // What the prefix cache had costs next to nothing, and what is not computed need not be asked.
            prompt_tokens: asked.prefill_tokens,
            output_tokens: asked.output_tokens,
            items: 1,
            prefix: Arc::default(),
        };
        let taken = self.engine.arrive(sent + self.per_request, JobId(id), &ask).is_ok();
        self.refused += usize::from(!taken);
        self.in_flight.push(taken.then_some(InFlight { asked, sent, first: None, last: sent }));
    }

    /// Lets the engine work up to a moment.
    fn run_to(&mut self, now: Offset) {
        self.engine.advance(now, &mut self.emissions);
        for Emission { at, job, event } in self.emissions.drain(..) {
            let Some(entry) = self.in_flight.get_mut(job.0 as usize) else { continue };
            let Some(flying) = entry else { continue };
            match event {
                Event::Tokens(count) => {
                    flying.first.get_or_insert((at, count));
                    flying.last = at;
                }
                Event::Finished => {
                    let request = flying.ended(self.tail);
                    *entry = None;
                    self.finished.push((job.0, request));
                }
                Event::Started | Event::Failed(_) => {}
            }
        }
    }
}

impl InFlight {
    fn ended(&self, tail: Duration) -> ObservedRequest {
        let (first, first_tokens) = self.first.unwrap_or((self.last, 1));
        ObservedRequest {
            sent: self.sent,
            first,
            last: self.last,
            done: self.last + tail,
            first_tokens,
            ..self.asked
        }
    }
}

/// When a run measured.
struct Window {
    start: Offset,
    end: Offset,
}

impl Window {
    fn of(run: &ObservedRun) -> Self {
        let sent = |request: &ObservedRequest| request.sent;
        Window {
            start: run.measured().map(sent).min().unwrap_or(Offset::ZERO),
            end: run.requests.iter().map(sent).max().unwrap_or(Offset::ZERO),
        }
    }
}

/// From the last token to the end of the response: the median.
fn tail(run: &ObservedRun) -> Duration {
    median(run.measured().map(|request| request.done.since(request.last)).collect())
}

/// What a user without pauses takes from the end of a response to the next request: the median of the times from the
/// `k`th end to the request that it sets free.
fn turnaround(run: &ObservedRun, users: usize) -> Duration {
    let no_pause = run.closed.as_ref().is_some_and(|(closed, _)| {
        closed.think == ThinkTime::Zero && !matches!(closed.shape, ClosedShape::Burst { .. })
    });
    if !no_pause {
        return Duration::ZERO;
    }
    let mut ends: Vec<Offset> = run.requests.iter().map(|request| request.done).collect();
    ends.sort_unstable();
    let freed = run.requests.iter().skip(users);
    median(freed.zip(&ends).map(|(request, &end)| request.sent.since(end)).collect())
}

/// The middle; zero of none.
fn median(mut spans: Vec<Duration>) -> Duration {
    let middle = spans.len() / 2;
    if spans.is_empty() {
        return Duration::ZERO;
    }
    *spans.select_nth_unstable(middle).1
}
