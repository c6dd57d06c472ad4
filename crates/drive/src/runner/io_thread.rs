//! One I/O thread: a runtime of its own, a share of the schedule, and a main loop that puts punctuality first.

use std::cell::{Cell, RefCell};
use std::io;
use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::health::ThreadHealth;
use plimsoll_core::load::{ByHand, CLAIM_PAUSE, LoadModel};
use plimsoll_core::record::Record;
use plimsoll_core::time::Offset;
use tokio::sync::Notify;

use super::closed;
use super::feed::Feed;
use super::request;
use super::shared::Shared;
use super::stop::StopState;
use crate::endpoint::{Endpoint, Station};
use crate::recorder::{Batch, RecorderHandle};
use crate::timer::{Alarm, approach};

/// The alarm rings this much before a request is due; the rest is spent in yields, so that reads go on meanwhile.
const EARLY: Duration = Duration::from_micros(50);
/// With `--spin` the rest is longer, and the end of it is spent in a busy loop: half of the time that is left, within these
/// bounds. The other half is slept through, for the sake of all who share the core.
const EARLY_SPIN: RangeInclusive<Duration> = Duration::from_micros(100)..=Duration::from_micros(500);
/// Starts in a row before other tasks get their turn.
const STARTS_IN_A_ROW: usize = 16;
/// From one look at timer lag to the next.
const TICK: Duration = Duration::from_millis(5);
/// From one batch of records to the next.
const BATCH: Duration = Duration::from_millis(200);
/// Records that wait for a recorder without a core before the thread waits for it, and so admits that it is saturated.
const MAX_WAITING: usize = 50_000;
/// Length of a window.
const WINDOW: Duration = Duration::from_secs(1);

/// Due instants of one I/O thread, relative to the beginning of the load.
pub(super) type Share = Peekable<Box<dyn Iterator<Item = Offset> + Send>>;

/// One I/O thread.
pub(super) struct IoThread<E: Endpoint> {
    pub(super) index: u16,
    pub(super) shared: Arc<Shared>,
    pub(super) endpoint: E,
    pub(super) alarm: Alarm,
    pub(super) feed: RefCell<Feed<E::Prepared>>,
    /// Whether requests may still start.
    pub(super) accepting: Cell<bool>,
    /// Tasks that have not ended.
    pub(super) active: Cell<usize>,
    something_ended: Notify,
    /// The load as the user has changed it by hand.
    by_hand: RefCell<Arc<ByHand>>,
    /// Users that exist.
    pub(super) users: Cell<u32>,
    pub(super) hand_moved: Notify,
    recorder: RecorderHandle,
    batch: RefCell<Batch>,
    /// Records of the batch that the rules of `--abort-on` have seen.
    watched: Cell<usize>,
}

/// What an I/O thread leaves behind.
#[derive(Debug)]
pub(super) struct ThreadEnd {
    pub(super) health: ThreadHealth,
    /// When its last request was due, if its schedule came to an end by itself.
    pub(super) schedule_ended: Option<Offset>,
    /// When its last request ended.
    pub(super) drained: Offset,
    pub(super) kernel_timestamps: bool,
}

impl<E: Endpoint> IoThread<E> {
    pub(super) fn new(
        index: u16,
        shared: Arc<Shared>,
        endpoint: E,
        feed: Feed<E::Prepared>,
        recorder: RecorderHandle,
    ) -> io::Result<Self> {
        Ok(IoThread {
            index,
            alarm: Alarm::new(shared.clock)?,
            endpoint,
            feed: RefCell::new(feed),
            accepting: Cell::new(true),
            active: Cell::new(0),
            something_ended: Notify::new(),
            by_hand: RefCell::new(shared.hand.watch().borrow().clone()),
            users: Cell::new(0),
            hand_moved: Notify::new(),
            recorder,
            batch: RefCell::default(),
            watched: Cell::new(0),
            shared,
        })
    }

    pub(super) fn station(&self) -> &Station {
        self.endpoint.station()
    }

    /// The present moment.
    pub(super) fn now(&self) -> Offset {
        self.station().clock.now()
    }

    /// Keeps a record until the next batch goes to the recorder.
    pub(super) fn emit(&self, record: Box<Record>, text: Option<String>) {
        let mut batch = self.batch.borrow_mut();
        if let Some(text) = text {
            batch.texts.push((record.id, text));
        }
        batch.records.push(*record);
    }

    /// A task that was counted in `active` has ended.
    pub(super) fn task_ended(&self) {
        self.active.set(self.active.get() - 1);
        if !self.accepting.get() {
            self.something_ended.notify_one();
        }
    }

    /// Whether user `user` of a closed loop is to start no request now.
    pub(super) fn holds_back(&self, user: u32) -> bool {
        self.accepting.get() && self.by_hand.borrow().holds_back(user)
    }

