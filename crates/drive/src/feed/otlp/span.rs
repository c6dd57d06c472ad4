//! A record as a span, by the conventions of OpenTelemetry for clients of generative models.

use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::time::Offset;

use super::message::{Any, Event, Span, Status, attribute, text};
use super::span_feed::SpanInfo;
use super::tracing::Identity;
use crate::clock::Clock;

/// SPAN_KIND_CLIENT.
const CLIENT: i32 = 3;
/// STATUS_CODE_ERROR.
const ERROR: i32 = 2;
/// The trace is kept (sampled).
const SAMPLED: u32 = 1;

/// The span of a request: from its first byte, or from when it was due if it was never sent, to its end.
pub(super) fn span(record: &Record, identity: Identity, info: &SpanInfo, clock: Clock) -> Span {
    let wall = |at: Offset| u64::try_from(clock.wall(at).as_nanos()).unwrap_or(u64::MAX);
    let start = record.sent.unwrap_or(record.scheduled);
    let end = record.done.unwrap_or(start).max(start);
    let events = [
        ("headers", record.headers),
        ("first_token", record.first_token()),
        ("last_token", record.last_token()),
    ];
    let events =
        events.into_iter().filter_map(|(name, at)| Some(Event { time: wall(at?), name: name.to_owned() }));
    let status = (record.outcome != Outcome::Ok).then(|| Status {
        message: record.error.clone().unwrap_or_default(),
        code: if record.outcome.is_failure() { ERROR } else { 0 },
    });
    Span {
        trace_id: identity.trace.to_vec(),
        span_id: identity.span.to_vec(),
        name: if info.model.is_empty() {
            info.operation.clone()
        } else {
            format!("{} {}", info.operation, info.model)
        },
        kind: CLIENT,
        start: wall(start),
        end: wall(end),
        attributes: attributes(record, info),
        events: events.collect(),
        status,
        flags: SAMPLED,
    }
}

fn attributes(record: &Record, info: &SpanInfo) -> Vec<super::message::KeyValue> {
    let mut attributes = vec![
        text("testid", &info.testid),
        text("server.address", &info.server),
        attribute("server.port", Any::Whole(i64::from(info.port))),
        text("gen_ai.operation.name", &info.operation),
        text("plimsoll.outcome", record.outcome.name()),
        attribute("plimsoll.request", Any::Whole(i64::try_from(record.id.0).unwrap_or(i64::MAX))),
    ];
    if !info.model.is_empty() {
        attributes.push(text("gen_ai.request.model", &info.model));
    }
    if record.outcome.is_failure() {
        attributes.push(text("error.type", record.outcome.name()));
    }
    let numbers = [
        ("http.response.status_code", record.status.map(i64::from)),
        ("gen_ai.usage.input_tokens", record.usage.input_tokens.map(i64::from)),
        ("gen_ai.usage.output_tokens", record.usage.output_tokens.map(i64::from)),
    ];
    attributes
        .extend(numbers.into_iter().filter_map(|(name, number)| Some(attribute(name, Any::Whole(number?)))));
    let times = [
        ("plimsoll.send_lag", record.send_lag()),
        ("plimsoll.ttft", record.ttft()),
        ("plimsoll.tpot", record.tpot()),
    ];
    attributes.extend(times.into_iter().filter_map(|(name, time)| Some(attribute(name, Any::Real(time?)))));
    attributes
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::{Phase, RequestId};

    use super::*;

    fn shown(record: &Record) -> (Span, Vec<String>) {
        let info = SpanInfo {
            testid: "t".to_owned(),
            operation: "chat".to_owned(),
            model: "m".to_owned(),
            server: "h".to_owned(),
            port: 8000,
        };
        let span = span(record, Identity { trace: [1; 16], span: [2; 8] }, &info, Clock::simulated());
        let keys = span.attributes.iter().map(|attribute| attribute.key.clone()).collect();
        (span, keys)
    }

    #[test]
    fn a_failure_is_an_error_with_its_class_and_what_was_not_sent_has_no_length() {
        let at = |millis: u64| Offset::from_nanos(millis * 1_000_000);
        let mut record = Record::due(RequestId(3), Phase::Measure, 0, at(10));
        (record.outcome, record.error) = (Outcome::Shed, Some("no place".to_owned()));
        let (span, keys) = shown(&record);
        assert_eq!(span.end, span.start);
        assert_eq!(span.status.unwrap(), Status { message: "no place".to_owned(), code: 0 });
        assert!(!keys.contains(&"error.type".to_owned()));

        (record.sent, record.done, record.headers) = (Some(at(11)), Some(at(61)), Some(at(31)));
        (record.outcome, record.status) = (Outcome::Http5xx, Some(503));
        let (span, keys) = shown(&record);
        assert_eq!((span.end - span.start, span.name.as_str(), span.kind), (50_000_000, "chat m", CLIENT));
        assert_eq!(span.events, [Event { time: span.start + 20_000_000, name: "headers".to_owned() }]);
        assert_eq!(span.status.unwrap().code, ERROR);
        for key in ["error.type", "http.response.status_code", "plimsoll.send_lag"] {
            assert!(keys.contains(&key.to_owned()), "{keys:?}");
        }
    }
}
