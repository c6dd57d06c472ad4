//! Folds records and seconds into metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_core::metrics::inter_token_latencies;
use plimsoll_core::record::{Outcome, Phase, Record};
use plimsoll_core::summary::Summary;

use super::histogram::Histogram;
use super::names::{self, ITL, SEND_LAG, TIMES};
use super::snapshot::{About, Family, Series, Snapshot, Value};
use crate::recorder::WindowRow;

/// What is said of a run beside its figures: a few labels that stay the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInfo {
    /// Whose the series are: the label of all of them.
    pub testid: String,
    /// Labels of `plimsoll_run_info`: name, model, provider, version.
    pub labels: Vec<(&'static str, String)>,
    /// The objectives, as they were written.
    pub slos: Vec<String>,
    /// Start of the run, wall time since the Unix epoch.
    pub started: Duration,
}

/// How a request ended, as far as a label says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    outcome: Outcome,
    status: &'static str,
    phase: Phase,
}

/// Sums over the seconds of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    scheduled: u64,
    sent: u64,
    good: Option<u64>,
    judged: u64,
    bytes_sent: u64,
    bytes_received: u64,
    input_tokens: u64,
    cached_tokens: Option<u64>,
    output_tokens: f64,
    content_events: u64,
}

/// The metrics of one run so far.
#[derive(Clone, Debug)]
pub struct Meter {
    info: RunInfo,
    ends: BTreeMap<End, u64>,
    /// One for each of [`TIMES`] and phase that has values.
    times: BTreeMap<(usize, Phase), Histogram>,
    sums: Sums,
    last: WindowRow,
    /// What the summary says of each objective, and of the whole, once it is there.
    judged: Option<(Vec<&'static str>, bool)>,
}

impl Meter {
    /// The metrics of a run of which nothing is known yet.
    pub fn new(info: RunInfo) -> Self {
        // A counter that is born with a request on it hides that request from `rate`.
        let first = End { outcome: Outcome::Ok, status: "2xx", phase: Phase::Measure };
        Meter {
            info,
            ends: BTreeMap::from([(first, 0)]),
            times: BTreeMap::new(),
            sums: Sums::default(),
            last: WindowRow::default(),
            judged: None,
        }
    }

    /// Takes a request that has ended.
    pub fn add(&mut self, record: &Record) {
        let Record { outcome, phase, .. } = *record;
        *self.ends.entry(End { outcome, status: status_class(record.status), phase }).or_default() += 1;
        if let Some(lag) = record.send_lag() {
            self.observe(SEND_LAG, phase, lag);
        }
        if outcome != Outcome::Ok {
            return;
        }
        for (place, time) in TIMES.iter().enumerate().filter(|(place, _)| *place != SEND_LAG) {
            if let Some(value) = (time.of)(record) {
                self.observe(place, phase, value);
            }
        }
        for nanos in inter_token_latencies(record) {
            self.observe(ITL, phase, nanos as f64 / 1e9);
        }
        self.sums.input_tokens +=
            u64::from(record.usage.input_tokens.or(record.prompt_tokens).unwrap_or_default());
        if let Some(cached) = record.usage.cached_tokens {
            *self.sums.cached_tokens.get_or_insert(0) += u64::from(cached);
        }
    }

    /// Takes the next second.
    pub fn add_window(&mut self, row: &WindowRow) {
        let sums = &mut self.sums;
        sums.scheduled += row.scheduled;
        sums.sent += row.sent;
        sums.judged += row.judged;
        if let Some(good) = row.good {
            *sums.good.get_or_insert(0) += good;
        }
        sums.bytes_sent += row.bytes_sent;
        sums.bytes_received += row.bytes_received;
        sums.output_tokens += row.output_tokens;
        sums.content_events += row.content_events;
        self.last = row.clone();
    }

    /// Takes what the whole run says.
    pub fn conclude(&mut self, summary: &Summary) {
        let states = summary.slos.iter().map(|slo| match slo.verdict {
            plimsoll_core::slo::Verdict::Pass => "pass",
            plimsoll_core::slo::Verdict::Fail => "fail",
            plimsoll_core::slo::Verdict::Undecided => "undecided",
        });
        self.judged = Some((states.collect(), summary.validity.valid));
        // Nothing is in flight any more, and nobody works.
        self.last = WindowRow::default();
    }

    fn observe(&mut self, place: usize, phase: Phase, value: f64) {
        let bounds = TIMES[place].bounds;
        self.times.entry((place, phase)).or_insert_with(|| Histogram::new(bounds)).observe(value);
    }

    /// The metrics at `at`, wall time since the Unix epoch.
    pub fn snapshot(&self, at: Duration) -> Snapshot {
        let mut families = vec![
            family(&names::RUN_INFO, [(self.info.labels.clone(), 1.0)]),
            single(&names::RUN_START, self.info.started.as_secs_f64()),
        ];
        families.extend(self.verdicts());
        families.extend(self.counters());
        families.extend(self.gauges());
        families.extend(self.histograms());
        let Meter { info, .. } = self;
        Snapshot { started: info.started, at, testid: info.testid.clone(), families }
    }

