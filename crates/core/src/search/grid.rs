//! The loads that a search tries: equal steps in log space, so that bisection is arithmetic on whole numbers.

use super::settings::{Settings, Variable};

/// Steps of the grid within `precision`: a load that passes below one that is too close to call, which itself lies within
/// half a step of the capacity, is then still near enough.
const STEP: f64 = 0.7;

/// From numbers to loads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    start: f64,
    /// Natural logarithm of the ratio between neighbours.
    step: f64,
    /// Whole loads: users.
    whole: Option<Vec<u32>>,
    pub(super) min: i32,
    pub(super) max: i32,
}

impl Grid {
    pub(super) fn new(settings: &Settings) -> Self {
        let step = (1.0 + STEP * settings.precision).ln();
        let (start, min, max) = (settings.start.clamp(settings.min, settings.max), settings.min, settings.max);
        match settings.variable {
            Variable::Rate => {
                let index = |load: f64| (load / start).ln() / step;
                let (min, max) = (index(min).ceil() as i32, index(max).floor() as i32);
                Grid { start, step, whole: None, min: min.min(0), max: max.max(0) }
            }
            Variable::Concurrency => {
                let whole = whole_loads(min as u32, max as u32, step.exp());
                let max = i32::try_from(whole.len()).unwrap_or(i32::MAX) - 1;
                Grid { start, step, whole: Some(whole), min: 0, max }
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

    /// The number of the first load to try.
    pub(super) fn first(&self) -> i32 {
        self.index(self.start).clamp(self.min, self.max)
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
