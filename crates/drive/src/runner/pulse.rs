//! What one I/O thread counts as it goes: the window of the moment, and the thread's own health.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use hdrhistogram::Histogram;
use plimsoll_core::health::ThreadHealth;
use plimsoll_core::load::Times;
use plimsoll_core::record::{InFlight, ThreadWindow};
use plimsoll_core::time::Offset;

use super::cores::Cores;
use super::nap::{Awake, Flow, Nap};
use crate::clock;

/// The counters of one I/O thread.
pub struct Pulse {
    thread: u16,
    /// The window being filled. Its in-flight integral runs up to `integrated`.
    window: RefCell<ThreadWindow>,
    integrated: Cell<Offset>,
    /// From here on it is kept by tenths of a second, in a run.
    by_tenths_from: Offset,
    in_flight: Cell<u32>,
    connections: Cell<u32>,
    scheduler: Scheduler,
    /// Scheduler times at the start of the window.
    window_times: Cell<SchedulerTimes>,
    /// Lags over the measured window; cleared at its start.
    timer_lag: RefCell<Histogram<u64>>,
    read_lag: RefCell<Histogram<u64>>,
    /// Start of the measured window, and the kernel's accounts there.
    measured_from: Cell<(Offset, SchedulerTimes, Cores)>,
    nap: Nap,
    /// What went through since the length of naps was last thought about, and when that was.
    flow: Cell<Flow>,
    flow_from: Cell<Offset>,
}

/// A tenth of a second.
const TENTH: u64 = 100_000_000;
/// Longest lag that the histograms tell apart: a minute.
const MAX_LAG_NANOS: u64 = 60_000_000_000;

fn lag_histogram() -> Histogram<u64> {
    // Two digits and a fixed range: constant memory and no branch that grows it on the hot path.
    Histogram::new_with_bounds(1, MAX_LAG_NANOS, 2)
        .unwrap_or_else(|_| unreachable!("bounds of 1 and a minute with two digits are valid"))
}

impl Pulse {
    /// The counters of the current thread, which must be the I/O thread itself.
    pub(crate) fn start(thread: u16, now: Offset) -> Self {
        Pulse::with(Scheduler::of_this_thread(), thread, now)
    }

    /// The same, on a runtime that takes these naps.
    pub(super) fn with_naps(self, nap: Nap) -> Self {
        Pulse { nap, ..self }
    }

    /// The counters of a thread in simulated time, which never waits for a core.
    pub(crate) fn simulated(thread: u16, now: Offset) -> Self {
        Pulse::with(Scheduler::Absent, thread, now)
    }

    fn with(scheduler: Scheduler, thread: u16, now: Offset) -> Self {
        let (times, cores) = (scheduler.times(), scheduler.cores());
        Pulse {
            thread,
            window: RefCell::new(ThreadWindow { thread, start: now, ..ThreadWindow::default() }),
            integrated: Cell::new(now),
            by_tenths_from: Offset::MAX,
            in_flight: Cell::new(0),
            connections: Cell::new(0),
            scheduler,
            window_times: Cell::new(times),
            timer_lag: RefCell::new(lag_histogram()),
            read_lag: RefCell::new(lag_histogram()),
            measured_from: Cell::new((now, times, cores)),
            nap: Nap::default(),
            flow: Cell::default(),
            flow_from: Cell::new(now),
        }
    }

    /// The same in a run with these times.
    pub(super) fn measuring(self, times: &Times) -> Self {
        Pulse { by_tenths_from: times.measure_start, ..self }
    }

    /// While what this returns is alive, the thread reacts to its sockets at once: nothing but its own clock tells when
    /// what it waits for happens.
    pub(crate) fn stay_awake(&self) -> Awake {
        self.nap.stay_awake()
    }

    /// The thread's alarm is set for this reading of the monotonic clock, in nanoseconds.
    pub(super) fn alarm_set(&self, monotonic_nanos: u64) {
        self.nap.set_alarm(monotonic_nanos);
    }

    /// Thinks about the length of naps, by what went through since it last did.
    pub(super) fn plan_naps(&self, now: Offset) {
        let length = now.since(self.flow_from.replace(now));
        let flow = Flow { length, in_flight: self.in_flight.get(), ..self.flow.take() };
        self.nap.set_length(flow.nap());
    }

