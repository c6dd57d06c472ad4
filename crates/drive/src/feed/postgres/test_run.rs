//! One run as the table `testrun` has it: what is known of it before, and what only its end tells.

use std::time::{Duration, SystemTime};

use plimsoll_core::record::Record;
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;

/// What is known of a run before it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRun {
    /// Name of the plan, by which dashboards choose; at most 255 characters.
    pub plan: String,
    /// Users, or the cap on requests in flight; 0 where there is none.
    pub clients: u32,
    /// Requests per second that an open loop is to start, if it is one rate.
    pub rate: Option<f64>,
    /// What is tested, in words.
    pub description: Option<String>,
    /// The environment, at most 10 characters; may be empty.
    pub environment: String,
    /// The version of what is tested, at most 36 characters.
    pub version: Option<String>,
    /// Who runs it, at most 64 characters.
    pub user: String,
    /// How it is run, without secrets.
    pub arguments: String,
    /// This host.
    pub host: String,
    /// Method of its requests.
    pub method: String,
    /// Path of its requests.
    pub path: String,
    /// URL of its requests, without credentials.
    pub url: String,
    /// When all users are active; nothing where there are no users.
    pub ramp_end: Option<Offset>,
}

/// What only the end of a run tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    /// Wall time of the end.
    pub(super) at: SystemTime,
    pub(super) exit_code: u8,
    pub(super) totals: Totals,
}

/// All requests of a run, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) requests: u64,
    failed: u64,
    timed: u64,
    milliseconds: f64,
    /// Starts of the first and of the last request.
    first: Option<Offset>,
    last: Option<Offset>,
}

/// The exit code that a summary deserves.
pub type ExitCodeOf = Box<dyn Fn(&Summary) -> u8 + Send>;

impl Totals {
    pub(super) fn add(&mut self, record: &Record, start: Offset, response_time: Option<f64>) {
        self.requests += 1;
        self.failed += u64::from(record.outcome.is_failure());
        if let Some(milliseconds) = response_time {
            self.timed += 1;
            self.milliseconds += milliseconds;
        }
        self.first = Some(self.first.map_or(start, |first| first.min(start)));
        self.last = Some(self.last.map_or(start, |last| last.max(start)));
    }

    /// Requests per second from the first start to the last, which count as a second apart at least.
    pub(super) fn rate(&self) -> f64 {
        let span = self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| last.since(first));
        self.requests as f64 / span.as_secs_f64().max(1.0)
    }

    /// Mean response time, milliseconds.
    pub(super) fn response_time(&self) -> Option<f64> {
        (self.timed > 0).then(|| self.milliseconds / self.timed as f64)
    }

    /// Failed requests among all.
    pub(super) fn fail_ratio(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::{Outcome, Phase, RequestId};

    use super::*;

    #[test]
    fn a_run_is_added_up() {
        let mut totals = Totals::default();
        assert_eq!((totals.rate(), totals.response_time(), totals.fail_ratio()), (0.0, None, None));
        for (second, outcome, time) in
            [(4, Outcome::Ok, Some(10.0)), (2, Outcome::Http5xx, Some(30.0)), (3, Outcome::Shed, None)]
        {
            let mut record = Record::due(RequestId(second), Phase::Measure, 0, Offset::ZERO);
            record.outcome = outcome;
            totals.add(&record, Offset::from_nanos(second * 1_000_000_000), time);
        }
        assert_eq!((totals.rate(), totals.response_time()), (1.5, Some(20.0)));
        assert_eq!(totals.fail_ratio(), Some(1.0 / 3.0));
    }
}
