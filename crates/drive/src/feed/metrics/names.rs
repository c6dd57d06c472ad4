//! The metrics there are: their names, units and meanings.

use std::sync::LazyLock;

use plimsoll_core::record::Record;

use super::histogram::decades;
use super::snapshot::{About, Kind, Unit};

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> About {
    About { name, kind: Kind::Counter, unit, help }
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> About {
    About { name, kind: Kind::Gauge, unit, help }
}

const fn time(name: &'static str, help: &'static str) -> About {
    About { name, kind: Kind::Histogram, unit: Unit::Seconds, help }
}

const REQUESTS: Unit = Unit::Of("{request}");
const TOKENS: Unit = Unit::Of("{token}");

pub(super) static RUN_INFO: About =
    gauge("plimsoll_run_info", Unit::Of("{run}"), "What is run: always 1, the labels say it.");
pub(super) static RUN_START: About =
    gauge("plimsoll_run_start_time_seconds", Unit::Seconds, "Start of the run since the Unix epoch.");
pub(super) static RUN_VALID: About = gauge(
    "plimsoll_run_valid",
    Unit::Of("{run}"),
    "Whether the figures can be believed: 1 VALID, 0 INVALID; there once the run is over.",
);
pub(super) static SLO: About = gauge(
    "plimsoll_slo",
    Unit::Of("{objective}"),
    "1 for the state that an objective is in: pending while the run goes on, then pass, fail or undecided.",
);
pub(super) static SCHEDULED: About = counter(
    "plimsoll_requests_scheduled_total",
    REQUESTS,
    "Requests that were due; its rate is the offered rate.",
);
pub(super) static SENT: About = counter("plimsoll_requests_sent_total", REQUESTS, "Requests that were sent.");
pub(super) static ENDED: About = counter(
    "plimsoll_requests_total",
    REQUESTS,
    "Requests that ended, by how: outcome, class of the HTTP status, phase of the run.",
);
pub(super) static JUDGED: About = counter(
    "plimsoll_requests_judged_total",
    REQUESTS,
    "Requests that ended, but for those that this client cancelled on purpose; only with objectives.",
);
pub(super) static GOOD: About = counter(
    "plimsoll_requests_good_total",
    REQUESTS,
    "Requests that ended ok and kept every limit for single requests; only with objectives.",
);
pub(super) static BYTES_SENT: About =
    counter("plimsoll_sent_bytes_total", Unit::Bytes, "Bytes of requests written, heads included.");
pub(super) static BYTES_RECEIVED: About =
    counter("plimsoll_received_bytes_total", Unit::Bytes, "Bytes of responses received, heads included.");
pub(super) static INPUT_TOKENS: About =
    counter("plimsoll_input_tokens_total", TOKENS, "Tokens of the prompts of requests that ended ok.");
pub(super) static CACHED_TOKENS: About = counter(
    "plimsoll_cached_tokens_total",
    TOKENS,
    "Those of them that came from the server's prefix cache, where it says so.",
);
pub(super) static OUTPUT_TOKENS: About =
    counter("plimsoll_output_tokens_total", TOKENS, "Tokens generated, as they arrived.");
pub(super) static EVENTS: About = counter(
    "plimsoll_content_events_total",
    Unit::Of("{event}"),
    "Events of streams that carried content, as they arrived.",
);
pub(super) static IN_FLIGHT: About =
    gauge("plimsoll_in_flight_requests", REQUESTS, "Requests in flight at the end of the last second.");
pub(super) static CONNECTIONS: About = gauge(
    "plimsoll_connections",
    Unit::Of("{connection}"),
    "Connections open at the end of the last second.",
);
pub(super) static BUSY: About = gauge(
    "plimsoll_client_busy_ratio",
    Unit::Ratio,
    "The busiest I/O thread's share of its core in the last second; above 0.8 a run is INVALID.",
);
pub(super) static WAITING: About = gauge(
    "plimsoll_client_waiting_ratio",
    Unit::Ratio,
    "The largest share of the last second in which an I/O thread waited for a core.",
);
pub(super) static TIMER_LAG: About = gauge(
    "plimsoll_client_timer_lag_seconds",
    Unit::Seconds,
    "The longest delay of a timer of this client in the last second.",
);

/// A time of single requests, kept as a histogram.
pub(super) struct Time {
    pub(super) about: About,
    /// Its classic bounds.
    pub(super) bounds: &'static LazyLock<Vec<f64>>,
    /// Its value, seconds; nothing where the request has none. `itl` has many, and is taken apart from these.
    pub(super) of: fn(&Record) -> Option<f64>,
}

/// Bounds of what a whole request takes: 1 ms to 700 s.
static LONG: LazyLock<Vec<f64>> = LazyLock::new(|| decades(-3, 2));
/// Bounds of what a token takes, and of delays: 0.1 ms to 7 s.
static SHORT: LazyLock<Vec<f64>> = LazyLock::new(|| decades(-4, 0));

/// The place of `itl` among [`TIMES`].
pub(super) const ITL: usize = 5;

/// The times that are distributed, of requests that ended ok; `send_lag` of all that were sent.
pub(super) static TIMES: [Time; 7] = [
    Time {
        about: time("plimsoll_latency_seconds", "From sent to the end of the response."),
        bounds: &LONG,
        of: Record::latency,
    },
    Time {
        about: time("plimsoll_response_time_seconds", "From scheduled to the end of the response."),
        bounds: &LONG,
        of: Record::response_time,
    },
    Time {
        about: time("plimsoll_ttft_seconds", "From sent to the first token."),
        bounds: &LONG,
        of: Record::ttft,
    },
    Time {
        about: time("plimsoll_ttft_scheduled_seconds", "From scheduled to the first token."),
        bounds: &LONG,
        of: Record::ttft_scheduled,
    },
    Time {
        about: time("plimsoll_tpot_seconds", "Time per token of a request after its first."),
        bounds: &SHORT,
        of: Record::tpot,
    },
    Time {
        about: time("plimsoll_itl_seconds", "Time per token of each gap between events of a stream."),
        bounds: &SHORT,
        of: |_| None,
    },
    Time {
        about: time("plimsoll_send_lag_seconds", "From scheduled to sent: this client's own delay."),
        bounds: &SHORT,
        of: Record::send_lag,
    },
];

/// The place of `send_lag` among [`TIMES`].
pub(super) const SEND_LAG: usize = 6;

/// Every metric, in the order of docs/FEEDS.md.
pub fn all() -> impl Iterator<Item = &'static About> {
    let single = [
        &RUN_INFO,
        &RUN_START,
        &RUN_VALID,
        &SLO,
        &SCHEDULED,
        &SENT,
        &ENDED,
        &JUDGED,
        &GOOD,
        &BYTES_SENT,
        &BYTES_RECEIVED,
        &INPUT_TOKENS,
        &CACHED_TOKENS,
        &OUTPUT_TOKENS,
        &EVENTS,
        &IN_FLIGHT,
        &CONNECTIONS,
        &BUSY,
        &WAITING,
        &TIMER_LAG,
    ];
    single.into_iter().chain(TIMES.iter().map(|time| &time.about))
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::PREFIX;
    use super::*;

    #[test]
    fn names_have_the_prefix_and_end_with_their_unit_and_counters_with_total() {
        for About { name, kind, unit, help } in all() {
            let bare = name.strip_prefix(PREFIX).unwrap();
            let bare = match kind {
                Kind::Counter => bare.strip_suffix("_total").unwrap(),
                _ => bare,
            };
            assert!(!bare.ends_with("_total"), "{name}");
            assert!(unit.word().is_none_or(|word| bare.ends_with(&format!("_{word}"))), "{name}");
            assert!(help.ends_with('.') && !help.contains(['\\', '\n']), "{name}");
        }
        assert_eq!(TIMES[ITL].about.name, "plimsoll_itl_seconds");
        assert_eq!(TIMES[SEND_LAG].about.name, "plimsoll_send_lag_seconds");
    }

    #[test]
    fn the_docs_list_every_metric_with_its_meaning() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/FEEDS.md");
        let docs = std::fs::read_to_string(docs).unwrap();
        for About { name, help, .. } in all() {
            let row = docs.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("docs/FEEDS.md has no row for {name}"));
            assert!(row.contains(help.trim_end_matches('.')), "docs/FEEDS.md says of {name}: {row}");
        }
    }
}
