//! Naps of an I/O thread: while events arrive thick and fast it sleeps for a moment, deaf to its sockets, and then reads
//! what has come, instead of being woken for each of them.
//!
//! To be woken costs the thread a switch, and whoever sends the bytes an interrupt: microseconds on both sides, and more
//! than the event itself. As the kernel stamps what arrives, a nap changes no arrival; it only delays what a thread does
//! about it. So naps are short beside everything that such a delay could touch: see [`Flow::nap`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock;

/// No nap is longer.
const LONGEST: Duration = Duration::from_millis(1);
/// Nor shorter: it would not pay for its timer.
const SHORTEST: Duration = Duration::from_micros(40);
/// Events that one nap gathers at most; more would only make the thread late.
const EVENTS: f64 = 16.0;
/// With fewer, waking up for each is just as good.
const FEWEST_EVENTS: f64 = 4.0;
/// A nap is at most this part of the time between two events of one response, so that the kernel does not put them
/// together under one stamp.
const PART_OF_A_GAP: f64 = 0.125;
/// A nap is at most this part of the time that a response takes, by which it may delay the request after it.
const PART_OF_A_RESPONSE: f64 = 0.01;
/// A nap ends this much before the thread's alarm: the alarm itself is more precise.
const BEFORE_THE_ALARM_NANOS: u64 = 80_000;

/// What an I/O thread agrees with its runtime about naps. Written and read by that thread alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Nap(Arc<Terms>);

#[derive(Debug, Default)]
struct Terms {
    length_nanos: AtomicU64,
    /// Of the monotonic clock.
    alarm_nanos: AtomicU64,
    /// Reasons to stay awake.
    attentive: AtomicU32,
}

impl Nap {
    /// Naps are this long from now on; zero for none.
    pub(super) fn set_length(&self, length: Duration) {
        self.0.length_nanos.store(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The alarm is set for this reading of the monotonic clock, in nanoseconds.
    pub(super) fn set_alarm(&self, nanos: u64) {
        self.0.alarm_nanos.store(nanos, Ordering::Relaxed);
    }

    /// No naps while what this returns is alive.
    pub(super) fn stay_awake(&self) -> Awake {
        self.0.attentive.fetch_add(1, Ordering::Relaxed);
        Awake(self.0.clone())
    }

    /// Called by the runtime when nothing is left to do: sleeps for a moment, if that is agreed.
    pub(super) fn take(&self) {
        if self.0.length_nanos.load(Ordering::Relaxed) == 0 {
            return; // without a look at the clock
        }
        if let Some(end) = self.end(clock::now(libc::CLOCK_MONOTONIC)) {
            clock::sleep_until(end);
        }
    }

    /// When a nap that begins now would end, on the monotonic clock in nanoseconds.
    fn end(&self, now: u64) -> Option<u64> {
        let length = self.0.length_nanos.load(Ordering::Relaxed);
        if length == 0 || self.0.attentive.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let alarm = self.0.alarm_nanos.load(Ordering::Relaxed).saturating_sub(BEFORE_THE_ALARM_NANOS);
        let end = now.saturating_add(length).min(alarm);
        (end >= now.saturating_add(SHORTEST.as_nanos() as u64)).then_some(end)
    }
}

/// Keeps a thread awake.
pub(crate) struct Awake(Arc<Terms>);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.attentive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What went through a thread in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flow {
    pub(super) length: Duration,
    /// Reads whose bytes the kernel had stamped, and reads whose bytes it had not.
    pub(super) stamped: u64,
    pub(super) unstamped: u64,
    /// Requests that ended.
    pub(super) ended: u64,
    /// Requests in flight at the end.
    pub(super) in_flight: u32,
}

impl Flow {
    /// How long to nap while it goes on so; zero for not at all.
    pub(super) fn nap(&self) -> Duration {
        if self.unstamped > 0 || self.length.is_zero() {
            return Duration::ZERO;
        }
        let seconds = self.length.as_secs_f64();
        let rate = self.stamped as f64 / seconds;
        let in_flight = f64::from(self.in_flight);
        let gap = in_flight / rate;
        let response = in_flight * seconds / self.ended as f64; // Little's law; infinite if none ended
        let nap = (EVENTS / rate)
            .min(gap * PART_OF_A_GAP)
            .min(response * PART_OF_A_RESPONSE)
            .min(LONGEST.as_secs_f64());
        if nap.is_nan() || nap * rate < FEWEST_EVENTS || nap < SHORTEST.as_secs_f64() {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(nap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nap_micros(stamped: u64, unstamped: u64, ended: u64, in_flight: u32) -> u128 {
        let length = Duration::from_millis(10);
        Flow { length, stamped, unstamped, ended, in_flight }.nap().as_micros()
    }

    #[test]
    fn naps_are_for_many_streams_only_and_short_beside_all_that_they_delay() {
        for (what, (stamped, unstamped, ended, in_flight), expected) in [
            ("nothing arrives", (0, 0, 0, 0), 0),
            ("1000 streams of 100 events a second: 16 events at a time", (1000, 0, 8, 1000), 160),
            ("200 such streams: as many", (200, 0, 2, 200), 800),
            ("the share of one of two threads in them: the longest", (100, 0, 1, 100), 1000),
            ("30 such streams: too few to gather", (30, 0, 0, 30), 0),
            ("a socket without stamps", (1000, 1, 8, 1000), 0),
            ("64 streams at full speed: an eighth of their gap", (1400, 0, 9, 64), 57),
            ("short answers at full speed, whose next requests would wait", (1000, 0, 1000, 64), 0),
            ("one stream at full speed", (2000, 0, 0, 1), 0),
            ("all have just ended", (1000, 0, 8, 0), 0),
        ] {
            assert_eq!(nap_micros(stamped, unstamped, ended, in_flight), expected, "{what}");
        }
    }

    #[test]
    fn a_nap_ends_before_the_alarm_and_nobody_naps_while_somebody_is_attentive() {
        let nap = Nap::default();
        let now = 1_000_000;
        assert_eq!(nap.end(now), None, "nothing is agreed");
        nap.set_length(Duration::from_micros(200));
        nap.set_alarm(u64::MAX);
        assert_eq!(nap.end(now), Some(now + 200_000));
        nap.set_alarm(now + 180_000);
        assert_eq!(nap.end(now), Some(now + 100_000), "before the alarm");
        nap.set_alarm(now + 110_000);
        assert_eq!(nap.end(now), None, "the alarm is too near");
        nap.set_alarm(u64::MAX);
        let awake = nap.stay_awake();
        assert_eq!(nap.end(now), None, "somebody is attentive");
        drop(awake);
        assert_eq!(nap.end(now), Some(now + 200_000));
    }

    #[test]
    fn a_nap_takes_as_long_as_agreed() {
        let nap = Nap::default();
        nap.set_length(Duration::from_millis(5));
        nap.set_alarm(u64::MAX);
        let before = clock::now(libc::CLOCK_MONOTONIC);
        nap.take();
        assert!(clock::now(libc::CLOCK_MONOTONIC) >= before + 5_000_000);
    }
}
