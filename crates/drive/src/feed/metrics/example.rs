//! A small run for the tests of formats.

use std::time::Duration;

use plimsoll_core::record::{Delta, DeltaKind, Outcome, Phase, Record, RequestId};
use plimsoll_core::time::Offset;

use super::Meter;
use crate::recorder::WindowRow;

/// One request that took 100 ms, one that was refused, and their second.
pub(in crate::feed) fn example(meter: &mut Meter) {
    let at = |millis: u64| Offset::from_nanos(millis * 1_000_000);
    let mut record = Record::due(RequestId(0), Phase::Measure, 0, at(10));
    (record.sent, record.done, record.outcome, record.status) =
        (Some(at(12)), Some(at(112)), Outcome::Ok, Some(200));
    let delta = |millis| Delta { at: at(millis), tokens: 1, kind: DeltaKind::Text };
    record.deltas = [32, 42, 62].map(delta).to_vec();
    record.usage.output_tokens = Some(3);
    record.usage.input_tokens = Some(7);
    meter.add(&record);
    (record.outcome, record.status) = (Outcome::Http5xx, Some(503));
    meter.add(&record);
    meter.add_window(&WindowRow {
        scheduled: 2,
        sent: 2,
        completed: 1,
        failed: 1,
        content_events: 3,
        output_tokens: 3.0,
        bytes_sent: 900,
        bytes_received: 1_500,
        in_flight: 1,
        connections: 2,
        busy: 0.25,
        timer_lag_max: Duration::from_micros(60),
        ..WindowRow::default()
    });
}
