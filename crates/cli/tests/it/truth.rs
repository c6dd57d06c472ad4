//! The client's error against the truth of the embedded server, which stamps each event on the clock that both share.

use plimsoll_core::record::{Outcome, TokenSource};

use crate::program::{Place, count, deserved};

#[test]
fn measured_arrivals_are_compared_with_the_stamps() {
    let place = Place::new();
    let ended = place.line("run sim://?ttft=5ms&itl=1ms -u 4 -r 100000 -p 32 -o 10 --max-requests 60 --json");
    let (summary, records) = (place.summary(), place.records());
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    assert_eq!(count(&records, Outcome::Ok), 60);

    let truth = summary.truth.expect("the embedded server stamps");
    for error in [&truth.first_token_error, &truth.last_token_error] {
        assert_eq!(error.n, summary.counts.ok);
        for value in [error.mean, error.min, error.max, error.percentile(50.0)] {
            // No bytes arrive before they are sent; how long after is for measurements on a quiet machine.
            assert!(value.is_some_and(|value| value.is_finite() && value >= 0.0), "{error:?}");
        }
    }
    for record in &records {
        let stamps = record.stamps.expect("every answer is stamped");
        assert!(stamps.first_token < stamps.last_token, "{record:?}");
        assert!(stamps.first_token.unwrap() > record.sent.unwrap(), "{record:?}");
    }
}

#[test]
fn tokens_are_counted_exactly_however_they_come() {
    for (query, chunks) in [
        ("tokens_per_chunk=1", 12),
        ("tokens_per_chunk=5", 3),
        ("events_per_write=4", 12),
        ("usage=finish", 12),
        ("reasoning=4", 12),
        ("done=false", 12),
    ] {
        let place = Place::new();
        let line =
            format!("run sim://?ttft=2ms&itl=1ms&{query} -u 2 -r 100000 -p 32 -o 12 --max-requests 20");
        let ended = place.line(&line);
        let records = place.records();
        assert_eq!((records.len(), count(&records, Outcome::Ok)), (20, 20), "{query}: {ended:?}");
        for record in &records {
            let usage = record.usage;
            assert_eq!((usage.output_tokens, usage.source), (Some(12), TokenSource::Server), "{query}");
        }
        let summary = place.summary();
        let ok = summary.counts.ok;
        assert_eq!(summary.tokens.output, 12 * ok, "{query}");
        // One event opens a chat, one ends it, one may carry the usage.
        let around = if query == "usage=finish" { 2 } else { 3 };
        assert_eq!(summary.tokens.events, (chunks + around) * ok, "{query}");
    }
}

#[test]
fn without_counts_from_the_server_the_tokenizer_counts() {
    let place = Place::new();
    place.line("run sim://?ttft=2ms&itl=1ms&usage=none -u 2 -r 100000 -p 32 -o 12 --max-requests 10");
    for record in place.records() {
        assert_ne!(record.usage.source, TokenSource::Server);
        assert!(record.usage.output_tokens.is_some_and(|tokens| tokens > 0), "{record:?}");
    }
}
