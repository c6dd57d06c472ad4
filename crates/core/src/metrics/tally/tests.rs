//! Summaries of runs small enough to be worked out by hand, and what must hold for all runs.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::health::ClientHealth;
use crate::metrics::{Conduct, Window};
use crate::record::{ConnectTimes, Delta, DeltaKind, RequestId, Stamps, TokenSource};
use crate::summary::{RunHeader, Summary};

fn at(millis: u64) -> Offset {
    Offset::from_nanos(millis * 1_000_000)
}

/// Ramp to 1 s, warm-up to 2 s, measured to 12 s, drained by 13 s.
const WINDOW: Window = Window {
    ramp_end: Offset::from_nanos(1_000_000_000),
    measure_start: Offset::from_nanos(2_000_000_000),
    measure_end: Offset::from_nanos(12_000_000_000),
    end: Offset::from_nanos(13_000_000_000),
};

fn tally() -> Tally {
    let mut tally = Tally::new(WINDOW.measure_start);
    tally.measured_until(WINDOW.measure_end);
    tally
}

fn summary(tally: &Tally, open_loop: bool) -> Summary {
    let health = ClientHealth::default();
    tally.summary(
        RunHeader::default(),
        &Conduct { window: WINDOW, open_loop, cap_reached: false, health: &health, interventions: &[] },
    )
}

/// A request due and sent at `sent`, whose events with content came at `events`, milliseconds.
fn streamed(id: u64, phase: Phase, sent: u64, events: &[u64], done: u64, tokens: u32) -> Record {
    let mut record = Record::due(RequestId(id), phase, 0, at(sent));
    record.sent = Some(at(sent));
    record.first_byte = events.first().map(|&first| at(first));
    record.deltas =
        events.iter().map(|&event| Delta { at: at(event), tokens: 0, kind: DeltaKind::Text }).collect();
    record.done = Some(at(done));
    record.outcome = Outcome::Ok;
    record.status = Some(200);
    record.usage.output_tokens = Some(tokens);
    record.usage.source = TokenSource::Server;
    record
}

#[test]
fn one_streamed_request_by_hand() {
    let mut record = streamed(0, Phase::Measure, 3_010, &[3_060, 3_070, 3_100, 3_160], 3_200, 4);
    record.scheduled = at(3_000);
    record.usage.input_tokens = Some(100);
    record.prompt_tokens = Some(98);
    record.max_tokens = Some(5);
    record.connect = Some(ConnectTimes { tcp: Duration::from_millis(4), ..ConnectTimes::default() });
    record.stamps = Some(Stamps { first_token: Some(at(3_059)), last_token: Some(at(3_161)) });
    let mut tally = tally();
    tally.add(&record);
    let summary = summary(&tally, true);

    for (name, mean) in [
        ("latency", 0.19),
        ("response_time", 0.2),
        ("send_lag", 0.01),
        ("ttft", 0.05),
        ("ttft_scheduled", 0.06),
        ("ttfvt", 0.05),
        ("tpot", 0.1 / 3.0),
        ("chunk_gap", 0.1 / 3.0),
        ("itl", 0.1 / 3.0),
        ("e2e_per_token", 0.0475),
        ("llm_bench_latency_per_token", 0.035),
        ("connect", 0.004),
        ("input_tokens", 100.0),
        ("output_tokens", 4.0),
    ] {
        let found = summary.metrics[name].mean.unwrap();
        assert!((found - mean).abs() < 1e-9, "{name}: {found}, not {mean}");
    }
    assert_eq!(summary.metrics["chunk_gap"].n, 3);
    assert!(!summary.metrics.contains_key("cached_tokens"));
    assert_eq!((summary.tokens.wrong_length, summary.tokens.prompt_deviating), (1, 1));
    assert_eq!((summary.tokens.prompt_deviation_mean, summary.tokens.prompt_deviation_max), (Some(2.0), 2));
    assert_eq!(summary.tokens.itl_estimated, 0, "four tokens in four events are one each");
    let truth = summary.truth.unwrap();
    assert_eq!(truth.first_token_error.mean, Some(0.001));
    assert_eq!(truth.last_token_error.mean, Some(-0.001));
    assert_eq!(summary.window.drain, 1.0);
}