    /// Takes in what the user of the program has changed about the load.
    fn obey(self: &Rc<Self>, by_hand: Arc<ByHand>) {
        let users = by_hand.users();
        *self.by_hand.borrow_mut() = by_hand;
        self.hand_moved.notify_waiters();
        if let (LoadModel::Closed(model), Some(users)) = (&self.shared.spec.load, users)
            && self.accepting.get()
        {
            closed::spawn_users(self, model, users);
        }
    }

    /// Offers the batch to the recorder; if that is busy, it is kept and grows, but not for ever. Simulated time can wait.
    fn flush(&self) {
        let batch = self.batch.replace(self.recorder.batch());
        let watched = self.watched.take();
        if batch.records.len() > MAX_WAITING || self.station().clock.is_simulated() {
            return self.recorder.send(batch);
        }
        if let Err(batch) = self.recorder.try_send(batch) {
            *self.batch.borrow_mut() = batch;
            self.watched.set(watched);
        }
    }

    /// Shows the records since the last look to the rules that may end the run.
    fn watch(&self, now: Offset) {
        let batch = self.batch.borrow();
        let new = &batch.records[self.watched.replace(batch.records.len())..];
        if self.accepting.get() && self.shared.watch(new, now) {
            let end = self.shared.times.measure_end.map_or(now, |end| end.min(now));
            self.recorder.measured_until(end);
        }
    }

    /// Hands over what is left, however long the recorder takes.
    fn flush_all(&self) {
        self.recorder.send(self.batch.take());
    }

    /// The main loop in real time: starts what is due, wakes who sleeps, counts, and waits for the next of these.
    pub(super) async fn run(self: &Rc<Self>, mut share: Option<Share>) -> ThreadEnd {
        if let LoadModel::Closed(model) = &self.shared.spec.load {
            closed::spawn_users(self, model, model.users.get());
        }
        let (mut stop, mut hand) = (self.shared.stop.watch(), self.shared.hand.watch());
        let mut clockwork = Clockwork::new(self);
        let mut end = Ending::default();
        let spin = self.shared.spec.spin;
        let most = if spin { *EARLY_SPIN.end() } else { EARLY };
        // The moment for which the thread has slept: once is enough.
        let mut slept_for = None;
        loop {
            let now = self.now();
            if hand.has_changed().unwrap_or(false) {
                self.obey(hand.borrow_and_update().clone());
            }
            clockwork.turn(self, now);
            let state = *stop.borrow_and_update();
            self.look_at_the_end(state, now, &mut end);
            let next_start = self.start_due(&mut share, now, &mut end);
            if self.is_over() && next_start.is_none() {
                break;
            }
            let next_sleeper = self.alarm.wake_due(now);
            let exact = [next_start, next_sleeper].into_iter().flatten().min();
            let early = exact.map_or(EARLY, |exact| early(exact.since(now), spin));
            if let Some(exact) = exact
                && exact.since(now) <= if slept_for == Some(exact) { most } else { early }
            {
                approach(exact, self.station().clock, spin).await;
                continue;
            }
            slept_for = exact;
            let ring_at = exact.map_or(Offset::MAX, |exact| minus(exact, early)).min(clockwork.next());
            self.alarm.arm(ring_at);
            self.station().pulse.alarm_set(self.station().clock.monotonic_nanos(ring_at));
            tokio::select! {
                biased;
                _ = self.alarm.ring() => {}
                _ = stop.changed() => {}
                _ = hand.changed() => hand.mark_changed(),
                () = self.something_ended.notified() => {}
            }
        }
        self.close(end)
    }

    /// Whether nothing starts any more and all has ended.
    pub(super) fn is_over(&self) -> bool {
        !self.accepting.get() && self.active.get() == 0
    }

    /// Hands over what is left when all has ended.
    pub(super) fn close(&self, end: Ending) -> ThreadEnd {
        let now = self.now();
        Clockwork::last(self, now);
        self.flush_all();
        let health = end.health.unwrap_or_else(|| self.station().pulse.health(now));
        ThreadEnd {
            kernel_timestamps: !health.read_lag.is_empty(),
            health,
            schedule_ended: end.schedule_ended,
            drained: now,
        }
    }

