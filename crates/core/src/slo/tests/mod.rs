//! Objectives from their text to their verdict.

mod binomial;
mod errors;
mod parse;
mod set;
mod settled;
mod verdicts;
mod warmup;
mod watch;

use crate::record::{Outcome, Phase, Record, RequestId};
use crate::slo::{Confidence, Slo, Slos};
use crate::time::Offset;

/// Objectives from their texts.
fn set(texts: &[&str]) -> Slos {
    let list = texts.iter().map(|text| text.parse::<Slo>().unwrap()).collect();
    Slos::new(list, Confidence::default()).unwrap()
}

/// So many milliseconds after the start.
fn ms(millis: u64) -> Offset {
    Offset::from_nanos(millis * 1_000_000)
}

/// A measured request, answered after `latency` milliseconds.
fn answered(scheduled: Offset, latency: f64) -> Record {
    let mut record = Record::due(RequestId(0), Phase::Measure, 0, scheduled);
    record.sent = Some(scheduled);
    record.done = Some(scheduled + std::time::Duration::from_secs_f64(latency / 1e3));
    record.outcome = Outcome::Ok;
    record
}
