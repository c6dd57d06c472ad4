//! What became of a request under stress.

use serde::{Deserialize, Serialize};

use crate::record::{Outcome, Record};
use crate::time::Offset;

/// What became of a request, in the eyes of whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Answered well.
    Answered,
    /// Told to come again: 429 or 503.
    Shed,
    /// No answer within the client's time limits, or within those of the server (504), or none when the test ended.
    TimedOut,
    /// No connection.
    Unconnected,
    /// The connection ended in the middle of the answer.
    Broken,
    /// Another error of the server's, or of the request's.
    Error,
    /// An answer that is none: empty, unreadable, of the wrong length.
    Wrong,
}

/// What is kept of a request: times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it was due, from the start of the load.
    pub scheduled: f64,
    /// From then to its end; where it never ended, to the end of the test.
    pub response_time: f64,
    /// From when it was sent to its end; `None` if it never was.
    pub latency: Option<f64>,
    /// What became of it.
    pub fate: Fate,
    /// HTTP status.
    pub status: Option<u16>,
}

impl Seen {
    /// What `record` says, in a load that began at `begin` and was given up at `end`; nothing of a request that this
    /// client cancelled or held back itself.
    pub fn of(record: &Record, begin: Offset, end: Offset) -> Option<Seen> {
        Some(Seen {
            scheduled: record.scheduled.since(begin).as_secs_f64(),
            response_time: record
                .response_time()
                .unwrap_or_else(|| end.since(record.scheduled).as_secs_f64()),
            latency: record.latency(),
            fate: fate(record)?,
            status: record.status,
        })
    }
}

fn fate(record: &Record) -> Option<Fate> {
    Some(match (record.outcome, record.status) {
        (Outcome::Ok, _) => Fate::Answered,
        (Outcome::Http429, _) | (Outcome::Http5xx, Some(503)) => Fate::Shed,
        (Outcome::Timeout | Outcome::Unfinished, _) | (Outcome::Http5xx, Some(504)) => Fate::TimedOut,
        (Outcome::Connect | Outcome::Tls, _) => Fate::Unconnected,
        (Outcome::Truncated, _) => Fate::Broken,
        (Outcome::Http4xx | Outcome::Http5xx | Outcome::StreamError, _) => Fate::Error,
        (Outcome::Empty | Outcome::Invalid | Outcome::WrongLength, _) => Fate::Wrong,
        (Outcome::Cancelled | Outcome::Shed, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Phase, RequestId};

    #[test]
    fn every_outcome_has_its_fate() {
        let of = |outcome, status| {
            let mut record = Record::due(RequestId(0), Phase::Measure, 0, Offset::from_secs_f64(3.0));
            (record.outcome, record.status) = (outcome, status);
            Seen::of(&record, Offset::from_secs_f64(1.0), Offset::from_secs_f64(10.0))
        };
        for (outcome, status, fate) in [
            (Outcome::Ok, Some(200), Fate::Answered),
            (Outcome::Http5xx, Some(503), Fate::Shed),
            (Outcome::Http5xx, Some(504), Fate::TimedOut),
            (Outcome::Http5xx, Some(500), Fate::Error),
            (Outcome::Http429, Some(429), Fate::Shed),
            (Outcome::Unfinished, None, Fate::TimedOut),
            (Outcome::Connect, None, Fate::Unconnected),
            (Outcome::Truncated, Some(200), Fate::Broken),
            (Outcome::Empty, Some(200), Fate::Wrong),
        ] {
            let seen = of(outcome, status).unwrap();
            assert_eq!((seen.fate, seen.scheduled, seen.response_time), (fate, 2.0, 7.0), "{outcome:?}");
        }
        assert_eq!(of(Outcome::Shed, None), None);
        let decided = Outcome::ALL.iter().filter(|&&outcome| of(outcome, None).is_some());
        assert_eq!(decided.count(), Outcome::ALL.len() - 2);
    }
}
