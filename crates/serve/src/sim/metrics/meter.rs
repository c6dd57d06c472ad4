//! Rates over the last whole second: how busy the accelerator was, and how fast tokens came.
//!
//! Tools that read an accelerator average over a period of their own (NVML, below DCGM's `GPU_UTIL`, over up to a
//! second), not over the time between two scrapes. So does this one, which is why any number of scrapers at any
//! interval read the same value. Between two looks at the engine its counters are taken to grow evenly.
//!
//! ```text
//!  seconds   |----------|----------|----------|
//!  looks        x  x x          x           x      the bars at both ends of a second are interpolated
//! ```

use plimsoll_core::time::Offset;
use plimsoll_sim::State;

/// The period, ns.
const PERIOD: u64 = 1_000_000_000;
/// Least time between two looks that are worth taking, ns.
const APART: u64 = 1_000_000;

/// Looks at an engine's state from time to time.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    /// The last look.
    seen: Look,
    /// The beginning of the second that `seen` is in.
    opened: Look,
    rates: Rates,
    joules: f64,
}

/// Averages over the last whole second since the engine's time began; all 0 in the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    /// Share of the time in which the accelerator had work, 0 to 1.
    pub(super) busy: f64,
    /// Tokens generated per second.
    pub(super) generated: f64,
    /// Share of prompt tokens found in the prefix cache, 0 to 1; if none was looked up, as before.
    pub(super) hit_rate: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    at: u64,
    /// Seconds.
    busy: f64,
    generated: f64,
    queries: f64,
    hits: f64,
    watts: f64,
}

impl Meter {
    /// A meter of an engine that begins with `state`.
    pub(super) fn new(state: &State) -> Self {
        let begin = Look::of(Offset::ZERO, state);
        Meter { seen: begin, opened: begin, rates: Rates::default(), joules: 0.0 }
    }

    /// Whether so much time has passed that the engine should be looked at.
    pub(super) fn is_due(&self, now: Offset) -> bool {
        now.as_nanos() >= self.seen.at + APART
    }

    /// Looks at the engine. Earlier moments than before are ignored.
    pub(super) fn look(&mut self, now: Offset, state: &State) {
        let look = Look::of(now, state);
        if look.at <= self.seen.at {
            return;
        }
        self.joules += self.seen.watts * (look.at - self.seen.at) as f64 / 1e9;
        let end = look.at - look.at % PERIOD;
        if end > self.opened.at {
            let begin = end - PERIOD;
            let from = if begin == self.opened.at { self.opened } else { self.seen.toward(look, begin) };
            let to = self.seen.toward(look, end);
            self.rates = from.rates_until(to, self.rates.hit_rate);
            self.opened = to;
        }
        self.seen = look;
    }

    pub(super) fn rates(&self) -> Rates {
        self.rates
    }

    /// Energy drawn since the engine's time began, J: the power at each look, held until the next.
    pub(super) fn joules(&self) -> f64 {
        self.joules
    }
}

impl Look {
    fn of(at: Offset, state: &State) -> Self {
        Look {
            at: at.as_nanos(),
            busy: state.busy.as_secs_f64(),
            generated: state.generated_tokens as f64,
            queries: state.prefix_queries as f64,
            hits: state.prefix_hits as f64,
            watts: state.power_watts,
        }
    }

    /// What would have been seen at `at`, between this look and a later one.
    fn toward(self, later: Look, at: u64) -> Look {
        let share = (at - self.at) as f64 / (later.at - self.at) as f64;
        let between = |from: f64, to: f64| from + (to - from) * share;
        Look {
            at,
            busy: between(self.busy, later.busy),
            generated: between(self.generated, later.generated),
            queries: between(self.queries, later.queries),
            hits: between(self.hits, later.hits),
            watts: self.watts,
        }
    }

    fn rates_until(self, to: Look, hit_rate: f64) -> Rates {
        let seconds = (to.at - self.at) as f64 / 1e9;
        let queries = to.queries - self.queries;
        Rates {
            busy: ((to.busy - self.busy) / seconds).clamp(0.0, 1.0),
            generated: (to.generated - self.generated) / seconds,
            hit_rate: if queries > 0.0 { (to.hits - self.hits) / queries } else { hit_rate },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Busy share and tokens per second after a look, to six digits.
    fn looked(meter: &mut Meter, ms: u64, busy_ms: u64, generated: u64) -> (f64, f64) {
        let busy = Duration::from_millis(busy_ms);
        let state = State { busy, generated_tokens: generated, power_watts: 100.0, ..State::default() };
        meter.look(Offset::from_nanos(ms * 1_000_000), &state);
        let rounded = |value: f64| (value * 1e6).round() / 1e6;
        (rounded(meter.rates().busy), rounded(meter.rates().generated))
    }

    #[test]
    fn rates_are_those_of_the_last_whole_second_whoever_looks_and_when() {
        let mut meter = Meter::new(&State::default());
        assert_eq!(looked(&mut meter, 500, 500, 50), (0.0, 0.0), "the first second is not over");
        assert_eq!(looked(&mut meter, 1000, 500, 50), (0.5, 50.0));
        assert_eq!(looked(&mut meter, 1900, 500, 50), (0.5, 50.0), "nor is the second one");
        assert_eq!(
            looked(&mut meter, 2100, 600, 250),
            (0.05, 100.0),
            "half of the growth was before its end"
        );
        assert_eq!(looked(&mut meter, 2100, 600, 250), (0.05, 100.0), "looking again changes nothing");
        assert_eq!(looked(&mut meter, 5100, 3600, 550), (1.0, 100.0), "whole seconds without a look");
        assert_eq!(looked(&mut meter, 6200, 3600, 550), (0.1, 10.0), "work until 5.1 s, none after");
        assert!((meter.joules() - 100.0 * 5.7).abs() < 1e-9, "no power is known before the first look");
    }

    #[test]
    fn the_hit_rate_stays_while_nothing_is_looked_up() {
        let mut meter = Meter::new(&State::default());
        for (ms, queries, hits, expected) in
            [(1000, 100, 25, 0.25), (2000, 100, 25, 0.25), (3000, 200, 125, 1.0)]
        {
            let state = State { prefix_queries: queries, prefix_hits: hits, ..State::default() };
            meter.look(Offset::from_nanos(ms * 1_000_000), &state);
            assert_eq!(meter.rates().hit_rate, expected, "{ms} ms");
        }
    }
}
