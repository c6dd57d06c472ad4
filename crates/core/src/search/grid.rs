//! The loads that a search tries: equal steps in log space, so that bisection is arithmetic on whole numbers.

use super::settings::{Settings, Variable};

/// A step of the grid as a share of the precision.
const STEP: f64 = 0.25;

/// From numbers to loads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    start: f64,
    /// Natural logarithm of the ratio between neighbours.
    step: f64,
    precision: f64,
    /// Whole loads: users.
    whole: Option<Vec<u32>>,
    pub(super) min: i32,
    pub(super) max: i32,
}

impl Grid {
    pub(super) fn new(settings: &Settings) -> Self {
        let precision = (1.0 + settings.precision).ln();
        let step = (1.0 + STEP * settings.precision).ln();
        let (start, min, max) =
            (settings.start.clamp(settings.min, settings.max), settings.min, settings.max);
        match settings.variable {
            Variable::Rate => {
                let index = |load: f64| (load / start).ln() / step;
                let (min, max) = (index(min).ceil() as i32, index(max).floor() as i32);
                Grid { start, step, precision, whole: None, min: min.min(0), max: max.max(0) }
            }
            Variable::Concurrency => {
                let whole = whole_loads(min as u32, max as u32, step.exp());
                let max = i32::try_from(whole.len()).unwrap_or(i32::MAX) - 1;
                Grid { start, step, precision, whole: Some(whole), min: 0, max }
            }
        }
    }

    /// The load with this number.
    pub(super) fn load(&self, index: i32) -> f64 {
        match &self.whole {
            None => self.start * (f64::from(index) * self.step).exp(),
            Some(whole) => {
                let last = whole.len().saturating_sub(1);
                let place = usize::try_from(index).unwrap_or(0).min(last);
                whole.get(place).copied().map_or(self.start, f64::from)
            }
        }
    }

    /// The number of the load nearest to `load`.
    pub(super) fn index(&self, load: f64) -> i32 {
        match &self.whole {
            None => ((load / self.start).ln() / self.step).round() as i32,
            Some(whole) => {
                let place = whole.partition_point(|&users| f64::from(users) < load);
                let last = whole.len().saturating_sub(1);
                i32::try_from(place.min(last)).unwrap_or(i32::MAX)
            }
        }
    }

    /// The number of the greatest load up to `load`, but not below the least.
    pub(super) fn up_to(&self, load: f64) -> i32 {
        let near = self.index(load);
        let index = if self.load(near) > load { near - 1 } else { near };
        index.clamp(self.min, self.max)
    }

    /// The number of the least load from `load` on, but not above the greatest.
    pub(super) fn from(&self, load: f64) -> i32 {
        let near = self.index(load);
        let index = if self.load(near) < load { near + 1 } else { near };
        index.clamp(self.min, self.max)
    }

    /// The number of the first load to try.
    pub(super) fn first(&self) -> i32 {
        self.index(self.start).clamp(self.min, self.max)
    }

    /// The precision asked for, as a difference of natural logarithms.
    pub(super) fn precision(&self) -> f64 {
        self.precision
    }

    /// The natural logarithm of the ratio of two loads.
    pub(super) fn ratio(&self, low: i32, high: i32) -> f64 {
        (self.load(high) / self.load(low)).ln()
    }

    /// Steps of a factor of `ratio`, at least one.
    pub(super) fn steps(&self, ratio: f64) -> i32 {
        ((ratio.ln() / self.step).round() as i32).max(1)
    }
}

/// Whole numbers from `min` to `max`, each at least one more than the one before, and later `ratio` times as large.
fn whole_loads(min: u32, max: u32, ratio: f64) -> Vec<u32> {
    let mut loads = vec![min.max(1)];
    while let Some(&last) = loads.last()
        && last < max
    {
        let next = (f64::from(last) * ratio).round() as u32;
        loads.push(next.max(last + 1).min(max));
    }
    loads
}
