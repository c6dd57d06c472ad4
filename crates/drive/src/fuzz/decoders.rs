//! Answers of all protocols.

use std::sync::{Arc, LazyLock};

use plimsoll_core::record::Outcome;
use plimsoll_core::spec::{Provider, RunSpec};
use plimsoll_core::time::Offset;
use proptest::prelude::*;

use super::{AT_LEAST, PER_BYTE, kept, most_held, mutated, pieces};
use crate::protocol::test_spec::{request, spec};
use crate::protocol::{Ended, Fields, Protocol, Reply, build, judge, supports};

const ANSWERS: [&str; 4] = ["llamacpp", "transformers", "triton", "corpus/answers"];

/// Every protocol in every way in which it can be asked.
static PROTOCOLS: LazyLock<Vec<(String, Arc<dyn Protocol>)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for provider in Provider::ALL {
        for &interface in supports(provider).interfaces {
            for stream in [false, true] {
                let mut spec: RunSpec = spec(provider, false, stream);
                spec.api.interface = interface;
                if let Ok(protocol) = build(&spec) {
                    all.push((format!("{provider:?} {interface:?} {stream}"), protocol));
                }
            }
        }
    }
    all
});

/// What is understood of an answer that comes in these pieces, and the most memory that it took.
fn read(
    protocol: &dyn Protocol,
    json_length: Option<usize>,
    pieces: &[&[u8]],
) -> ((Reply, Outcome, String), usize) {
    let length = json_length.map(|length| length.to_string());
    let list: Vec<httparse::Header<'_>> = length
        .iter()
        .map(|length| httparse::Header { name: "Inference-Header-Content-Length", value: length.as_bytes() })
        .collect();
    most_held(|| {
        let mut decoder = protocol.decoder(&request("bako dine", 6));
        let mut reply = Reply::default();
        decoder.fields(&Fields { status: Some(200), list: &list }, &mut reply);
        let read = pieces.iter().try_for_each(|piece| decoder.feed(piece, Offset::ZERO, &mut reply));
        let read = read.and_then(|()| decoder.finish(Offset::ZERO, &mut reply));
        let (outcome, error) = judge(&reply, read.map_or_else(Ended::Malformed, |()| Ended::Whole));
        reply.coalesced_events = 0;
        // What was found is shown from the buffer, of which more or less may have come.
        let error = error.unwrap_or_default();
        (reply, outcome, error.split('`').next().unwrap_or_default().to_owned())
    })
}

/// Reads an answer whole and in pieces, and compares.
fn check(name: &str, protocol: &dyn Protocol, json_length: Option<usize>, bytes: &[u8], pieces: &[&[u8]]) {
    let (whole, most) = read(protocol, json_length, &[bytes]);
    let (cut, most_cut) = read(protocol, json_length, pieces);
    let shown = || format!("{name}: {}", bytes.escape_ascii());
    assert_eq!(format!("{cut:?}"), format!("{whole:?}"), "{}", shown());
    let limit = AT_LEAST + PER_BYTE * bytes.len();
    assert!(most.max(most_cut) <= limit, "{most} or {most_cut} bytes for {}: {}", bytes.len(), shown());
}

#[test]
fn kept_answers_are_read_alike_by_all_wherever_they_are_cut() {
    for (path, bytes) in kept(&["corpus/answers"]) {
        for (name, protocol) in PROTOCOLS.iter() {
            for step in [1, 7] {
                let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
                check(&format!("{name} {}", path.display()), &**protocol, None, &bytes, &pieces);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_answers_are_read_alike_wherever_they_are_cut(
        bytes in mutated(&ANSWERS),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        which in any::<prop::sample::Index>(),
        json_length in prop::option::of(0..300_usize),
    ) {
        let (name, protocol) = which.get(&PROTOCOLS);
        check(name, &**protocol, json_length, &bytes, &pieces(&bytes, &cuts));
    }

    #[test]
    fn noise_is_read_alike_wherever_it_is_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        which in any::<prop::sample::Index>(),
    ) {
        let (name, protocol) = which.get(&PROTOCOLS);
        check(name, &**protocol, None, &bytes, &pieces(&bytes, &cuts));
    }
}