    fn verdicts(&self) -> Vec<Family> {
        let mut families = Vec::new();
        if let Some((_, valid)) = &self.judged {
            families.push(single(&names::RUN_VALID, f64::from(u8::from(*valid))));
        }
        if !self.info.slos.is_empty() {
            let states = self.info.slos.iter().enumerate().flat_map(|(place, slo)| {
                let now = self.judged.as_ref().and_then(|(states, _)| states.get(place)).copied();
                let now = now.unwrap_or("pending");
                ["fail", "pass", "pending", "undecided"].map(|state| {
                    let labels = vec![("slo", slo.clone()), ("state", state.to_owned())];
                    (labels, f64::from(u8::from(state == now)))
                })
            });
            families.push(family(&names::SLO, states));
        }
        families
    }

    fn counters(&self) -> Vec<Family> {
        let sums = &self.sums;
        let ends = self.ends.iter().map(|(end, &count)| {
            let labels =
                [("outcome", end.outcome.name()), ("phase", phase(end.phase)), ("status", end.status)];
            (labels.map(|(name, value)| (name, value.to_owned())).to_vec(), count as f64)
        });
        let mut families = vec![
            single(&names::SCHEDULED, sums.scheduled as f64),
            single(&names::SENT, sums.sent as f64),
            family(&names::ENDED, ends),
        ];
        if let Some(good) = sums.good {
            families.push(single(&names::JUDGED, sums.judged as f64));
            families.push(single(&names::GOOD, good as f64));
        }
        families.extend([
            single(&names::BYTES_SENT, sums.bytes_sent as f64),
            single(&names::BYTES_RECEIVED, sums.bytes_received as f64),
            single(&names::INPUT_TOKENS, sums.input_tokens as f64),
        ]);
        families.extend(sums.cached_tokens.map(|cached| single(&names::CACHED_TOKENS, cached as f64)));
        families.extend([
            single(&names::OUTPUT_TOKENS, sums.output_tokens),
            single(&names::EVENTS, sums.content_events as f64),
        ]);
        families
    }

    fn gauges(&self) -> [Family; 5] {
        let last = &self.last;
        [
            single(&names::IN_FLIGHT, f64::from(last.in_flight)),
            single(&names::CONNECTIONS, f64::from(last.connections)),
            single(&names::BUSY, last.busy),
            single(&names::WAITING, last.waiting),
            single(&names::TIMER_LAG, last.timer_lag_max.as_secs_f64()),
        ]
    }

