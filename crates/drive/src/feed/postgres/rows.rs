//! A record as rows of the table `request`: one for the request, and one of type METRIC for each figure of its answer.

use std::time::{SystemTime, UNIX_EPOCH};

use plimsoll_core::metrics::LocustMetric;
use plimsoll_core::record::{Outcome, Phase, Record};
use plimsoll_core::time::Offset;
use serde::Serialize;

use crate::clock::Clock;

/// Most characters of an error.
const ERROR_MAX: usize = 300;

/// A record, as far as the tables have it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RequestRow {
    /// Wall time of its start.
    pub(super) at: SystemTime,
    /// Milliseconds that the client waited; nothing where no end was seen.
    pub(super) response_time: Option<f64>,
    /// Bytes of the answer.
    pub(super) length: i32,
    /// 1 where it ended as wanted, 0 otherwise.
    pub(super) success: i16,
    /// What failed.
    pub(super) exception: Option<String>,
    pub(super) thread: i32,
    pub(super) context: Context,
    /// The figures of its answer by the names of the load test.
    pub(super) metrics: Vec<(&'static str, f64)>,
}

/// What the column `context` has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Context {
    request: u64,
    phase: Phase,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// Wall time of a moment of the run.
pub(super) fn wall(clock: Clock, at: Offset) -> SystemTime {
    UNIX_EPOCH + clock.wall(at)
}

/// When a request started: when it was sent, or was to be.
pub(super) fn start_of(record: &Record) -> Offset {
    record.sent.unwrap_or(record.scheduled)
}

impl RequestRow {
    pub(super) fn of(record: &Record, clock: Clock, metrics: &[LocustMetric]) -> Self {
        // A connection that never came to be was waited for, too.
        let waited = record.latency().or_else(|| record.response_time());
        let values = |metric: &LocustMetric| Some((metric.name, metric.of(record)?));
        let metrics = match record.outcome {
            Outcome::Ok => metrics.iter().filter_map(values).collect(),
            _ => Vec::new(),
        };
        RequestRow {
            at: wall(clock, start_of(record)),
            response_time: waited.map(|seconds| seconds * 1e3),
            length: i32::try_from(record.bytes_received).unwrap_or(i32::MAX),
            success: i16::from(matches!(record.outcome, Outcome::Ok | Outcome::Cancelled)),
            exception: record.outcome.is_failure().then(|| exception(record)),
            thread: i32::from(record.thread),
            context: Context {
                request: record.id.0,
                phase: record.phase,
                outcome: record.outcome,
                status: record.status,
            },
            metrics,
        }
    }
}

/// Outcome and error in one line that PostgreSQL takes: no text of it has the character 0.
fn exception(record: &Record) -> String {
    let error = record.error.as_deref().unwrap_or_default();
    let text = match error {
        "" => record.outcome.name().to_owned(),
        error => format!("{}: {error}", record.outcome.name()),
    };
    text.chars().take(ERROR_MAX).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::RequestId;

    use super::*;

    fn record(outcome: Outcome) -> Record {
        let mut record = Record::due(RequestId(7), Phase::Measure, 1, Offset::from_nanos(1_000_000));
        record.sent = Some(Offset::from_nanos(2_000_000));
        record.done = Some(Offset::from_nanos(12_000_000));
        record.usage.output_tokens = Some(5);
        record.outcome = outcome;
        record
    }

    fn row(record: &Record) -> RequestRow {
        RequestRow::of(record, Clock::start(), &LocustMetric::all())
    }

    #[test]
    fn an_answer_has_its_figures_and_a_failure_its_reason() {
        let answered = row(&record(Outcome::Ok));
        assert_eq!((answered.response_time, answered.success, answered.exception), (Some(10.0), 1, None));
        assert!(answered.metrics.contains(&("num_tokens", 5.0)), "{:?}", answered.metrics);
        assert!(answered.metrics.contains(&("total_latency", 10.0)), "{:?}", answered.metrics);

        let mut failed = record(Outcome::Http5xx);
        failed.error = Some(format!("down\0{}", "x".repeat(1000)));
        failed.status = Some(503);
        let failed = row(&failed);
        let exception = failed.exception.unwrap();
        assert!(exception.starts_with("http_5xx: down\u{fffd}xxx"), "{exception}");
        assert_eq!((failed.success, exception.chars().count(), failed.metrics.len()), (0, ERROR_MAX, 0));
        assert_eq!(
            serde_json::to_string(&failed.context).unwrap(),
            r#"{"request":7,"phase":"measure","outcome":"http_5xx","status":503}"#
        );
    }

    #[test]
    fn what_this_client_ended_itself_is_no_failure() {
        for (outcome, success) in [(Outcome::Cancelled, 1), (Outcome::Shed, 0), (Outcome::Unfinished, 0)] {
            let row = row(&record(outcome));
            assert_eq!((row.success, row.exception), (success, None), "{outcome:?}");
        }
        let mut never_sent = record(Outcome::Connect);
        never_sent.sent = None;
        assert_eq!(row(&never_sent).response_time, Some(11.0));
        never_sent.done = None;
        assert_eq!(row(&never_sent).response_time, None);
    }
}
