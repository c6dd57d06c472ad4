//! A run cut into windows, each with all that its figures need: the pieces that are drawn again and again.

use std::collections::BTreeMap;

use super::figure::Figure;
use crate::metrics::{QUANTITIES, Quantity, Shares, input_token_arrival};
use crate::record::{Outcome, Phase, Record};
use crate::time::Offset;

/// Windows into which the shortest run of a comparison is cut, if the others allow.
const WINDOWS: f64 = 60.0;
/// Windows of the longest run at most.
const WINDOWS_MAX: f64 = 600.0;
/// Seconds that a window has at least.
const SECONDS_MIN: f64 = 1.0;
/// A window lasts at least this many mean latencies: what is in flight at its edge belongs to both neighbours, and must
/// not be most of them.
const LATENCIES: f64 = 2.0;

/// The length of a run's measured window and its mean latency, in seconds: what decides how it is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Length of the measured window.
    pub seconds: f64,
    /// Mean latency; 0 where nothing was answered.
    pub latency: f64,
}

/// The length of the windows into which all runs of a comparison are cut, in seconds. One length for all, so that windows
/// of one side can stand for those of the other.
pub fn window_seconds(runs: &[Extent]) -> f64 {
    let longest = runs.iter().map(|run| run.seconds / WINDOWS_MAX).fold(SECONDS_MIN, f64::max);
    let latency = runs.iter().map(|run| run.latency * LATENCIES).fold(longest, f64::max);
    let shortest = runs.iter().map(|run| run.seconds / WINDOWS).fold(f64::INFINITY, f64::min);
    latency.max(if shortest.is_finite() { shortest } else { 0.0 })
}

/// The windows of one run, filled from its records in any order.
#[derive(Clone, Debug)]
pub struct RunWindows {
    start: f64,
    each: f64,
    quantities: Vec<&'static str>,
    windows: Vec<Stretch>,
}

/// A stretch of a run: one of its windows, or all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretch {
    pub(super) seconds: f64,
    pub(super) scheduled: f64,
    pub(super) failed: f64,
    pub(super) sent: f64,
    pub(super) completed: f64,
    pub(super) output_tokens: f64,
    pub(super) input_tokens: f64,
    /// Integral of the requests in flight.
    pub(super) request_seconds: f64,
    pub(super) values: BTreeMap<&'static str, Values>,
}

/// The values of one quantity, in steps of 0.1 %.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) n: u64,
    pub(super) sum: f64,
    /// How many values there are of each [`step`].
    pub(super) steps: BTreeMap<i32, u64>,
}

/// Natural logarithm of the ratio between neighbouring steps.
const STEP: f64 = 0.001;

/// The step to which a value belongs. Zero and less have one of their own.
fn step(value: f64) -> i32 {
    if value > 0.0 { (value.ln() / STEP).round() as i32 } else { i32::MIN }
}

/// The value in the middle of a step.
pub(super) fn value_of(step: i32) -> f64 {
    if step == i32::MIN { 0.0 } else { (f64::from(step) * STEP).exp() }
}

impl Values {
    fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
        *self.steps.entry(step(value)).or_default() += 1;
    }

    /// Values of at least `limit`, which is the value of a step.
    pub(super) fn at_least(&self, limit: f64) -> f64 {
        self.steps.range(step(limit)..).map(|(_, count)| *count as f64).sum()
    }

    fn merge(&mut self, other: &Values) {
        self.n += other.n;
        self.sum += other.sum;
        for (&step, &count) in &other.steps {
            *self.steps.entry(step).or_default() += count;
        }
    }
}

impl RunWindows {
    /// No records yet, of a run whose measured window begins at `start` and lasts `seconds`, to be cut into windows of
    /// about `each` seconds; for these figures.
    pub fn new(start: Offset, seconds: f64, each: f64, figures: &[Figure]) -> Self {
        let count = ((seconds / each + 1e-9).floor() as usize).max(1);
        let each = seconds / count as f64;
        let mut quantities: Vec<&'static str> = Vec::new();
        for figure in figures {
            if let Figure::Of(name, _) = figure
                && !quantities.contains(name)
            {
                quantities.push(name);
            }
        }
        let windows = vec![Stretch { seconds: each, ..Stretch::default() }; count];
        RunWindows { start: start.as_secs_f64(), each, quantities, windows }
    }

