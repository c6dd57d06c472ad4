//! Follows a run: shows it, and ends or changes it when the user says so.

use std::time::Duration;

use plimsoll_core::load::{HandLoad, Times, Turn};
use plimsoll_core::slo::Breach;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::{LiveSnapshot, Recorder, RecorderHandle};
use plimsoll_drive::runner::Running;
use plimsoll_drive::watch::Watcher;

use super::interrupts::{Heard, Interrupted, Interrupts};
use super::stage::{Act, Stage};
use crate::live::{Can, Key, Moment};
use crate::report::emit;

/// From the start of a run to the first look at it; the next ones come ever later, so that one which is over in no time,
/// as in simulated time, is not waited for.
const FIRST_LOOK: Duration = Duration::from_millis(1);
/// From one look to the next at most.
const LOOK: Duration = Duration::from_millis(100);

/// What a run is followed with.
pub(super) struct Watch<'a> {
    pub(super) clock: Clock,
    pub(super) times: Times,
    pub(super) running: &'a Running,
    pub(super) recorder: &'a Recorder,
    pub(super) handle: &'a RecorderHandle,
    pub(super) drain_timeout: Duration,
    pub(super) act: &'a Act,
    /// Who watches the server, if anybody does.
    pub(super) server: Option<&'a Watcher>,
}

impl Watch<'_> {
    /// Returns when all requests have ended.
    pub(super) fn follow(&self, interrupts: &mut Interrupts, stage: &mut Stage) -> Interrupted {
        let watch = Clock::start();
        let (mut interrupted, mut look) = (Interrupted::No, FIRST_LOOK);
        let mut breach = None;
        while !self.running.is_finished() {
            match interrupts.hear(look) {
                Heard::End => interrupted = self.stop(interrupted),
                Heard::Continued => stage.again(),
                Heard::Nothing => {}
            }
            for key in stage.keys() {
                match key {
                    Key::Quit => interrupted = self.stop(interrupted),
                    Key::Pause | Key::More | Key::Less => self.turn(key),
                }
            }
            self.say_why(&mut breach);
            self.server.iter().for_each(|server| server.look_after());
            self.look(stage, watch);
            look = LOOK.min(2 * look);
        }
        stage.paused = self.running.hand().load() == Some(HandLoad::Paused);
        stage.trial_over();
        interrupted
    }

    fn stop(&self, before: Interrupted) -> Interrupted {
        let now = self.clock.now();
        let stop = self.running.stop();
        if before == Interrupted::No {
            stop.drain(now);
            self.handle.measured_until(self.times.measure_end.map_or(now, |end| end.min(now)));
            emit::note(&format!(
                "stopping: waiting up to {}s for requests in flight; Ctrl+C again ends at once",
                self.drain_timeout.as_secs()
            ));
            return Interrupted::Gracefully;
        }
        stop.now(now);
        Interrupted::Twice
    }

    /// Changes the load, as far as keys may do that.
    fn turn(&self, key: Key) {
        let (hand, can) = (self.running.hand(), self.can());
        let turn = match key {
            Key::Pause if hand.load() == Some(HandLoad::Paused) => Turn::Resume,
            Key::Pause if can.pause => Turn::Pause,
            Key::More if can.change => Turn::More,
            Key::Less if can.change => Turn::Less,
            Key::Quit | Key::Pause | Key::More | Key::Less => return,
        };
        hand.turn(turn, self.clock.now());
    }

    /// What keys can do: nothing about a load that is simulated, or over.
    fn can(&self) -> Can {
        let goes_on = !self.clock.is_simulated() && !self.is_over(self.clock.now());
        let Can { pause, change } = self.act.show.can;
        Can { pause: pause && goes_on, change: change && goes_on && self.running.hand().can_be_changed() }
    }

    /// Says once that a rule has ended the run.
    fn say_why(&self, known: &mut Option<Breach>) {
        // In simulated time it may all be over before anybody looks: the report says it.
        if known.is_none()
            && !self.clock.is_simulated()
            && let Some(breach) = self.running.breach()
        {
            emit::note(&format!(
                "stopping: {breach}; waiting up to {}s for requests in flight",
                self.drain_timeout.as_secs()
            ));
            *known = Some(breach);
        }
    }

    fn look(&self, stage: &mut Stage, watch: Clock) {
        let snapshot = self.recorder.live();
        if let Some(failure) = &snapshot.failure
            && !self.running.stop().is_asked()
        {
            // What cannot be kept need not be measured.
            emit::note(&format!("stopping: {failure}"));
            self.running.stop().drain(self.clock.now());
        }
        let moment = self.moment(snapshot, watch.now().since(Offset::ZERO));
        stage.show(if stage.is_full() { self.in_full(moment, stage) } else { moment });
    }

    fn moment(&self, snapshot: LiveSnapshot, watched: Duration) -> Moment {
        let now = self.clock.now();
        let pair = |low: Option<f64>, high: Option<f64>| low.zip(high);
        Moment {
            command: self.act.show.command,
            watched,
            elapsed: now.since(self.times.begin),
            left: self.times.measure_end.filter(|_| !self.is_over(now)).map(|end| end.since(now)),
            phase: self.phase(now),
            offered_rate: snapshot.offered_rate,
            sent_rate: snapshot.sent_rate,
            completed_rate: snapshot.completed_rate,
            output_token_rate: snapshot.output_token_rate,
            in_flight: snapshot.in_flight,
            ttft: pair(snapshot.ttft_p50, snapshot.ttft_p99),
            latency: pair(snapshot.latency_p50, snapshot.latency_p99),
            ok: snapshot.ok,
            errors: snapshot.errors.iter().map(|error| (class(error), error.count)).collect(),
            objectives: snapshot.objectives,
            by_hand: self.running.hand().load(),
            can: self.can(),
            ..Moment::default()
        }
    }

    /// The moment with what only a view that fills the terminal shows.
    fn in_full(&self, moment: Moment, stage: &Stage) -> Moment {
        Moment {
            title: self.act.title.clone(),
            streamed: self.act.streamed,
            history: stage.history.seconds(),
            server: self.server.map(|watcher| watcher.latest().figures).unwrap_or_default(),
            story: self.act.story(self.clock.now()),
            ..moment
        }
    }

    fn phase(&self, now: Offset) -> &'static str {
        if self.is_over(now) {
            Moment::DRAINING
        } else if now >= self.times.measure_start {
            "measuring"
        } else if now >= self.times.ramp_end {
            "warm-up"
        } else {
            "ramp"
        }
    }

    /// Whether no more requests start.
    fn is_over(&self, now: Offset) -> bool {
        self.times.measure_end.is_some_and(|end| now >= end) || self.running.stop().is_asked()
    }
}

fn class(error: &plimsoll_drive::recorder::LiveError) -> String {
    match error.status {
        Some(status) => format!("{} ({status})", error.outcome.name()),
        None => error.outcome.name().to_owned(),
    }
}