    pub(crate) fn scheduled(&self) {
        self.window.borrow_mut().scheduled += 1;
    }

    /// A request is sent at `now`.
    pub fn sent(&self, now: Offset) {
        self.integrate(now);
        let in_flight = self.in_flight.get() + 1;
        self.in_flight.set(in_flight);
        let mut window = self.window.borrow_mut();
        window.sent += 1;
        window.in_flight_max = window.in_flight_max.max(in_flight);
    }

    /// A request that was sent has ended.
    pub(crate) fn ended(&self, now: Offset, ok: bool, failed: bool) {
        self.integrate(now);
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        self.flow.update(|flow| Flow { ended: flow.ended + 1, ..flow });
        let mut window = self.window.borrow_mut();
        window.completed += u64::from(ok);
        window.failed += u64::from(failed);
    }

    /// A request that was never sent has failed.
    pub(crate) fn failed_unsent(&self) {
        self.window.borrow_mut().failed += 1;
    }

    pub(crate) fn read(&self, bytes: usize, lag: Option<u64>) {
        self.window.borrow_mut().bytes_received += bytes as u64;
        if let Some(lag) = lag {
            self.read_lag.borrow_mut().saturating_record(lag.max(1));
            self.flow.update(|flow| Flow { stamped: flow.stamped + 1, ..flow });
        } else {
            self.flow.update(|flow| Flow { unstamped: flow.unstamped + 1, ..flow });
        }
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        self.window.borrow_mut().bytes_sent += bytes;
    }

    /// So many more events with content have arrived.
    pub fn content_events(&self, events: u64) {
        self.window.borrow_mut().content_events += events;
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    pub(crate) fn connection_closed(&self) {
        self.connections.set(self.connections.get().saturating_sub(1));
    }

    pub(crate) fn timer_fired(&self, lag: Duration) {
        let nanos = u64::try_from(lag.as_nanos()).unwrap_or(u64::MAX);
        self.timer_lag.borrow_mut().saturating_record(nanos.max(1));
        let mut window = self.window.borrow_mut();
        window.timer_lag_max = window.timer_lag_max.max(lag);
    }

    /// The measured window begins: what the thread did before does not count for its health.
    pub(crate) fn measure_from(&self, now: Offset) {
        self.timer_lag.borrow_mut().reset();
        self.read_lag.borrow_mut().reset();
        self.measured_from.set((now, self.scheduler.times(), self.scheduler.cores()));
    }

    /// Ends the window of the moment and begins the next one.
    pub(crate) fn close_window(&self, now: Offset) -> ThreadWindow {
        self.integrate(now);
        let times = self.scheduler.times();
        let before = self.window_times.replace(times);
        let next = ThreadWindow {
            thread: self.thread,
            start: now,
            in_flight_max: self.in_flight.get(),
            ..ThreadWindow::default()
        };
        let mut window = self.window.replace(next);
        window.length = now.since(window.start);
        window.in_flight = self.in_flight.get();
        window.connections = self.connections.get();
        window.cpu = times.cpu.saturating_sub(before.cpu);
        window.waiting = times.waiting.saturating_sub(before.waiting);
        window
    }

    /// The health of the thread from the start of the measured window until now.
    pub(crate) fn health(&self, now: Offset) -> ThreadHealth {
        let (from, before, cores_before) = self.measured_from.get();
        let times = self.scheduler.times();
        let cores = self.scheduler.cores().since(cores_before);
        let length = now.since(from).as_secs_f64().max(1e-9);
        ThreadHealth {
            thread: self.thread,
            busy: (times.cpu.saturating_sub(before.cpu).as_secs_f64() / length).min(1.0),
            waiting: (times.waiting.saturating_sub(before.waiting).as_secs_f64() / length).min(1.0),
            others: cores.others,
            stolen: cores.stolen,
            timer_lag: self.timer_lag.borrow().clone(),
            read_lag: self.read_lag.borrow().clone(),
        }
    }

    fn integrate(&self, now: Offset) {
        let from = self.integrated.replace(now);
        let in_flight = u64::from(self.in_flight.get());
        let mut window = self.window.borrow_mut();
        window.in_flight_nanos += nanos(from, now) * in_flight;
        let start = self.by_tenths_from;
        let mut at = from.max(start);
        while at < now {
            let (tenth, within) = (nanos(start, at) / TENTH, nanos(start, at) % TENTH);
            let to = (start + Duration::from_nanos((tenth + 1) * TENTH)).min(now);
            let more = nanos(at, to) * in_flight;
            match window.in_flight_tenths.last_mut().filter(|_| within > 0) {
                Some(last) => (last.to, last.nanos) = (to, last.nanos + more),
                None => window.in_flight_tenths.push(InFlight { from: at, to, nanos: more }),
            }
            at = to;
        }
    }
}

fn nanos(from: Offset, to: Offset) -> u64 {
    to.since(from).as_nanos() as u64
}

/// What the kernel's scheduler has done with a thread.
#[derive(Clone, Copy, Debug, Default)]
struct SchedulerTimes {
    cpu: Duration,
    /// Ready to run, but without a core.
    waiting: Duration,
}

/// Reads the scheduler's account of one thread.
enum Scheduler {
    /// The kernel's, and `/proc/thread-self/schedstat`: CPU and waiting time in nanoseconds, where it keeps them.
    OfThread(Option<File>),
    /// There is none.
    Absent,
}

impl Scheduler {
    fn of_this_thread() -> Self {
        Scheduler::OfThread(File::open("/proc/thread-self/schedstat").ok())
    }

