//! Requests counted in stretches of equal length.

use plimsoll_core::time::Offset;
use serde::{Deserialize, Serialize};

/// Requests counted in stretches of equal length, from the first request of a trace on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Where they were read from.
    pub source: String,
    /// Seconds of a stretch.
    pub bin: f64,
    /// Requests in each stretch, times `scale` already.
    pub counts: Vec<f64>,
    /// How many such streams of traffic are put on top of each other; 1 is the trace itself.
    pub scale: f64,
}

impl Counts {
    /// Counts requests that came at `times`, which are in order, in stretches of `bin` seconds; `scale` independent
    /// streams like this one are put on top of each other. A last stretch that was cut short is left out, unless it is
    /// the only one.
    pub fn of(source: &str, times: impl IntoIterator<Item = Offset>, bin: f64, scale: f64) -> Counts {
        let mut counts: Vec<f64> = Vec::new();
        for at in times {
            let index = (at.as_secs_f64() / bin) as usize;
            if counts.len() <= index {
                counts.resize(index + 1, 0.0);
            }
            counts[index] += scale;
        }
        if counts.len() > 1 {
            counts.pop();
        }
        Counts { source: source.to_owned(), bin, counts, scale }
    }

    /// Seconds that they cover.
    pub fn seconds(&self) -> f64 {
        self.bin * self.counts.len() as f64
    }

    /// Requests in all.
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Requests per second on average.
    pub fn mean(&self) -> f64 {
        self.total() / self.seconds()
    }

    /// The same in stretches of `times` as many seconds; a last one that is not whole is left out, unless it is the only
    /// one.
    pub fn coarser(&self, times: usize) -> Counts {
        let times = times.clamp(1, self.counts.len().max(1));
        let counts = self.counts.chunks_exact(times).map(|part| part.iter().sum()).collect();
        Counts { bin: self.bin * times as f64, counts, source: self.source.clone(), scale: self.scale }
    }

    /// Requests per second in each stretch.
    pub fn rates(&self) -> impl Iterator<Item = f64> + Clone {
        self.counts.iter().map(|count| count / self.bin)
    }
}
