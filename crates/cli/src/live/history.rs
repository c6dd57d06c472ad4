//! The last seconds of a run, for charts: what the recorder gives out second by second, in a bounded ring.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_core::metrics::{Samples, Totals};
use plimsoll_drive::recorder::{WindowRow, WindowSink};

/// Seconds that are kept: as many as the widest chart shows.
const KEPT: usize = 300;

/// A complete second. Rates are per second, times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Second {
    /// Its number, from the first second of the first trial on; the time between trials has none.
    pub(crate) second: u64,
    pub(crate) offered: f64,
    pub(crate) completed: f64,
    pub(crate) failed: f64,
    /// Requests in flight at its end.
    pub(crate) in_flight: f64,
    /// Median and 99th percentile.
    pub(crate) ttft: Option<(f64, f64)>,
    /// Median and 99th percentile.
    pub(crate) latency: Option<(f64, f64)>,
    /// The busiest I/O thread's share of its core, 0 to 1.
    pub(crate) busy: f64,
    /// The largest share of time in which an I/O thread waited for a core, 0 to 1.
    pub(crate) waiting: f64,
    /// The longest delay of a timer.
    pub(crate) timer_lag: f64,
}

/// The last seconds of all trials of a session, shared by the recorder's thread and who watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Arc<Mutex<VecDeque<Second>>>);

impl History {
    /// The seconds, oldest first.
    pub(crate) fn seconds(&self) -> Vec<Second> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl WindowSink for History {
    fn on_window(&mut self, row: &WindowRow, _so_far: &Totals) {
        let mut seconds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let second = seconds.back().map_or(0, |last| last.second + 1);
        if seconds.len() == KEPT {
            seconds.pop_front();
        }
        seconds.push_back(Second {
            second,
            offered: row.scheduled as f64,
            completed: row.completed as f64,
            failed: row.failed as f64,
            in_flight: f64::from(row.in_flight),
            ttft: pair(&row.ttft),
            latency: pair(&row.latency),
            busy: row.busy,
            waiting: row.waiting,
            timer_lag: row.timer_lag_max.as_secs_f64(),
        });
    }
}

fn pair(samples: &Samples) -> Option<(f64, f64)> {
    let seconds = |p| samples.percentile(p).map(|nanos| nanos as f64 / 1e9);
    seconds(50.0).zip(seconds(99.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_seconds_make_room() {
        let mut history = History::default();
        for second in 0..KEPT as u64 + 2 {
            let mut row = WindowRow::default();
            // Each trial begins anew.
            (row.second, row.completed) = (second % 100, 3);
            row.latency.record(2_000_000_000);
            history.on_window(&row, &Totals::default());
        }
        let seconds = history.seconds();
        assert_eq!((seconds.len(), seconds[0].second, seconds[0].completed), (KEPT, 2, 3.0));
        assert_eq!((seconds[0].latency.map(|(p50, _)| p50.round()), seconds[0].ttft), (Some(2.0), None));
    }
}