#[test]
fn the_time_that_a_connection_took_is_lag_but_not_the_clients_own() {
    let mut record = streamed(0, Phase::Measure, 3_010, &[3_060], 3_200, 1);
    record.scheduled = at(3_000);
    record.connect = Some(ConnectTimes { tcp: Duration::from_millis(4), ..ConnectTimes::default() });
    let mut tally = tally();
    tally.add(&record);
    assert_eq!((tally.send_lag.max(), tally.own_lag.max()), (Some(10_000_000), Some(6_000_000)));
}

#[test]
fn tokens_count_when_they_arrive_and_not_when_their_request_ends() {
    let mut tally = tally();
    // Of the warm-up, still streaming within the window: 2 of 4 tokens arrive in it.
    tally.add(&streamed(0, Phase::WarmUp, 1_500, &[1_600, 1_900, 2_000, 2_100], 2_200, 4));
    // Ends in the drain: 3 of 6 tokens (two per event) arrive after the end, which belongs to the window itself.
    tally.add(&streamed(1, Phase::Measure, 11_000, &[11_500, 12_000, 12_100], 12_200, 6));
    // Cancelled, without usage: its two events count one token each.
    let mut cancelled = streamed(2, Phase::Measure, 5_000, &[5_100, 5_200], 5_200, 0);
    (cancelled.outcome, cancelled.usage.output_tokens) = (Outcome::Cancelled, None);
    cancelled.max_tokens = Some(8);
    tally.add(&cancelled);
    // The chunks of an answer that is not made of tokens count none.
    let mut payload = streamed(4, Phase::Measure, 5_000, &[5_100, 5_200], 5_200, 0);
    (payload.outcome, payload.usage.output_tokens) = (Outcome::Cancelled, None);
    tally.add(&payload);
    // Not streamed: its body came from 11.9 s to 12.1 s, half of it within.
    let mut whole = streamed(3, Phase::Measure, 11_000, &[], 12_100, 10);
    whole.first_byte = Some(at(11_900));
    tally.add(&whole);

    let summary = summary(&tally, false);
    let expected = 2.0 + 4.0 + 2.0 + 5.0;
    assert_eq!(summary.rates.output_token_rate, expected / 10.0);
    assert_eq!(summary.rates.completed_rate, 0.1, "the one of the warm-up ended within");
    assert_eq!((summary.counts.scheduled, summary.counts.ok, summary.counts.total), (4, 2, 5));
    assert_eq!(summary.metrics["latency"].n, 2);
    assert!(!summary.metrics.contains_key("send_lag"), "a closed loop has none");
}

#[test]
fn failures_are_classed_and_enter_no_latency_distribution() {
    let mut tally = tally();
    for (id, millis, status, error) in [
        (0, 7_000, 503, "busy"),
        (1, 4_000, 503, "overloaded"),
        (2, 1_000, 500, "broken"),
        (3, 9_000, 503, "later"),
    ] {
        let phase = if millis < 2_000 { Phase::WarmUp } else { Phase::Measure };
        let mut record = streamed(id, phase, millis, &[], millis + 10, 0);
        (record.outcome, record.status, record.error) =
            (Outcome::Http5xx, Some(status), Some(error.to_owned()));
        record.usage = crate::record::Usage::default();
        tally.add(&record);
    }
    let mut refused = Record::due(RequestId(9), Phase::Measure, 0, at(8_000));
    (refused.outcome, refused.done) = (Outcome::Connect, Some(at(8_001)));
    tally.add(&refused);

    let summary = summary(&tally, true);
    assert!(summary.metrics.keys().all(|name| name == "send_lag"), "{:?}", summary.metrics.keys());
    assert_eq!((summary.counts.failed, summary.counts.total_failed), (4, 5));
    let classes: Vec<_> = summary
        .errors
        .iter()
        .map(|class| (class.status, class.count, class.example.as_str(), class.first, class.last))
        .collect();
    assert_eq!(
        classes,
        [
            (Some(503), 3, "overloaded", 4.01, 9.01),
            (None, 1, "", 8.001, 8.001),
            (Some(500), 1, "broken", 1.01, 1.01)
        ]
    );
    assert!(summary.validity.valid, "a refused request was not missed by the client");
}

