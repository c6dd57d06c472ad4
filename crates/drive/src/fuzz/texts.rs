//! What servers say of themselves, and what users give: metadata, lists of models, refusals, traces, data sets, URLs.

use plimsoll_core::load::trace::{Trace, TraceOptions};
use plimsoll_core::workload::Line;
use proptest::prelude::*;

use super::{AT_LEAST, PER_BYTE, kept, most_held, mutated};
use crate::protocol::probe::parse_models;
use crate::protocol::v2_metadata::{parse_config, parse_index, parse_inputs};
use crate::protocol::{error_excerpt, refused_members};
use crate::transport::Origin;

const METADATA: [&str; 2] = ["corpus/metadata", "llamacpp"];
const TRACES: [&str; 1] = ["corpus/traces"];
const LINES: [&str; 1] = ["corpus/lines"];

/// Runs a reader on this input and bounds what it holds.
fn survive(name: &str, bytes: &[u8], reader: impl FnOnce(&[u8])) {
    let ((), most) = most_held(|| reader(bytes));
    let limit = AT_LEAST + PER_BYTE * bytes.len();
    assert!(most <= limit, "{name} held {most} bytes for {}: {}", bytes.len(), bytes.escape_ascii());
}

fn read_metadata(bytes: &[u8]) {
    survive("inputs", bytes, |bytes| drop(parse_inputs(bytes)));
    survive("config", bytes, |bytes| drop(parse_config(bytes)));
    survive("index", bytes, |bytes| drop(parse_index(bytes)));
    survive("models", bytes, |bytes| drop(parse_models(bytes)));
    survive("refused", bytes, |bytes| drop(refused_members(br#"{"model":"m","stream_options":{}}"#, bytes)));
    survive("excerpt", bytes, |bytes| assert!(error_excerpt(bytes).chars().count() <= 310));
}

fn read_trace(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let options = TraceOptions { speed: 2.0, ..TraceOptions::default() };
    survive("trace", text.as_bytes(), |_| drop(Trace::parse("trace", &text, &options)));
}

fn read_line(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for chat in [false, true] {
        survive("line", text.as_bytes(), |_| drop(Line::parse(&text, chat)));
    }
}

#[test]
fn kept_texts_are_survived() {
    kept(&METADATA).iter().for_each(|(_, bytes)| read_metadata(bytes));
    kept(&TRACES).iter().for_each(|(_, bytes)| read_trace(bytes));
    kept(&LINES).iter().for_each(|(_, bytes)| read_line(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_metadata_is_survived(bytes in mutated(&METADATA)) {
        read_metadata(&bytes);
    }

    #[test]
    fn changed_traces_are_survived(bytes in mutated(&TRACES)) {
        read_trace(&bytes);
    }

    #[test]
    fn changed_lines_are_survived(bytes in mutated(&LINES)) {
        read_line(&bytes);
    }

    #[test]
    fn whatever_is_given_as_a_url_is_read_or_refused(
        text in "(http|https|sim|ftp)?(://)?[a-z0-9.@:%\\[\\]/?#é -]{0,30}",
    ) {
        let _ = Origin::parse(&text);
    }
}
