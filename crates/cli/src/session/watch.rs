//! Follows a run: shows it, and ends it when the user says so.

use std::time::Duration;

use plimsoll_core::load::Times;
use plimsoll_core::slo::Breach;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::{LiveSnapshot, Recorder, RecorderHandle};
use plimsoll_drive::runner::Running;

use super::interrupts::{Interrupted, Interrupts};
use crate::report::live::{Live, LiveView};

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
}

impl Watch<'_> {
    /// Returns when all requests have ended.
    pub(super) fn follow(&self, interrupts: &mut Interrupts, mut live: Live) -> Interrupted {
        let watch = Clock::start();
        let (mut interrupted, mut look) = (Interrupted::No, FIRST_LOOK);
        let mut breach = None;
        while !self.running.is_finished() {
            if interrupts.within(look) {
                interrupted = self.stop(interrupted, &live);
            } else {
                self.say_why(&mut breach, &live);
                self.look(&mut live, watch);
            }
            look = LOOK.min(2 * look);
        }
        live.finish();
        interrupted
    }

    fn stop(&self, before: Interrupted, live: &Live) -> Interrupted {
        let now = self.clock.now();
        let stop = self.running.stop();
        if before == Interrupted::No {
            stop.drain(now);
            self.handle.measured_until(self.times.measure_end.map_or(now, |end| end.min(now)));
            live.note(&format!(
                "stopping: waiting up to {}s for requests in flight; Ctrl+C again ends at once",
                self.drain_timeout.as_secs()
            ));
            return Interrupted::Gracefully;
        }
        stop.now(now);
        Interrupted::Twice
    }

    /// Says once that a rule has ended the run.
    fn say_why(&self, known: &mut Option<Breach>, live: &Live) {
        // In simulated time it may all be over before anybody looks: the report says it.
        if known.is_none()
            && !self.clock.is_simulated()
            && let Some(breach) = self.running.breach()
        {
            live.note(&format!(
                "stopping: {breach}; waiting up to {}s for requests in flight",
                self.drain_timeout.as_secs()
            ));
            *known = Some(breach);
        }
    }

    fn look(&self, live: &mut Live, watch: Clock) {
        let snapshot = self.recorder.live();
        if let Some(failure) = &snapshot.failure
            && !self.running.stop().is_asked()
        {
            // What cannot be kept need not be measured.
            live.note(&format!("stopping: {failure}"));
            self.running.stop().drain(self.clock.now());
        }
        live.show(&self.view(&snapshot, watch.now().since(Offset::ZERO)));
    }

    fn view(&self, snapshot: &LiveSnapshot, watched: Duration) -> LiveView {
        let now = self.clock.now();
        let pair = |low: Option<f64>, high: Option<f64>| low.zip(high);
        LiveView {
            watched,
            elapsed: now.since(self.times.begin),
            left: self.times.measure_end.map(|end| end.since(now)),
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
        }
    }

    fn phase(&self, now: Offset) -> &'static str {
        let over = self.times.measure_end.is_some_and(|end| now >= end);
        if over || self.running.stop().is_asked() {
            "draining"
        } else if now >= self.times.measure_start {
            "measuring"
        } else if now >= self.times.ramp_end {
            "warm-up"
        } else {
            "ramp"
        }
    }
}

fn class(error: &plimsoll_drive::recorder::LiveError) -> String {
    match error.status {
        Some(status) => format!("{} ({status})", error.outcome.name()),
        None => error.outcome.name().to_owned(),
    }
}
