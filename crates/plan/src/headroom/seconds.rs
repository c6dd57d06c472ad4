//! What the seconds of a trace ask for beyond its minutes.

use serde::{Deserialize, Serialize};

use super::{Basis, Cause, Facts, Line, Settings};
use crate::capacity::Capacity;
use crate::demand::{Counts, Demand, Traffic, Waits, steady_rate};
use crate::figures::{figure, percent};
use crate::proof::Replica;
use crate::scaling::share_of;

/// What the seconds of a trace ask for, as a queue sees them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Seconds that a request may wait with its objectives kept.
    pub bearable: f64,
    /// The share of requests that must keep them.
    pub share: f64,
    /// The rate at which a replica saturates, as a multiple of its certified one.
    pub saturation: f64,
    /// The steady rate that asks for as many replicas as the trace does, as a multiple of the peak of its minutes.
    pub over_peak: f64,
}

impl Seconds {
    /// Of the trace of a demand; nothing for a peak.
    pub(super) fn of(capacity: &Capacity, demand: &Demand, settings: &Settings) -> Option<Seconds> {
        let Traffic::Trace(counts) = &demand.traffic else { return None };
        let share = share_of(&capacity.slos);
        let replica = Replica::of(capacity, share);
        let bearable = replica.patience(counts.bin, settings.seed);
        let saturation = replica.saturation / replica.rate;
        let peak = demand.peak_today(settings.peak_quantile);
        Some(Seconds { bearable, share, saturation, over_peak: 0.0 }.over(
            counts,
            0..counts.counts.len(),
            peak,
        ))
    }

    /// The same for a part of the trace, whose minutes peak at `peak`.
    pub(crate) fn over(self, counts: &Counts, part: std::ops::Range<usize>, peak: f64) -> Seconds {
        let counted = counts.counts.get(part).unwrap_or_default();
        let Seconds { bearable, share, saturation, .. } = self;
        let rate = steady_rate(counted, counts.bin, Waits { bearable, share, saturation });
        Seconds { over_peak: if peak > 0.0 { rate / peak } else { 0.0 }, ..self }
    }
}

/// The condition.
pub(super) fn line(capacity: &Capacity, facts: &Facts) -> Line {
    let replicas = facts.calm(facts.peak, capacity.low);
    let line = |numbers, basis| Line {
        cause: Cause::Seconds,
        formula: "least n with W <= w for p of requests; W' = max(0, W + a / (n C) - 1 s)".to_owned(),
        numbers,
        replicas,
        basis,
    };
    let Some(seconds) = facts.seconds else {
        return line("what a trace would show, a peak does not (--trace)".to_owned(), Basis::Unknown);
    };
    let numbers = format!(
        "w {} s for {}: as much as a steady {}/s, {} times the peak of the minutes",
        figure(seconds.bearable),
        percent(seconds.share),
        figure(facts.peak * seconds.over_peak),
        figure(seconds.over_peak)
    );
    let basis = match capacity.measured {
        None => Basis::Assumed,
        Some(_) if replicas > facts.spread_out(facts.peak, capacity.low) => Basis::Extrapolated,
        Some(_) => Basis::Measured,
    };
    line(numbers, basis)
}