    /// Starts every request that is due before the end of the load, if late; returns when the next one is. Ends the load
    /// when the schedule does.
    pub(super) fn start_due(
        self: &Rc<Self>,
        share: &mut Option<Share>,
        now: Offset,
        end: &mut Ending,
    ) -> Option<Offset> {
        let share = share.as_mut()?;
        let by_hand = self.by_hand.borrow();
        let last = [self.shared.times.measure_end, end.at].into_iter().flatten().min();
        for _ in 0..STARTS_IN_A_ROW {
            let due = share.peek().map(|&plan| by_hand.due(plan));
            match due {
                Some(due) if last.is_some_and(|last| due >= last) => return None,
                Some(due) if due > now => return Some(due),
                Some(due) if self.shared.claim() => {
                    share.next();
                    if by_hand.is_paused_at(due) {
                        request::leave_out(self, due);
                    } else {
                        request::start(self, due);
                    }
                }
                // Those on their way may be all that the user wants, or not.
                Some(_) => return end.at.is_none().then_some(now + CLAIM_PAUSE),
                None if last.is_some() => return None,
                None => {
                    end.schedule_ended = Some(now);
                    return None;
                }
            }
        }
        // More may be due, but what was started deserves to be read.
        Some(now)
    }

    /// Ends the load when its time is over or somebody says so, and gives up what is left at the drain's end.
    pub(super) fn look_at_the_end(&self, state: StopState, now: Offset, end: &mut Ending) {
        if matches!(state, StopState::Now(_)) && !self.station().abort.is_set() {
            self.station().abort.set();
        }
        let planned = self.shared.times.measure_end.filter(|&end| now >= end);
        if end.at.is_none() {
            end.at = [state.asked_at(), planned, end.schedule_ended].into_iter().flatten().min();
            if end.at.is_some() {
                self.accepting.set(false);
                self.alarm.wake_all();
                self.hand_moved.notify_waiters();
                // What the thread does while it drains says nothing about the measured window.
                end.health = Some(self.station().pulse.health(now));
            }
        }
        if end.at.is_some_and(|end| now >= self.shared.spec.phases.drain_deadline(end))
            && !self.station().abort.is_set()
        {
            self.station().abort.set();
        }
    }
}

/// When and why the load of a thread ended.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) at: Option<Offset>,
    pub(super) schedule_ended: Option<Offset>,
    /// The thread's health when the load ended.
    health: Option<ThreadHealth>,
}

/// The regular work of an I/O thread: looks at timer lag, closes windows, sends batches.
pub(super) struct Clockwork {
    tick: Offset,
    batch: Offset,
    window: Offset,
    measuring: bool,
}

impl Clockwork {
    pub(super) fn new<E: Endpoint>(thread: &IoThread<E>) -> Self {
        let begin = thread.shared.times.begin;
        // Simulated time has no lag to look at.
        let tick = if thread.station().clock.is_simulated() { Offset::MAX } else { begin + TICK };
        Clockwork { tick, batch: begin + BATCH, window: begin + WINDOW, measuring: false }
    }

    pub(super) fn next(&self) -> Offset {
        self.tick.min(self.window)
    }

    pub(super) fn turn<E: Endpoint>(&mut self, thread: &IoThread<E>, now: Offset) {
        let times = &thread.shared.times;
        if !self.measuring && now >= times.measure_start {
            self.measuring = true;
            thread.station().pulse.measure_from(now);
        }
        if now >= self.tick {
            thread.station().pulse.timer_fired(now.since(self.tick));
            thread.station().pulse.plan_naps(now);
            // Ticks that were missed are part of the lag of this one.
            self.tick = now + TICK;
        }
        if now >= self.window {
            let window = thread.station().pulse.close_window(now);
            thread.batch.borrow_mut().windows.push(window);
            // Windows end at whole seconds of the load; a starved thread leaves some out.
            let whole = u32::try_from(now.since(times.begin).as_secs()).unwrap_or(u32::MAX - 1);
            self.window = times.begin + WINDOW * (whole + 1);
        }
        if now >= self.batch {
            self.batch = now + BATCH;
            thread.watch(now);
            thread.flush();
        }
    }

    fn last<E: Endpoint>(thread: &IoThread<E>, now: Offset) {
        let window = thread.station().pulse.close_window(now);
        thread.batch.borrow_mut().windows.push(window);
    }
}

/// How long before a moment that is still `ahead` the alarm rings.
fn early(ahead: Duration, spin: bool) -> Duration {
    if spin { (ahead / 2).clamp(*EARLY_SPIN.start(), *EARLY_SPIN.end()) } else { EARLY }
}

fn minus(at: Offset, span: Duration) -> Offset {
    Offset::from_nanos(at.as_nanos().saturating_sub(span.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_spins_sleeps_through_half_of_a_short_way() {
        for (ahead, spin, expected) in [
            (1_000, false, 50),
            (40, false, 50),
            (2_000, true, 500),
            (300, true, 150),
            (200, true, 100),
            (90, true, 100), // too near to sleep
        ] {
            let micros = early(Duration::from_micros(ahead), spin).as_micros();
            assert_eq!(micros, expected, "{ahead} {spin}");
        }
    }
}
