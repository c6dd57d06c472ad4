//! What the server did, as `GET /__stats` tells it.

use std::time::Duration;

use hdrhistogram::Histogram;
use plimsoll_core::metrics::interval;
use serde_json::{Value, json};

use super::answer::Timing;
use super::system;

/// The longest time that a histogram tells apart, ns (one hour).
const TIME_MAX: u64 = 3_600_000_000_000;

/// Counters and distributions since the server started.
#[derive(Debug)]
pub(crate) struct Stats {
    /// Requests for an answer, whatever became of them.
    pub(crate) requests: u64,
    /// Answers that went out to their end, faults in them included.
    pub(crate) completed: u64,
    /// Requests turned down: errors, full queue, bad requests.
    pub(crate) refused: u64,
    /// Requests whose client left before the end.
    pub(crate) cancelled: u64,
    /// Requests whose client was dropped because it read too slowly.
    pub(crate) dropped: u64,
    /// Events with content.
    pub(crate) events: u64,
    /// Writes that the socket did not take whole, because the client reads too slowly.
    pub(crate) blocked_writes: u64,
    /// Requests that are queued or being answered.
    in_flight: u64,
    in_flight_max: u64,
    waiting_max: u32,
    /// How late writes were against the grid, ns; without those that waited for a slow client.
    lateness: Histogram<u64>,
    /// From the arrival of the request to the write of its first token, ns.
    ttft: Histogram<u64>,
    /// Between successive writes with content, ns.
    itl: Histogram<u64>,
}

/// How late the writes of a server were against its own schedule; without those that waited for a slow client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// 99 of 100 writes were at most so late.
    pub p99: Duration,
    /// The p99 is at least this with 95 % confidence; zero when that cannot be said of so few writes.
    pub proven: Duration,
    /// The latest.
    pub max: Duration,
    /// Writes of tokens or of whole answers.
    pub writes: u64,
}

impl Lateness {
    /// A p99 beyond this is the server's own delay, which a client would take for the model's.
    pub const LIMIT: Duration = Duration::from_millis(1);

    /// Whether the server could not keep its own schedule, so that what a client measured is the server's limit.
    pub fn is_bottleneck(&self) -> bool {
        self.proven > Self::LIMIT
    }
}

impl Stats {
    pub(crate) fn new() -> Result<Self, hdrhistogram::CreationError> {
        let histogram = || Histogram::new_with_bounds(1, TIME_MAX, 3);
        Ok(Stats {
            requests: 0,
            completed: 0,
            refused: 0,
            cancelled: 0,
            dropped: 0,
            events: 0,
            blocked_writes: 0,
            in_flight: 0,
            in_flight_max: 0,
            waiting_max: 0,
            lateness: histogram()?,
            ttft: histogram()?,
            itl: histogram()?,
        })
    }

    /// A request was admitted; so many wait now.
    pub(crate) fn admitted(&mut self, waiting: u32) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
        self.waiting_max = self.waiting_max.max(waiting);
    }

    /// A request that was admitted has got its whole answer.
    pub(crate) fn completed(&mut self) {
        self.completed += 1;
        self.in_flight -= 1;
    }

    /// The client of an admitted request is gone.
    pub(crate) fn cancelled(&mut self) {
        self.cancelled += 1;
        self.in_flight -= 1;
    }

    /// A write went out `lateness` ns after it was due.
    pub(crate) fn late(&mut self, lateness: u64) {
        self.lateness.saturating_record(lateness);
    }

    pub(crate) fn timed(&mut self, timing: Timing) {
        match timing {
            Timing::Ttft(time) => self.ttft.saturating_record(time),
            Timing::Gap(time) => self.itl.saturating_record(time),
            Timing::Whole => {}
        }
    }

    /// How late the writes were.
    pub(crate) fn lateness(&self) -> Lateness {
        let writes = self.lateness.len();
        let at_rank =
            |rank: u64| Duration::from_nanos(self.lateness.value_at_quantile(rank as f64 / writes as f64));
        Lateness {
            p99: Duration::from_nanos(self.lateness.value_at_quantile(0.99)),
            proven: interval(writes, 99.0).0.map_or(Duration::ZERO, at_rank),
            max: Duration::from_nanos(self.lateness.max()),
            writes,
        }
    }

    /// The document. Must be called in the server's thread, whose CPU time it reports.
    pub(crate) fn document(&self, connections: usize) -> String {
        json!({
            "requests": self.requests,
            "completed": self.completed,
            "refused": self.refused,
            "cancelled": self.cancelled,
            "dropped": self.dropped,
            "connections": connections,
            "in_flight": self.in_flight,
            "in_flight_max": self.in_flight_max,
            "waiting_max": self.waiting_max,
            "events": self.events,
            "blocked_writes": self.blocked_writes,
            "lateness_ms": milliseconds(&self.lateness),
            "late": self.lateness().is_bottleneck(),
            "ttft_ms": milliseconds(&self.ttft),
            "itl_ms": milliseconds(&self.itl),
            "cpu_s": system::thread_cpu().as_secs_f64(),
        })
        .to_string()
    }
}

fn milliseconds(times: &Histogram<u64>) -> Value {
    if times.is_empty() {
        return Value::Null;
    }
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1e6;
    json!({"p50": at(0.5), "p99": at(0.99), "max": times.max() as f64 / 1e6, "n": times.len()})
}