    fn times(&self) -> SchedulerTimes {
        let Scheduler::OfThread(file) = self else { return SchedulerTimes::default() };
        let cpu = Duration::from_nanos(clock::now(libc::CLOCK_THREAD_CPUTIME_ID));
        let mut text = [0; 96];
        let read = file.as_ref().and_then(|file| file.read_at(&mut text, 0).ok()).unwrap_or(0);
        let waiting = std::str::from_utf8(&text[..read])
            .ok()
            .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse().ok())
            .map_or(Duration::ZERO, Duration::from_nanos);
        SchedulerTimes { cpu, waiting }
    }

    fn cores(&self) -> Cores {
        match self {
            Scheduler::OfThread(_) => Cores::now(),
            Scheduler::Absent => Cores::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Offset {
        Offset::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn concurrency_is_weighted_by_time() {
        let pulse = Pulse::start(3, at(0));
        pulse.sent(at(100));
        pulse.sent(at(200));
        pulse.ended(at(500), true, false);
        let window = pulse.close_window(at(1000));
        // 0.1 s with one, 0.3 s with two, 0.5 s with one.
        assert_eq!(window.in_flight_nanos, 1_200_000_000);
        assert_eq!((window.in_flight_max, window.in_flight, window.sent, window.completed), (2, 1, 2, 1));
        assert_eq!((window.thread, window.length), (3, Duration::from_secs(1)));
        let next = pulse.close_window(at(1500));
        assert_eq!((next.in_flight_nanos, next.in_flight_max, next.sent), (500_000_000, 1, 0));
    }

    #[test]
    fn concurrency_is_kept_by_tenths_from_the_start_of_the_measured_window() {
        let times = Times { begin: at(0), ramp_end: at(250), measure_start: at(250), measure_end: None };
        let pulse = Pulse::start(0, at(0)).measuring(&times);
        pulse.sent(at(200));
        pulse.sent(at(300));
        pulse.ended(at(340), true, false);
        let part = |from, to, nanos| InFlight { from: at(from), to: at(to), nanos };
        let window = pulse.close_window(at(500));
        let parts = [part(250, 350, 140_000_000), part(350, 450, 100_000_000), part(450, 500, 50_000_000)];
        assert_eq!(window.in_flight_tenths, parts);
        pulse.ended(at(530), true, false);
        assert_eq!(
            pulse.close_window(at(600)).in_flight_tenths,
            [part(500, 550, 30_000_000), part(550, 600, 0)]
        );
    }

    #[test]
    fn health_covers_the_measured_window_only() {
        let pulse = Pulse::start(0, at(0));
        pulse.timer_fired(Duration::from_millis(30));
        pulse.measure_from(at(1000));
        pulse.timer_fired(Duration::from_micros(20));
        let health = pulse.health(at(2000));
        assert_eq!(health.timer_lag.len(), 1);
        assert!(health.timer_lag.max() < 25_000);
        assert!(health.busy >= 0.0 && health.busy <= 1.0);
    }
}