    fn histograms(&self) -> impl Iterator<Item = Family> {
        TIMES.iter().enumerate().filter_map(|(place, time)| {
            let of_time = self.times.range((place, Phase::Ramp)..=(place, Phase::Measure));
            let series: Vec<Series> = of_time
                .map(|(&(_, of), histogram)| Series {
                    labels: vec![("phase", phase(of).to_owned())],
                    value: Value::Histogram(histogram.clone()),
                })
                .collect();
            (!series.is_empty()).then_some(Family { about: &time.about, series })
        })
    }
}

fn single(about: &'static About, value: f64) -> Family {
    family(about, [(Vec::new(), value)])
}

fn family(
    about: &'static About,
    series: impl IntoIterator<Item = (Vec<(&'static str, String)>, f64)>,
) -> Family {
    let series = series.into_iter().map(|(labels, value)| Series { labels, value: Value::Number(value) });
    Family { about, series: series.collect() }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Ramp => "ramp",
        Phase::WarmUp => "warm_up",
        Phase::Measure => "measure",
    }
}

/// The class of an HTTP status: few values, however many a server knows.
fn status_class(status: Option<u16>) -> &'static str {
    match status.map(|status| status / 100) {
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        Some(_) => "other",
        None => "none",
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::{Delta, DeltaKind, RequestId};
    use plimsoll_core::time::Offset;

    use super::*;

    fn at(millis: u64) -> Offset {
        Offset::from_nanos(millis * 1_000_000)
    }

    fn record(outcome: Outcome, status: Option<u16>) -> Record {
        let mut record = Record::due(RequestId(0), Phase::Measure, 0, at(10));
        (record.sent, record.done, record.outcome, record.status) =
            (Some(at(12)), Some(at(112)), outcome, status);
        record.deltas =
            [32, 42, 62].map(|millis| Delta { at: at(millis), tokens: 1, kind: DeltaKind::Text }).to_vec();
        record.usage.output_tokens = Some(3);
        record.usage.input_tokens = Some(7);
        record
    }

    fn meter() -> Meter {
        Meter::new(RunInfo {
            testid: "t".to_owned(),
            labels: vec![("model", "m".to_owned())],
            slos: vec!["ttft.p99<1s".to_owned()],
            started: Duration::from_secs(100),
        })
    }

    fn numbers(snapshot: &Snapshot, name: &str) -> Vec<(String, f64)> {
        let of_name = snapshot.series().filter(|(family, _)| family.about.name == name);
        let shown = of_name.filter_map(|(_, series)| {
            let Value::Number(value) = series.value else { return None };
            let labels: Vec<&str> = series.labels.iter().map(|(_, value)| value.as_str()).collect();
            Some((labels.join(" "), value))
        });
        shown.collect()
    }

    fn histogram<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Histogram {
        let mut found = snapshot.series().filter(|(family, _)| family.about.name == name);
        match found.next().map(|(_, series)| &series.value) {
            Some(Value::Histogram(histogram)) => histogram,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn failures_are_counted_and_enter_no_distribution_but_send_lag() {
        let mut meter = meter();
        meter.add(&record(Outcome::Ok, Some(200)));
        meter.add(&record(Outcome::Http5xx, Some(503)));
        meter.add(&record(Outcome::Timeout, None));
        let snapshot = meter.snapshot(Duration::from_secs(101));
        assert_eq!(
            numbers(&snapshot, "plimsoll_requests_total"),
            [("ok measure 2xx", 1.0), ("timeout measure none", 1.0), ("http_5xx measure 5xx", 1.0)]
                .map(|(labels, value)| (labels.to_owned(), value))
        );
        let count_and_sum = |name| {
            let histogram = histogram(&snapshot, name);
            (histogram.count(), (histogram.sum() * 1e6).round())
        };
        assert_eq!(count_and_sum("plimsoll_latency_seconds"), (1, 100_000.0));
        assert_eq!(count_and_sum("plimsoll_response_time_seconds"), (1, 102_000.0));
        assert_eq!(count_and_sum("plimsoll_ttft_seconds"), (1, 20_000.0));
        assert_eq!(count_and_sum("plimsoll_tpot_seconds"), (1, 15_000.0));
        assert_eq!(count_and_sum("plimsoll_itl_seconds"), (2, 30_000.0));
        assert_eq!(count_and_sum("plimsoll_send_lag_seconds"), (3, 6_000.0));
        assert_eq!(numbers(&snapshot, "plimsoll_input_tokens_total"), [(String::new(), 7.0)]);
        assert!(
            numbers(&snapshot, "plimsoll_cached_tokens_total").is_empty(),
            "nobody said anything of a cache"
        );
    }

    #[test]
    fn seconds_add_up_and_gauges_are_those_of_the_last() {
        let mut meter = meter();
        let row = WindowRow {
            scheduled: 5,
            sent: 4,
            in_flight: 3,
            good: Some(2),
            judged: 4,
            ..WindowRow::default()
        };
        meter.add_window(&row);
        meter.add_window(&WindowRow { in_flight: 9, busy: 0.5, ..row });
        let snapshot = meter.snapshot(Duration::from_secs(102));
        for (name, value) in [
            ("plimsoll_requests_scheduled_total", 10.0),
            ("plimsoll_requests_sent_total", 8.0),
            ("plimsoll_requests_good_total", 4.0),
            ("plimsoll_requests_judged_total", 8.0),
            ("plimsoll_in_flight_requests", 9.0),
            ("plimsoll_client_busy_ratio", 0.5),
            ("plimsoll_run_start_time_seconds", 100.0),
        ] {
            assert_eq!(numbers(&snapshot, name), [(String::new(), value)], "{name}");
        }
        meter.conclude(&Summary::default());
        let over = meter.snapshot(Duration::from_secs(103));
        assert_eq!(numbers(&over, "plimsoll_in_flight_requests"), [(String::new(), 0.0)]);
        assert_eq!(numbers(&over, "plimsoll_requests_sent_total"), [(String::new(), 8.0)]);
    }

    #[test]
    fn an_objective_is_in_one_state_at_a_time() {
        let states = |meter: &Meter| {
            let snapshot = meter.snapshot(Duration::ZERO);
            let on = numbers(&snapshot, "plimsoll_slo").into_iter().filter(|(_, value)| *value == 1.0);
            (on.map(|(labels, _)| labels).collect::<Vec<_>>(), numbers(&snapshot, "plimsoll_run_valid"))
        };
        let mut meter = meter();
        assert_eq!(states(&meter), (vec!["ttft.p99<1s pending".to_owned()], vec![]));
        // A summary that says nothing of it, as of a run that was given up.
        let mut summary = Summary::default();
        summary.validity.valid = true;
        meter.conclude(&summary);
        assert_eq!(states(&meter), (vec!["ttft.p99<1s pending".to_owned()], vec![(String::new(), 1.0)]));
    }
}