    /// Adds one request.
    ///
    /// A request's own quantities belong to the window in which it was due, what it caused to the windows in which that
    /// happened.
    pub fn add(&mut self, record: &Record) {
        if let (Some(sent), Some(done)) = (record.sent, record.done) {
            self.spread(sent, done, done.since(sent).as_secs_f64(), |window| &mut window.request_seconds);
        }
        self.at(record.sent, |window| window.sent += 1.0);
        let ok = record.outcome == Outcome::Ok;
        self.at(record.done.filter(|_| ok), |window| window.completed += 1.0);
        self.add_tokens(record);
        if record.phase != Phase::Measure {
            return;
        }
        let quantities = std::mem::take(&mut self.quantities);
        self.at(Some(record.scheduled), |window| {
            window.scheduled += 1.0;
            window.failed += f64::from(u8::from(record.outcome.is_failure()));
            for &name in &quantities {
                if ok || name == "send_lag" {
                    window.values.entry(name).or_default().take(name, record);
                }
            }
        });
        self.quantities = quantities;
    }

    /// Output tokens are spread evenly from the first to the last: stored records have no other events.
    fn add_tokens(&mut self, record: &Record) {
        if let Some(tokens) = record.usage.output_tokens.filter(|_| record.counts_tokens()) {
            let last = record.last_token().or(record.done);
            let first = record.first_token().or(record.first_byte).or(last);
            if let (Some(first), Some(last)) = (first, last) {
                self.spread(first, last, f64::from(tokens), |window| &mut window.output_tokens);
            }
        }
        if let Some((first, tokens)) = input_token_arrival(record) {
            self.at(Some(first), |window| window.input_tokens += tokens as f64);
        }
    }

    /// Does something to the window of a moment, if it lies in one.
    fn at(&mut self, moment: Option<Offset>, act: impl FnOnce(&mut Stretch)) {
        let Some(moment) = moment else { return };
        let since = (moment.as_secs_f64() - self.start) / self.each;
        // A request that was due belongs to some window, whatever rounding did to the edges.
        if (-1e-6..self.windows.len() as f64 + 1e-6).contains(&since) {
            let index = (since.max(0.0) as usize).min(self.windows.len() - 1);
            act(&mut self.windows[index]);
        }
    }

    /// Spreads an amount evenly over the windows between two moments.
    fn spread(&mut self, from: Offset, to: Offset, amount: f64, of: impl Fn(&mut Stretch) -> &mut f64) {
        let (from, to) = (from.as_secs_f64() - self.start, to.as_secs_f64() - self.start);
        if to <= from {
            return self.at(Some(Offset::from_secs_f64(to + self.start)), |window| *of(window) += amount);
        }
        let first = (from / self.each).max(0.0) as usize;
        for (index, window) in self.windows.iter_mut().enumerate().skip(first) {
            let (start, end) = (index as f64 * self.each, (index + 1) as f64 * self.each);
            if start >= to {
                break;
            }
            *of(window) += amount * (end.min(to) - start.max(from)).max(0.0) / (to - from);
        }
    }

    /// How many windows there are.
    pub fn count(&self) -> usize {
        self.windows.len()
    }

    /// Length of a window, seconds.
    pub fn window_seconds(&self) -> f64 {
        self.each
    }

    pub(super) fn stretches(&self) -> &[Stretch] {
        &self.windows
    }

    /// The whole run as one stretch.
    pub(super) fn whole(&self) -> Stretch {
        let mut whole = Stretch::default();
        for window in &self.windows {
            whole.seconds += window.seconds;
            whole.scheduled += window.scheduled;
            whole.failed += window.failed;
            whole.sent += window.sent;
            whole.completed += window.completed;
            whole.output_tokens += window.output_tokens;
            whole.input_tokens += window.input_tokens;
            whole.request_seconds += window.request_seconds;
            for (name, values) in &window.values {
                whole.values.entry(name).or_default().merge(values);
            }
        }
        whole
    }
}

impl Values {
    /// Adds what the record has of the quantity called `name`.
    fn take(&mut self, name: &str, record: &Record) {
        match name {
            "send_lag" => record.send_lag().into_iter().for_each(|lag| self.add(lag)),
            "chunk_gap" => record.chunk_gaps().for_each(|(gap, _)| self.add(gap.as_secs_f64())),
            "itl" if record.counts_tokens() => {
                let shares = Shares::of(record);
                for (gap, tokens) in record.chunk_gaps() {
                    let nanos = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX);
                    self.add(shares.per_token(nanos, tokens) as f64 / 1e9);
                }
            }
            _ => {
                let quantity = QUANTITIES.iter().find(|quantity: &&Quantity| quantity.name == name);
                if let Some(value) = quantity.and_then(|quantity| (quantity.of)(record)) {
                    self.add(value);
                }
            }
        }
    }
}