#[test]
fn concurrency_is_weighted_by_time_and_added_over_threads() {
    let mut tally = tally();
    for (thread, start, in_flight, max) in
        [(0, 1_000, 90, 99), (0, 2_000, 4, 5), (1, 2_000, 6, 7), (0, 3_000, 10, 11), (0, 11_500, 8, 9)]
    {
        tally.add_window(&ThreadWindow {
            thread,
            start: at(start),
            length: Duration::from_secs(1),
            in_flight_nanos: in_flight * 1_000_000_000,
            in_flight_max: max,
            ..ThreadWindow::default()
        });
    }
    let rates = summary(&tally, false).rates;
    assert_eq!(rates.concurrency_mean, (4.0 + 6.0 + 10.0 + 4.0) / 10.0);
    assert_eq!(rates.concurrency_max, 12);
}

#[test]
fn an_end_that_is_known_late_gives_the_same_where_it_falls_on_a_tenth() {
    let records: Vec<Record> = (0..40)
        .map(|id| {
            streamed(
                id,
                Phase::Measure,
                2_000 + id * 250,
                &[2_100 + id * 250, 2_400 + id * 260],
                2_450 + id * 270,
                9,
            )
        })
        .collect();
    let (mut early, mut late) = (tally(), Tally::new(WINDOW.measure_start));
    for record in &records {
        early.add(record);
        late.add(record);
    }
    assert_eq!(summary(&early, true).rates, summary(&late, true).rates);
}

fn any_record() -> impl Strategy<Value = Record> {
    let times = (0..9_000u64, 0..40u64, prop::collection::vec(1..900u64, 0..6), 1..500u64);
    let facts = (0..Outcome::ALL.len(), prop::option::of(0..20u32), prop::option::of(400..404u16), 0..4u32);
    (0..1_000u64, times, facts).prop_map(
        |(id, (due, lag, gaps, rest), (outcome, tokens, status, in_event))| {
            let phase = if due < 2_000 { Phase::WarmUp } else { Phase::Measure };
            let mut last = due + lag;
            let events: Vec<u64> = gaps
                .iter()
                .map(|gap| {
                    last += gap;
                    last
                })
                .collect();
            let mut record = streamed(id, phase, due + lag, &events, last + rest, 0);
            (record.scheduled, record.outcome, record.status) = (at(due), Outcome::ALL[outcome], status);
            record.deltas.iter_mut().step_by(2).for_each(|delta| delta.tokens = in_event);
            record.usage.output_tokens = tokens;
            record.error = Some(format!("error {id}"));
            record.stamps = Some(Stamps { first_token: Some(at(due)), last_token: Some(at(last)) });
            record
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn neither_order_nor_division_matters(records in prop::collection::vec(any_record(), 0..40), cut in 0..40usize) {
        let fold = |records: &[Record]| {
            let mut tally = tally();
            records.iter().for_each(|record| tally.add(record));
            tally
        };
        let together = summary(&fold(&records), true);
        let reversed: Vec<Record> = records.iter().rev().cloned().collect();
        prop_assert_eq!(&summary(&fold(&reversed), true), &together);
        let (left, right) = records.split_at(cut.min(records.len()));
        let mut merged = fold(right);
        merged.merge(&fold(left));
        prop_assert_eq!(&summary(&merged, true), &together);
    }

    #[test]
    fn every_request_is_counted_once(records in prop::collection::vec(any_record(), 0..40)) {
        let mut tally = tally();
        records.iter().for_each(|record| tally.add(record));
        let counts = summary(&tally, true).counts;
        prop_assert_eq!(counts.total, records.len() as u64);
        prop_assert_eq!(counts.outcomes.values().sum::<u64>(), counts.scheduled);
        prop_assert!(counts.ok + counts.failed <= counts.scheduled);
    }
}
